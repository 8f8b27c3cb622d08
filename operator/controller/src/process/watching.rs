//! Which tests there are, and when one has to be looked at.
//!
//! Of each test only its metadata is sent by the API server, and of that only what is needed is kept: a thousand
//! finished tests with all their results would take more memory than everything else that the operator does. Each
//! look reads the test afresh.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Config as ControllerConfig, Controller};
use kube::runtime::reflector;
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{Predicate, PredicateConfig, WatchStreamExt, predicates};
use kube::{Api, Client, ResourceExt};
use throughput_crds::RESTORE_FINALIZER;
use tokio_util::sync::CancellationToken;

use crate::objects::known::Known;
use crate::objects::names::{MANAGED_BY_LABEL, MANAGED_BY_VALUE};
use crate::objects::pages::PAGE;
use crate::reconcile::{Context, after_error, reconcile, wanted};

/// How many tests are looked at at once: more than may wait for a server, so that there is always room for the others.
pub(crate) const TESTS_AT_ONCE: u16 = 32;

/// Looks at the tests of a namespace whenever they or what they own have changed, until `work` is cancelled.
pub async fn watch(client: &Client, namespace: &str, context: &Arc<Context>, work: &CancellationToken) {
    let everything = watcher::Config::default().page_size(PAGE);
    let ours = everything.clone().labels(&format!("{MANAGED_BY_LABEL}={MANAGED_BY_VALUE}"));
    let tests: Api<Known> = Api::namespaced(client.clone(), namespace);
    // Of these no more is sent than their metadata: whose they are is all that is asked of them.
    let jobs: Api<PartialObjectMeta<Job>> = Api::namespaced(client.clone(), namespace);
    let maps: Api<PartialObjectMeta<ConfigMap>> = Api::namespaced(client.clone(), namespace);
    let (reader, writer) = reflector::store();
    let (forgetful, mut present, within) = (context.clone(), Present::default(), namespace.to_owned());
    let changes = watcher(tests, everything)
        .default_backoff()
        .modify(slim)
        .inspect_ok(move |event| {
            // Before the test is looked at, and before any that was created later.
            forgetful.queues.hear(&within, event);
            if let Event::Apply(test) | Event::InitApply(test) = event {
                forgetful.wishes.note(&test.uid().unwrap_or_default(), wanted(test));
            }
            for gone in present.gone(event) {
                forgetful.forget(&gone);
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
        .reconcile_on(context.queues.to_look_at(namespace))
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

/// The UIDs of the tests that there are. While the watch is away nobody tells of a test that is deleted: it is missing from
/// the list that the watch begins anew with.
#[derive(Debug, Default)]
struct Present {
    known: HashSet<String>,
    listed: HashSet<String>,
}

impl Present {
    /// The tests that are gone by this event.
    fn gone(&mut self, event: &Event<Known>) -> Vec<String> {
        let uid = |test: &Known| test.uid().unwrap_or_default();
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(test) => {
                self.listed.insert(uid(test));
            }
            Event::InitDone => {
                let before = std::mem::replace(&mut self.known, std::mem::take(&mut self.listed));
                return before.difference(&self.known).cloned().collect();
            }
            Event::Apply(test) => {
                self.known.insert(uid(test));
            }
            Event::Delete(test) => {
                self.known.remove(&uid(test));
                return vec![uid(test)];
            }
        }
        Vec::new()
    }
}

/// Leaves of a test what a look begins with, however much its author has written into its metadata. In the labels'
/// stead there is a number that changes with them: a change of them asks for a look.
fn slim(test: &mut Known) {
    let all = std::mem::take(&mut test.metadata);
    let labels = all.labels.map(|labels| {
        let mut hasher = DefaultHasher::new();
        labels.hash(&mut hasher);
        [("hash".to_owned(), hasher.finish().to_string())].into()
    });
    let finalizers = all.finalizers.map(|mut finalizers| {
        finalizers.retain(|finalizer| finalizer == RESTORE_FINALIZER);
        finalizers
    });
    test.metadata = ObjectMeta {
        name: all.name,
        namespace: all.namespace,
        uid: all.uid,
        creation_timestamp: all.creation_timestamp,
        resource_version: all.resource_version,
        generation: all.generation,
        deletion_timestamp: all.deletion_timestamp,
        labels,
        finalizers: finalizers.filter(|finalizers| !finalizers.is_empty()),
        ..ObjectMeta::default()
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_gone_after_a_watch_that_was_away_is_told() {
        let test = |uid: &str| -> Known {
            serde_json::from_value(json!({"metadata": {"name": uid, "uid": uid}})).unwrap()
        };
        let mut present = Present::default();
        let mut gone = |event: Event<Known>| present.gone(&event);
        let none: [&str; 0] = [];
        for event in [Event::Init, Event::InitApply(test("a")), Event::InitApply(test("b")), Event::InitDone]
        {
            assert_eq!(gone(event), none);
        }
        assert_eq!(gone(Event::Apply(test("c"))), none);
        assert_eq!(gone(Event::Delete(test("b"))), ["b"]);
        // The list breaks off and is begun once more.
        for event in [Event::Init, Event::InitApply(test("a")), Event::Init, Event::InitApply(test("d"))] {
            assert_eq!(gone(event), none);
        }
        let mut of_list = gone(Event::InitDone);
        of_list.sort();
        assert_eq!(of_list, ["a", "c"]);
        assert_eq!(gone(Event::Delete(test("d"))), ["d"]);
    }

    #[test]
    fn of_a_test_only_what_a_look_begins_with_is_kept() {
        let mut test: Known = serde_json::from_value(json!({
            "metadata": {
                "name": "small",
                "namespace": "pulp",
                "uid": "3f1c",
                "generation": 2,
                "resourceVersion": "7",
                "deletionTimestamp": "2026-01-01T00:00:00Z",
                "deletionGracePeriodSeconds": 0,
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "generateName": "x".repeat(200),
                "labels": {"app": "x".repeat(10_000)},
                "finalizers": ["perf.pulpproject.org/restore", "x".repeat(10_000)],
                "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x".repeat(10_000), "uid": "1"}],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "x".repeat(10_000)},
                "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
            },
            "spec": {"repeat": 64},
            "status": {"results": ["x".repeat(10_000)]},
        }))
        .unwrap();
        let mut other = test.clone();
        other.metadata.labels = Some([("app".to_owned(), "other".to_owned())].into());
        slim(&mut test);
        slim(&mut other);
        assert_ne!(test.metadata.labels, other.metadata.labels, "a change of labels is seen");
        let labels = test.metadata.labels.take().unwrap();
        assert!(labels.values().all(|value| value.len() <= 20), "{labels:?}");
        let kept = json!({
            "metadata": {
                "name": "small",
                "namespace": "pulp",
                "uid": "3f1c",
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "generation": 2,
                "resourceVersion": "7",
                "deletionTimestamp": "2026-01-01T00:00:00Z",
                "finalizers": ["perf.pulpproject.org/restore"],
            },
        });
        assert_eq!(serde_json::to_value(&test).unwrap(), kept);
    }
}
