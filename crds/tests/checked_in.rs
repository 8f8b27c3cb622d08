//! What is checked in beside the types agrees with them.

#![cfg(feature = "kube")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use throughput_crds::{ThroughputTest, crd_yaml};

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_yaml_is_what_the_types_generate() {
    for path in ["throughputtests.yaml", "../charts/throughput-operator/files/throughputtests.yaml"] {
        let checked_in = std::fs::read_to_string(file(path)).unwrap();
        assert!(checked_in == crd_yaml().unwrap(), "{path} is not what the types generate: run `make crds`");
    }
}

#[test]
fn every_example_has_only_fields_that_the_types_know() {
    let mut examples = 0;
    for entry in std::fs::read_dir(file("../examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let written: Value = serde_saphyr::from_str(&text).unwrap();
        let read: ThroughputTest = serde_saphyr::from_str(&text).unwrap();
        let lost = lost("", &written, &serde_json::to_value(&read).unwrap());
        assert!(lost.is_empty(), "{}: unknown fields: {lost:?}", path.display());
        examples += 1;
    }
    assert!(examples > 0, "examples/ has no YAML file");
}

#[test]
fn an_unknown_field_would_be_found() {
    let written = serde_json::json!({"spec": {"scale": [{"name": "workers", "reference": {}}], "repeat": 2}});
    let read = serde_json::json!({"spec": {"scale": [{"name": "workers"}], "repeat": 2, "load": {}}});
    assert_eq!(lost("", &written, &read), ["/spec/scale/0/reference"]);
}

/// The paths of what was written and not read.
fn lost(path: &str, written: &Value, read: &Value) -> Vec<String> {
    let within = |key: &str, value: &Value, read: Option<&Value>| {
        let path = format!("{path}/{key}");
        read.map_or_else(|| vec![path.clone()], |read| lost(&path, value, read))
    };
    match written {
        Value::Object(fields) => {
            fields.iter().flat_map(|(key, value)| within(key, value, read.get(key))).collect()
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| within(&index.to_string(), item, read.get(index)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}
