//! What watches the system under test while a cell is measured: its sources, each at work by itself.
//!
//! What is in here is a copy: the status says which cell is watched, and what the sources saw is stored with the cell's
//! `ConfigMap` every half minute. An operator that is started again goes on from there, and says what it missed.

mod cell;
mod checkpoint;
mod one_source;
mod phase;
mod source_state;

#[cfg(feature = "fuzzing")]
pub(crate) use checkpoint::fuzzing;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::Client;
use throughput_answers::Budget;
use throughput_crds::ThroughputTestStatus;
use throughput_sources::access::{Access, Installation, LISTS_BUDGET_BYTES};
use throughput_sources::open::open;

use cell::CellWatch;
use phase::phase;
use throughput_core::identity::TestFacts;
use throughput_core::observed::Sources;
use throughput_core::plan::Plan;

/// The sources at work, by the UID of the test.
#[derive(Clone)]
pub struct Samplers {
    client: Client,
    installation: Installation,
    answers: Budget,
    lists: Budget,
    cells: Arc<Mutex<HashMap<String, CellWatch>>>,
}

impl Samplers {
    /// None at work.
    pub fn new(client: Client, installation: Installation, answers: Budget) -> Self {
        let lists = Budget::new(LISTS_BUDGET_BYTES);
        Self { client, installation, answers, lists, cells: Arc::default() }
    }

    /// Begins, goes on or ends as a stored status says.
    pub fn follow(&self, test: &TestFacts, plan: Option<&Plan>, status: &ThroughputTestStatus) {
        let wanted =
            plan.filter(|plan| plan.is_watched).and_then(|plan| Some((plan, phase(&test.uid, status)?)));
        let mut cells = self.lock();
        let Some((plan, (address, phase))) = wanted else {
            cells.remove(&test.uid);
            return;
        };
        match cells.get(&test.uid) {
            Some(watch) if watch.address == address => watch.enter(phase),
            _ => {
                let access = Access {
                    client: self.client.clone(),
                    namespace: test.namespace.clone(),
                    test: test.name.clone(),
                    cell: address,
                    targets: plan
                        .scale
                        .iter()
                        .map(|entry| (entry.target.kind.as_str().to_owned(), entry.target.name.clone()))
                        .collect(),
                    answers: self.answers.clone(),
                    lists: self.lists.clone(),
                    installation: self.installation.clone(),
                };
                let sources = open(&plan.observe, &access);
                let watch = CellWatch::begin(sources, plan.observe.interval.get(), access, phase);
                cells.insert(test.uid.clone(), watch);
            }
        }
    }

    /// What the sources of a test's current cell saw so far.
    pub fn seen(&self, test_uid: &str, plan: &Plan, status: &ThroughputTestStatus) -> Sources {
        if !plan.is_watched {
            return Sources::None;
        }
        let Some((address, _)) = phase(test_uid, status) else {
            return Sources::None;
        };
        match self.lock().get(test_uid) {
            Some(watch) if watch.address == address => watch.seen(),
            _ => Sources::NotYet,
        }
    }

    /// Ends what watches a test that does not exist any more.
    pub fn forget(&self, test_uid: &str) {
        self.lock().remove(test_uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, CellWatch>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long one call of a source may take.
const CALL_DEADLINE: Duration = Duration::from_secs(20);
