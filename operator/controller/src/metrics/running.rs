//! Gauges of the tests that are being measured. Each goes when its test is over.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use throughput_crds::ThroughputTestStatus;
use throughput_model::cell::CellAddress;
use throughput_model::protocol::Progress;
use throughput_model::pulp_load::{REQUESTS_FAILED, REQUESTS_SENT, TASKS_DISPATCHED};

use throughput_core::identity::TestFacts;
use throughput_core::kinds::pulp_tasks::observed::Pulp;
use throughput_core::observed::Observed;
use throughput_core::stage::{GeneratorsRead, facts as stage_facts};

/// More tests than this at once are measured, but not shown: whoever scrapes shall not drown in series.
const MOST_SHOWN: usize = 100;

/// What each look of the operator sees, with its help.
const SEEN: [(&str, &str); 6] = [
    ("test_cells_finished", "Cells of a running test that have ended"),
    ("test_claims_held", "Claims that a running test holds"),
    ("test_generators_registered", "Load generators of the current cell that have registered"),
    ("test_workers_online", "Workers that are online in Pulp"),
    ("test_tasks_submitted", "Tasks of the current cell that Pulp knows"),
    ("test_tasks_unfinished", "Tasks of the current cell that have not ended"),
];

/// What the generators say each second, with its help.
const SAID: [(&str, &str); 3] = [
    ("test_tasks_dispatched", "Tasks of the current cell that its generators were told are dispatched"),
    ("test_requests_sent", "Requests that the generators of the current cell have sent"),
    ("test_requests_failed", "Requests of the current cell's generators that failed"),
];

/// The gauges, and which tests have some.
#[derive(Debug)]
pub(super) struct Running {
    count: Gauge,
    seen: [Family<Test, Gauge>; SEEN.len()],
    said: [Family<Test, Gauge>; SAID.len()],
    /// By UID. `None` is a test that is not shown.
    tests: Mutex<HashMap<String, Option<Test>>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Test {
    namespace: String,
    test: String,
}

impl Running {
    /// Gauges without a test.
    pub(super) fn new(registry: &mut Registry) -> Self {
        let count = Gauge::default();
        registry.register("running_tests", "Tests that are being measured", count.clone());
        let mut family = |(name, help): (&'static str, &'static str)| {
            let family = Family::<Test, Gauge>::default();
            registry.register(name, help, family.clone());
            family
        };
        Self { count, seen: SEEN.map(&mut family), said: SAID.map(&mut family), tests: Mutex::default() }
    }

    /// Takes over what was seen of a test.
    pub(super) fn follow(&self, facts: &TestFacts, status: &ThroughputTestStatus, observed: &Observed) {
        let is_let_go = observed.deleting && observed.claims.is_empty();
        if status.current.is_none() || status.started_at.is_none() || is_let_go {
            return self.forget(&facts.uid);
        }
        let Some(label) = self.label(facts) else {
            return;
        };
        let counts = match &observed.pulp.answer {
            Pulp::Answering(counts) => Some(counts),
            Pulp::Unavailable(_) | Pulp::NotAsked => None,
        };
        let own = counts.and_then(|counts| counts.own);
        // Where they are not read, they are as they were.
        let reads_generators = status.current.as_ref().is_some_and(|current| {
            stage_facts(current.stage).generators_read == GeneratorsRead::JobAndStored
        });
        let figures = [
            Some(status.results.len() as u64),
            Some(observed.claims.len() as u64),
            reads_generators.then_some(u64::from(observed.generators.registered)),
            counts.and_then(|counts| counts.workers_online).map(u64::from),
            own.map(|own| own.submitted),
            own.map(|own| own.unfinished),
        ];
        for (gauge, figure) in self.seen.iter().zip(figures) {
            if let Some(figure) = figure {
                gauge.get_or_create(&label).set(integer(figure));
            }
        }
    }

    /// The label of a running test, if it is to be shown.
    fn label(&self, facts: &TestFacts) -> Option<Test> {
        let mut tests = self.lock();
        let shown = tests.values().flatten().count();
        let label = tests.entry(facts.uid.clone()).or_insert_with(|| {
            let label = Test { namespace: facts.namespace.clone(), test: facts.name.clone() };
            (shown < MOST_SHOWN).then_some(label)
        });
        let label = label.clone();
        self.count.set(integer(tests.len() as u64));
        label
    }

    /// Takes over what generators say, in place of all that they said before.
    pub(super) fn take_progress(&self, progress: Vec<(CellAddress, Progress)>) {
        let tests = self.lock();
        for gauge in &self.said {
            gauge.clear();
        }
        for (address, progress) in progress {
            let Some(Some(label)) = tests.get(&address.test_uid) else {
                continue;
            };
            let figures =
                [TASKS_DISPATCHED, REQUESTS_SENT, REQUESTS_FAILED].map(|name| progress.counts.count(name));
            for (gauge, figure) in self.said.iter().zip(figures) {
                gauge.get_or_create(label).set(integer(figure));
            }
        }
    }

    /// Forgets a test that is over.
    pub(super) fn forget(&self, test_uid: &str) {
        let mut tests = self.lock();
        let Some(label) = tests.remove(test_uid) else {
            return;
        };
        self.count.set(integer(tests.len() as u64));
        // Another test may have its name already.
        if let Some(label) = label.filter(|label| tests.values().flatten().all(|other| other != label)) {
            for gauge in self.seen.iter().chain(&self.said) {
                gauge.remove(&label);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Option<Test>>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.tests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
