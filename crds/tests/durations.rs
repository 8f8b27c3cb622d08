//! Every duration of the API has bounds, in its schema and for specs that were stored under an older one.

#![cfg(feature = "kube")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use kube::CustomResourceExt as _;
use serde_json::{Value, json};
use throughput_crds::{ThroughputTest, ThroughputTestSpec};

/// The shortest and the longest value of each.
const BOUNDS: [(&str, &str, &str); 14] = [
    ("observe.interval", "1s", "1h"),
    ("observe.profile.delay", "0s", "24h"),
    ("observe.profile.duration", "1s", "15m"),
    ("timeouts.cancel", "1s", "168h"),
    ("timeouts.cleanup", "1s", "168h"),
    ("timeouts.collect", "1s", "168h"),
    ("timeouts.dispatch", "1s", "168h"),
    ("timeouts.drain", "1s", "168h"),
    ("timeouts.generatorStart", "1s", "168h"),
    ("timeouts.scale", "1s", "168h"),
    ("timeouts.settle", "1s", "168h"),
    ("timeouts.start", "1s", "168h"),
    ("workload.pulpTasks.dispatch.request.timeout", "1s", "1h"),
    ("workload.pulpTasks.dispatch.testView.timeout", "1s", "1h"),
];

/// A name that a duration has in the API.
fn is_named_like_a_duration(name: &str) -> bool {
    ["timeout", "interval", "delay", "duration", "period", "within"]
        .iter()
        .any(|word| name.to_lowercase().ends_with(word))
}

/// Whether a schema is that of a duration: one of the texts of which `90s` is one and `90` is none.
fn is_a_duration(name: &str, schema: &Value) -> bool {
    let pattern = schema["pattern"].as_str().unwrap_or_default();
    schema["type"] == "string" && (is_named_like_a_duration(name) || pattern.contains("h)?("))
}

/// The durations of a schema, by their fields.
fn durations(path: &str, schema: &Value, found: &mut BTreeMap<String, Value>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if is_a_duration(name, property) {
            found.insert(path.clone(), property.clone());
        }
        durations(&path, property, found);
        durations(&path, &property["items"], found);
        durations(&path, &property["additionalProperties"], found);
    }
}

fn durations_of_the_spec() -> BTreeMap<String, Value> {
    let crd = serde_json::to_value(ThroughputTest::crd()).unwrap();
    let mut found = BTreeMap::new();
    let schema = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
    durations("", crd.pointer(schema).unwrap(), &mut found);
    found
}

/// A spec in which each of these fields has this value.
fn spec_with<'a>(fields: impl IntoIterator<Item = &'a str>, value: &str) -> ThroughputTestSpec {
    let request = json!({"path": "x/"});
    let mut spec = json!({
        "targets": [],
        "workload": {"pulpTasks": {"tasks": 1, "dispatch": {"testView": {}, "request": request}}},
        "observe": {"profile": {"selector": {"matchLabels": {"app": "pulp"}}}},
        "timeouts": {},
    });
    for field in fields {
        let (parent, name) = field.rsplit_once('.').unwrap();
        let parent = format!("/{}", parent.replace('.', "/"));
        spec.pointer_mut(&parent).unwrap()[name] = json!(value);
    }
    serde_json::from_value(spec).unwrap()
}

#[test]
fn every_duration_has_bounds_in_its_schema_and_says_what_to_write() {
    let found = durations_of_the_spec();
    assert_eq!(found.keys().collect::<Vec<_>>(), BOUNDS.map(|(field, _, _)| field));
    for (field, shortest, longest) in BOUNDS {
        let rules = &found[field]["x-kubernetes-validations"];
        let rule =
            format!("duration(self) >= duration('{shortest}') && duration(self) <= duration('{longest}')");
        let message = format!("write a duration from {shortest} to {longest}, as in 90s, 15m or 1h30m");
        assert_eq!(rules, &json!([{"rule": rule, "message": message}]), "{field}");
    }
}

#[test]
fn every_duration_of_a_spec_from_an_older_schema_is_told_where_it_is_out_of_bounds() {
    let found = durations_of_the_spec();
    let spec = spec_with(found.keys().map(String::as_str), "999999h");
    let mut told: Vec<&str> = spec.durations_out_of_bounds().iter().map(|told| told.field).collect();
    told.sort_unstable();
    assert_eq!(told, found.keys().collect::<Vec<_>>());
    let of_none = spec_with(found.keys().map(String::as_str), "0s");
    let told: Vec<String> = of_none.durations_out_of_bounds().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), BOUNDS.len() - 1, "only observe.profile.delay can be none: {told:?}");
    assert!(told.contains(&"observe.interval is 0s: write a duration from 1s to 1h".to_owned()), "{told:?}");
}

#[test]
fn the_defaults_are_within_the_bounds() {
    assert_eq!(spec_with([], "").durations_out_of_bounds(), []);
}
