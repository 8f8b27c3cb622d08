//! Which tests there are, and when one has to be looked at.
//!
//! Of each test only its metadata is sent by the API server, and of that only what is needed is kept: a thousand
//! finished tests with all their results would take more memory than everything else that the operator does. Each
//! look reads the test afresh.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::controller::{Config as ControllerConfig, Controller};
use kube::runtime::reflector;
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{Predicate, PredicateConfig, WatchStreamExt, predicates};
use kube::{Api, Client, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::objects::names::{MANAGED_BY_LABEL, MANAGED_BY_VALUE};
use crate::reconcile::{Context, Known, after_error, reconcile};

/// How many tests are looked at at once.
const TESTS_AT_ONCE: u16 = 16;
/// How many objects are listed at once: what a page holds is all in memory at the same time.
const PAGE: u32 = 100;

/// Looks at the tests of a namespace whenever they or what they own have changed, until `work` is cancelled.
pub async fn watch(client: &Client, namespace: &str, context: &Arc<Context>, work: &CancellationToken) {
    let everything = watcher::Config::default().page_size(PAGE);
    let ours = everything.clone().labels(&format!("{MANAGED_BY_LABEL}={MANAGED_BY_VALUE}"));
    let tests: Api<Known> = Api::namespaced(client.clone(), namespace);
    let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let (reader, writer) = reflector::store();
    let forgetful = context.clone();
    let changes = watcher(tests, everything)
        .default_backoff()
        .modify(slim)
        .inspect_ok(move |event| {
            if let Event::Delete(test) = event {
                forgetful.forget(&test.uid().unwrap_or_default());
            }
        })
        .reflect(writer)
        .applied_objects()
        // The status is the operator's own: writing it is no reason to look again.
        .predicate_filter(
            predicates::generation.combine(predicates::finalizers).combine(predicates::labels),
            PredicateConfig::default(),
        );
    Controller::for_stream(changes, reader)
        .owns(jobs, ours.clone())
        .owns(maps, ours)
        .with_config(ControllerConfig::default().concurrency(TESTS_AT_ONCE))
        .graceful_shutdown_on(work.clone().cancelled_owned())
        .run(reconcile, after_error, context.clone())
        .for_each(|result| async {
            // What failed within a test is logged where it is known; what remains is about watching.
            if let Err(error) = result
                && !matches!(error, kube::runtime::controller::Error::ReconcilerFailed(..))
            {
                tracing::warn!(%error, "watching");
            }
        })
        .await;
}

/// Leaves out what no look needs and takes room: who wrote which field, and annotations, where `kubectl` keeps a
/// copy of the whole object.
fn slim(test: &mut Known) {
    test.metadata.managed_fields = None;
    test.metadata.annotations = None;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_test_only_what_a_look_begins_with_is_kept() {
        let mut test: Known = serde_json::from_value(json!({
            "metadata": {
                "name": "small",
                "namespace": "pulp",
                "uid": "3f1c",
                "generation": 2,
                "finalizers": ["perf.pulpproject.org/restore"],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "x".repeat(10_000)},
                "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
            },
            "spec": {"repeat": 64},
            "status": {"results": ["x".repeat(10_000)]},
        }))
        .unwrap();
        slim(&mut test);
        let kept = json!({
            "metadata": {
                "name": "small",
                "namespace": "pulp",
                "uid": "3f1c",
                "generation": 2,
                "finalizers": ["perf.pulpproject.org/restore"],
            },
        });
        assert_eq!(serde_json::to_value(&test).unwrap(), kept);
    }
}
