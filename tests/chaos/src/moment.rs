//! Waiting for the moment: as soon as a stage is in the status, before the operator has done much about it.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use kube::api::{WatchEvent, WatchParams};
use kube::{Api, ResourceExt};
use throughput_crds::{Stage, ThroughputTest};
use throughput_e2e_tests::Cluster;

/// How long a stage may take to be reached.
const DEADLINE: Duration = Duration::from_mins(4);

/// Waits until the status of this test, which was just created, shows the stage. Every version of the status is
/// seen, so that a stage that lasts for milliseconds is not missed.
pub(super) async fn reached(cluster: &Cluster, created: &ThroughputTest, stage: Stage) {
    let tests: Api<ThroughputTest> = cluster.api();
    let name = created.name_any();
    let only = WatchParams::default().fields(&format!("metadata.name={name}"));
    let version = created.resource_version().expect("a version");
    let watched = async {
        let mut versions = tests.watch(&only, &version).await.expect("watch the test").boxed();
        while let Some(event) = versions.try_next().await.expect("watch the test") {
            let WatchEvent::Modified(test) = event else { continue };
            let status = test.status.unwrap_or_default();
            if status.current.is_some_and(|current| current.stage == stage) {
                return;
            }
            assert_eq!(
                status.verdict, None,
                "{name} was over before it came to {stage:?}: {:#?}",
                status.results
            );
        }
        panic!("the watch ended before {name} came to {stage:?}");
    };
    let watched = tokio::time::timeout(DEADLINE, watched).await;
    watched.unwrap_or_else(|_| panic!("{name} did not come to {stage:?} within {DEADLINE:?}"));
}
