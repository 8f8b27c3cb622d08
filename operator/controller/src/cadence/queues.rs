//! The queues of all namespaces, kept as the looks find them, and who is to be looked at since it is first now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{Stream, stream};
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::Event;
use throughput_core::identity::TestFacts;
use throughput_core::queue::{Line, Noted, Place, Queue, Standing};
use throughput_core::target::TargetName;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::objects::known::Known;

/// The queues of all namespaces. Cheap to clone: all clones share them.
#[derive(Clone, Debug)]
pub struct Queues {
    began: Instant,
    namespaces: Arc<Mutex<BTreeMap<String, Namespace>>>,
}

#[derive(Debug, Default)]
struct Namespace {
    queue: Queue,
    /// The tests that are to be looked at, by name.
    to_look_at: BTreeSet<String>,
    changed: Arc<Notify>,
}

/// What a look at a test found.
#[derive(Clone, Debug)]
pub struct Found {
    /// When the test was created.
    pub created: Timestamp,
    /// What it scales.
    pub wants: BTreeSet<TargetName>,
    /// What it does.
    pub standing: Standing,
    /// When the look began.
    pub began: Instant,
    /// How soon it is to be looked at again.
    pub next: Duration,
}

impl Default for Queues {
    fn default() -> Self {
        Self { began: Instant::now(), namespaces: Arc::default() }
    }
}

impl Queues {
    /// Learns from the watch of a namespace which tests there are.
    pub fn hear(&self, namespace: &str, event: &Event<Known>) {
        self.change(namespace, |queue, now| match event {
            Event::Init => queue.set_listed(false),
            Event::InitDone => queue.set_listed(true),
            Event::Apply(test) | Event::InitApply(test) => {
                if let Some(created) = &test.metadata.creation_timestamp {
                    let place = Place { created: created.0, name: test.name_any() };
                    queue.know(&test.uid().unwrap_or_default(), place, now);
                }
            }
            Event::Delete(test) => queue.forget(&test.uid().unwrap_or_default()),
        });
    }

    /// Where a test is that wants this; the tests with claims on it are known by their UIDs.
    pub fn line(
        &self,
        test: &TestFacts,
        created: Timestamp,
        wants: &BTreeSet<TargetName>,
        holders: &[&str],
    ) -> Line {
        let now = self.began.elapsed();
        let place = Place { created, name: test.name.clone() };
        let mut namespaces = self.lock();
        let queue = &namespaces.entry(test.namespace.clone()).or_default().queue;
        queue.line((&test.uid, &place), wants, holders, now)
    }

    /// Takes over what a look found.
    pub fn note(&self, test: &TestFacts, found: Found) {
        let Found { created, wants, standing, began, next } = found;
        let place = Place { created, name: test.name.clone() };
        let began = began.saturating_duration_since(self.began);
        let noted = Noted { place, wants, standing, began, next };
        self.change(&test.namespace, |queue, now| queue.note(&test.uid, noted, now));
    }

    /// Notes that a test is not looked at any more, so that nobody waits for it.
    pub fn set_away(&self, test: &TestFacts) {
        self.change(&test.namespace, |queue, _| queue.set_away(&test.uid));
    }

    /// Forgets a test that does not exist any more.
    pub fn forget(&self, test_uid: &str) {
        let namespaces: Vec<String> = self.lock().keys().cloned().collect();
        for namespace in namespaces {
            self.change(&namespace, |queue, _| queue.forget(test_uid));
        }
    }

    /// How many tests wait for their turn, in all namespaces together.
    pub fn queued(&self) -> usize {
        self.lock().values().map(|namespace| namespace.queue.queued()).sum()
    }

    /// The tests of a namespace that are to be looked at, each as soon as it is.
    pub fn to_look_at(&self, namespace: &str) -> impl Stream<Item = ObjectRef<Known>> + Send + 'static {
        let changed = self.lock().entry(namespace.to_owned()).or_default().changed.clone();
        stream::unfold((self.clone(), namespace.to_owned(), changed), |(queues, namespace, changed)| async {
            loop {
                let next = queues.lock().get_mut(&namespace).and_then(|own| own.to_look_at.pop_first());
                if let Some(name) = next {
                    let test = ObjectRef::new(&name).within(&namespace);
                    return Some((test, (queues, namespace, changed)));
                }
                // Kept for a stream that does not wait at the moment.
                changed.notified().await;
            }
        })
    }

    fn change(&self, namespace: &str, change: impl FnOnce(&mut Queue, Duration)) {
        let now = self.began.elapsed();
        let mut namespaces = self.lock();
        let Namespace { queue, to_look_at, changed } = namespaces.entry(namespace.to_owned()).or_default();
        change(queue, now);
        to_look_at.append(&mut queue.to_look_at(now));
        if !to_look_at.is_empty() {
            changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Namespace>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.namespaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use serde_json::json;

    use super::*;

    const OLDER: &str = "2026-01-01T00:00:00Z";
    const YOUNGER: &str = "2026-01-01T00:00:01Z";

    fn test(name: &str) -> TestFacts {
        TestFacts {
            namespace: "pulp".to_owned(),
            name: name.to_owned(),
            uid: format!("uid-of-{name}"),
            generation: Some(1),
        }
    }

    fn known(name: &str, created: &str) -> Known {
        serde_json::from_value(json!({"metadata": {
            "name": name, "namespace": "pulp", "uid": format!("uid-of-{name}"), "creationTimestamp": created,
        }}))
        .unwrap()
    }

    fn found(created: &str, standing: Standing) -> Found {
        let wants = [TargetName::deployment("worker")].into();
        let next = Duration::from_secs(5);
        Found { created: created.parse().unwrap(), wants, standing, began: Instant::now(), next }
    }

    #[tokio::test]
    async fn whoever_is_first_is_looked_at_as_soon_as_the_one_before_it_is_over() {
        let queues = Queues::default();
        let mut to_look_at = Box::pin(queues.to_look_at("pulp"));
        for event in [
            Event::Init,
            Event::InitApply(known("a", OLDER)),
            Event::InitApply(known("b", YOUNGER)),
            Event::InitDone,
        ] {
            queues.hear("pulp", &event);
        }
        queues.note(&test("a"), found(OLDER, Standing::Measuring));
        queues.note(&test("b"), found(YOUNGER, Standing::Queued));
        assert!(futures::poll!(to_look_at.next()).is_pending());
        assert_eq!(queues.queued(), 1);
        queues.note(&test("a"), found(OLDER, Standing::Away));
        assert_eq!(to_look_at.next().await, Some(ObjectRef::new("b").within("pulp")));
        assert!(futures::poll!(to_look_at.next()).is_pending());
        let wants = [TargetName::deployment("worker")].into();
        assert_eq!(queues.line(&test("b"), YOUNGER.parse().unwrap(), &wants, &[]), Line::First);
        // Another namespace has a queue of its own.
        let other = TestFacts { namespace: "other".to_owned(), ..test("b") };
        assert_eq!(queues.line(&other, YOUNGER.parse().unwrap(), &wants, &[]), Line::Behind(Vec::new()));
    }
}
