//! Whatever spec the API server lets through, and many that it does not: it becomes a plan or a rejection, and nothing
//! else happens.
//!
//! Specs are made of the generated schema and of a good spec, by dice that fall the same way each time: a field that is
//! added to the API is tried out without anybody's doing.

use kube::CustomResourceExt;
use serde_json::{Map, Value, json};
use throughput_core::kinds::pulp_tasks::plan::Subject;
use throughput_core::plan::Plan;
use throughput_core::plan::destination;
use throughput_core::plan::permissions::Permissions;
use throughput_crds::{ThroughputTest, ThroughputTestSpec};
use throughput_model::cell::CellAddress;
use throughput_sources::registry::Registry;
use throughput_test_support::dice::Dice;

/// How many specs are tried.
const SPECS: u64 = 20_000;
/// How many of them have to become plans, or the dice try out too little.
const PLANS: u64 = 500;

/// Says which dice led to a panic.
struct Told(u64, Value);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("with the dice {}: {:#}", self.0, self.1);
        }
    }
}

/// Texts that somebody might write, or somebody might try.
const TEXTS: [&str; 34] = [
    "",
    " ",
    "workers",
    "content",
    "concurrency",
    "generators",
    "users",
    "pulp-worker",
    "15m",
    "0s",
    "999999h999999m",
    "18446744073709551615h",
    "0.99",
    "-1",
    "NaN",
    "1e308",
    ".5",
    "tasks.perSecond",
    "tasks.wait.p99Milliseconds",
    "/pulp/",
    "/",
    "//",
    "/../",
    "../..",
    "http://127.0.0.1:1",
    "https://[::1]:99999",
    "http://a@b/",
    "x-rh-identity",
    "$(unique)$(unique)",
    "[1, 2",
    "\0\r\nHost: a",
    "\u{202e}é\u{10ffff}",
    "%2e%2e%2f",
    "apps/v1",
];

/// A value of this schema, or nearly one.
fn any(dice: &mut Dice, schema: &Value, depth: u32) -> Value {
    if let Some(words) = schema["enum"].as_array().filter(|_| !dice.one_in(20)) {
        return dice.pick(words).clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let mut object = Map::new();
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                let wanted = required.contains(&json!(name)) && !dice.one_in(30);
                if wanted || (depth > 0 && dice.one_in(2)) {
                    object.insert(name.clone(), any(dice, field, depth.saturating_sub(1)));
                }
            }
            if schema["additionalProperties"].is_object() {
                for _ in 0..dice.below(3) {
                    let field = any(dice, &schema["additionalProperties"], depth.saturating_sub(1));
                    object.insert((*dice.pick(&TEXTS)).to_owned(), field);
                }
            }
            Value::Object(object)
        }
        Some("array") => {
            let length = dice.below(4);
            (0..length).map(|_| any(dice, &schema["items"], depth.saturating_sub(1))).collect()
        }
        Some("integer") => {
            let least = schema["minimum"].as_f64().unwrap_or(-10.0);
            let most = schema["maximum"].as_f64().unwrap_or(1e6);
            let [least, most] =
                [least, most].map(|bound| format!("{bound:.0}").parse::<i64>().unwrap_or_default());
            let between = least.saturating_add_unsigned(dice.below(most.abs_diff(least)));
            json!(*dice.pick(&[least, most, between, between, 0, 1, 2, -1, i64::MAX]))
        }
        Some("boolean") => json!(dice.one_in(2)),
        Some("string") if dice.one_in(30) => json!("x".repeat(10_000)),
        Some("string") => json!(dice.pick(&TEXTS)),
        // Integer or text: the values of an axis.
        _ if dice.one_in(2) => json!(dice.below(10)),
        _ => json!(dice.pick(&TEXTS)),
    }
}

/// A value like this one, with something of it replaced.
fn like(dice: &mut Dice, schema: &Value, model: &Value) -> Value {
    if dice.one_in(25) {
        return any(dice, schema, 4);
    }
    match model {
        Value::Object(fields) => {
            let mut object = Map::new();
            for (name, field) in fields {
                if !dice.one_in(40) {
                    object.insert(name.clone(), like(dice, &schema["properties"][name], field));
                }
            }
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                if !object.contains_key(name) && dice.one_in(20) {
                    object.insert(name.clone(), any(dice, field, 3));
                }
            }
            Value::Object(object)
        }
        Value::Array(items) => {
            let mut some = Vec::new();
            for item in items {
                if !dice.one_in(40) {
                    some.push(like(dice, &schema["items"], item));
                }
            }
            Value::Array(some)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => model.clone(),
    }
}

fn good_spec() -> Value {
    json!({
        "targets": [{
            "name": "pulp",
            "service": {"name": "pulp-api", "port": 24817},
            "credentials": {"secretRef": {"name": "pulp-admin"}},
            "pulp": {"apiRoot": "/pulp/"},
        }],
        "scale": [
            {"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pulp-worker"}},
            {"name": "content", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pulp-content"}},
        ],
        "matrix": [
            {"name": "workers", "of": "Scale", "values": [1, 2]},
            {"name": "concurrency", "of": "Load", "values": [1, 4]},
        ],
        "repeat": 2,
        "workload": {"pulpTasks": {"tasks": 100, "dispatch": {"request": {"path": "api/v3/tasks/purge/", "body": "{}"}}}},
        "load": {"generators": 1, "concurrency": 1},
        "criteria": [{"metric": "tasks.successRatio", "atLeast": "0.99"}],
        "timeouts": {"start": "15m"},
    })
}

#[test]
fn any_spec_becomes_a_plan_or_a_rejection() {
    let definition = serde_json::to_value(ThroughputTest::crd()).unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    assert!(schema["properties"]["targets"].is_object(), "the schema is where it is looked for");
    let permissions = Permissions::new(&["http://127.0.0.1:1".to_owned()], &["*".to_owned()]);
    let (good, mut plans) = (good_spec(), 0);
    for seed in 0..SPECS {
        let mut dice = Dice::new(seed);
        let written = if seed % 8 == 0 { any(&mut dice, schema, 6) } else { like(&mut dice, schema, &good) };
        let told = Told(seed, written);
        let Ok(spec) = serde_json::from_value::<ThroughputTestSpec>(told.1.clone()) else {
            continue;
        };
        match Plan::new("pulp", &spec, &permissions, &Registry) {
            Ok(plan) => {
                plans += 1;
                assert!((1..=64).contains(&plan.cells.len()), "{} cells", plan.cells.len());
                let address = CellAddress { test_uid: "3f1c".to_owned(), cell: 0, attempt: 1 };
                for cell in &plan.cells {
                    drop(plan.order(cell, &address));
                }
                for Subject { pulp, .. } in plan.subjects() {
                    let _ = destination::needs_permission(&pulp.dispatch);
                }
            }
            Err(rejection) => {
                assert!(!rejection.to_string().is_empty() && !rejection.reason().as_str().is_empty());
            }
        }
    }
    assert!(plans > PLANS, "only {plans} of {SPECS} specs became plans");
}
