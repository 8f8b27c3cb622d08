//! The files in `examples/`.

use std::path::Path;

use serde_json::Value;
use throughput_core::plan::Plan;
use throughput_core::plan::permissions::Permissions;
use throughput_crds::ThroughputTest;
use throughput_sources::registry::Registry;

/// All examples with their files' names.
pub(crate) fn all() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(!files.is_empty(), "examples/ has no YAML file");
    let read = |file: &Path| serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    files.iter().map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), read(file))).collect()
}

#[test]
fn every_example_becomes_a_plan() {
    // What the examples say that an administrator has to permit.
    let permissions = Permissions::new(&[], &["localhost/throughput/pulp:*".to_owned()]);
    for (file, example) in all() {
        let test: ThroughputTest = serde_json::from_value(example).unwrap();
        let plan = Plan::new("pulp", &test.spec, &permissions, &Registry);
        assert!(plan.is_ok(), "{file}: {plan:?}");
    }
}
