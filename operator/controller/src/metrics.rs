//! The operator's own metrics, in the Prometheus text format.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use throughput_crds::ThroughputTestStatus;

use crate::decide::TestFacts;
use crate::gate::Gate;

/// The operator's own metrics. Cheap to clone: all clones count together.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    reconciles: Family<Outcome, Counter>,
    durations: Histogram,
    leader: Gauge,
    unfinished: Family<Test, Gauge>,
    dispatched: Family<RunningCell, Gauge>,
    tests: Mutex<HashMap<String, Test>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    outcome: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Test {
    namespace: String,
    test: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RunningCell {
    test_uid: String,
    cell: u32,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("throughput_operator");
        let reconciles = Family::<Outcome, Counter>::default();
        let durations = Histogram::new(exponential_buckets(0.005, 2.0, 14));
        let leader = Gauge::default();
        let unfinished = Family::<Test, Gauge>::default();
        let dispatched = Family::<RunningCell, Gauge>::default();
        registry.register(
            "reconciles",
            "Looks at a test, by outcome: ok, or the step that failed",
            reconciles.clone(),
        );
        registry.register_with_unit(
            "reconcile_duration",
            "How long a look at a test takes",
            Unit::Seconds,
            durations.clone(),
        );
        registry.register("leader", "1 while this process holds the leader Lease", leader.clone());
        registry.register(
            "test_tasks_unfinished",
            "Tasks of the running cell that have not ended",
            unfinished.clone(),
        );
        registry.register(
            "cell_tasks_dispatched",
            "Tasks that the running cell's answers say were dispatched",
            dispatched.clone(),
        );
        Self(Arc::new(Inner {
            registry,
            reconciles,
            durations,
            leader,
            unfinished,
            dispatched,
            tests: Mutex::default(),
        }))
    }
}

impl Metrics {
    /// Counts a look that went well.
    pub fn reconciled(&self, duration: Duration) {
        self.0.reconciles.get_or_create(&Outcome { outcome: "ok".to_owned() }).inc();
        self.0.durations.observe(duration.as_secs_f64());
    }

    /// Counts a look that failed in this step.
    pub fn failed(&self, step: &'static str) {
        self.0.reconciles.get_or_create(&Outcome { outcome: step.to_owned() }).inc();
    }

    /// Says whether this process leads.
    pub fn set_leader(&self, leads: bool) {
        self.0.leader.set(i64::from(leads));
    }

    /// Whether this process leads.
    pub fn leads(&self) -> bool {
        self.0.leader.get() == 1
    }

    /// Takes over the live counts of a status.
    pub fn follow(&self, facts: &TestFacts, status: &ThroughputTestStatus) {
        let label = Test { namespace: facts.namespace.clone(), test: facts.name.clone() };
        match status.current.as_ref().and_then(|current| current.live) {
            Some(live) => {
                let unfinished = i64::try_from(live.tasks_unfinished).unwrap_or(i64::MAX);
                self.0.unfinished.get_or_create(&label).set(unfinished);
                self.lock().insert(facts.uid.clone(), label);
            }
            None => self.forget(&facts.uid),
        }
    }

    /// Forgets a test that is over.
    pub fn forget(&self, test_uid: &str) {
        if let Some(label) = self.lock().remove(test_uid) {
            self.0.unfinished.remove(&label);
        }
    }

    /// All metrics as text, with what generators say of their progress.
    pub fn text(&self, gate: &Gate) -> String {
        let Inner { dispatched, registry, .. } = &*self.0;
        dispatched.clear();
        for (address, progress) in gate.progress() {
            let label = RunningCell { test_uid: address.test_uid, cell: address.cell };
            let tasks = i64::try_from(progress.tasks_dispatched).unwrap_or(i64::MAX);
            dispatched.get_or_create(&label).set(tasks);
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        let written = encode(&mut text, registry);
        debug_assert!(written.is_ok());
        text
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Test>> {
        self.0.tests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
