//! The files in `examples/`, run as a user would.
#![expect(clippy::unwrap_used, reason = "test code stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::ResourceExt;
use kube::api::{Api, PostParams};
use throughput_crds::{ThroughputTest, Verdict};
use throughput_e2e_tests::Cluster;
use throughput_test_support::program;
use throughput_test_support::spec::WORKERS;

/// More tasks than this are not dispatched a cell: what an example shows does not need more.
const MOST_TASKS: u64 = 250;
const RUN: Duration = Duration::from_mins(10);

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

/// The sources of the other tests, which have examples that they run themselves: with figures compared, or with
/// what an example needs besides.
fn other_tests() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let others = files.filter(|file| file.is_file() && !file.ends_with("examples.rs"));
    others.map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

/// Examples that other tests run.
const RUN_ELSEWHERE: [&str; 6] = [
    "throughput-test-request.yaml",
    "throughput-test-backlog.yaml",
    "throughput-test-in-process.yaml",
    "throughput-test-database.yaml",
    "throughput-test-rds.yaml",
    "throughput-test-https.yaml",
];
/// Examples for what the local cluster has not: on the API rung they become plans, and what is special about them
/// is tested there.
const NEEDS_MORE: [(&str, &str); 2] =
    [("throughput-test-pulp-operator.yaml", "pulp-operator"), ("throughput-test-clowder.yaml", "Clowder")];

#[tokio::test]
async fn every_example_runs_to_its_end_and_passes() {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    let others = other_tests();
    let mut run = 0;
    for path in yaml_files(&program::root().join("examples")) {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        if RUN_ELSEWHERE.contains(&file.as_str()) {
            assert!(others.contains(&file), "{file} is said to be run by another test, and none names it");
            continue;
        }
        if NEEDS_MORE.iter().any(|(known, _)| *known == file) {
            continue;
        }
        let example: ThroughputTest =
            serde_json::from_value(cluster.example(&file, MOST_TASKS).await).unwrap();
        let name = example.name_any();
        cluster.delete(&name).await;
        let tests: Api<ThroughputTest> = cluster.api();
        tests.create(&PostParams::default(), &example).await.unwrap();
        let status = cluster.until_finished(&name, RUN).await;
        let wait = ["wait", "throughputtest", &name, "--for=condition=Finished", "--timeout=10s"];
        cluster.kubectl(&wait, "").await.unwrap();
        assert_eq!(status.verdict, Some(Verdict::Passed), "{file}: {status:#?}");
        cluster.assert_nothing_left(&name).await;
        cluster.delete(&name).await;
        run += 1;
    }
    assert!(run > 0, "no example was run");
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
}
