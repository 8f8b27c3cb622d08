//! Which cells may start, as the collector tells their generators.
//!
//! What is in here is only a copy of what the statuses say: it is filled again by the first look at each
//! test, and until then generators are asked to come again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use throughput_crds::ThroughputTestStatus;
use throughput_model::cell::CellAddress;
use throughput_model::protocol::Progress;
use tokio::sync::watch;
use tokio::time::Instant;

use throughput_core::clock::elapsed;
use throughput_core::identity::TestFacts;
use throughput_core::stage::{Door, facts};

/// Where the generators of a test stand.
#[derive(Clone, Debug, PartialEq)]
pub enum GeneratorPhase {
    /// The cell's generators may register and then wait.
    Register(CellAddress),
    /// The cell's generators may dispatch from this instant on.
    Dispatch(CellAddress, Instant),
    /// The cell's generators may still deliver, but not begin.
    Deliver(CellAddress),
    /// The cell's generators end their load, and may still deliver.
    End(CellAddress),
    /// No cell has generators.
    Closed,
}

/// The phases of tests, by UID.
pub(super) type Standings = HashMap<String, Known>;

/// A test, and where its generators stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    /// The test's namespace and name: a token proves the UID alone.
    namespace: String,
    name: String,
    phase: GeneratorPhase,
}

/// The phase of all tests that this operator has looked at, by UID.
#[derive(Clone, Debug)]
pub struct GeneratorPhases {
    phases: Arc<watch::Sender<Standings>>,
    progress: Arc<Mutex<HashMap<CellAddress, HashMap<u32, Progress>>>>,
}

/// What the collector may answer to a call about an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// The test has not been looked at: come again.
    NotKnownYet,
    /// The attempt is over.
    Gone,
    /// This is how it stands.
    Admitted(GeneratorPhase),
}

impl Default for GeneratorPhases {
    fn default() -> Self {
        Self { phases: Arc::new(watch::Sender::new(HashMap::new())), progress: Arc::default() }
    }
}

impl GeneratorPhase {
    fn address(&self) -> Option<&CellAddress> {
        match self {
            Self::Register(address)
            | Self::Dispatch(address, _)
            | Self::Deliver(address)
            | Self::End(address) => Some(address),
            Self::Closed => None,
        }
    }
}

impl GeneratorPhases {
    /// Takes over what a stored status says. The instant of the start is stored there by the time of day;
    /// `now` and `time_of_day` are the same instant by both clocks.
    pub fn follow(
        &self,
        test: &TestFacts,
        status: &ThroughputTestStatus,
        now: Instant,
        time_of_day: Timestamp,
    ) {
        let test_uid = &test.uid;
        let phase = status.current.as_ref().map_or(GeneratorPhase::Closed, |current| {
            let address =
                CellAddress { test_uid: test_uid.clone(), cell: current.cell, attempt: current.attempt };
            match facts(current.stage).generators {
                Door::Register => GeneratorPhase::Register(address),
                Door::Load => {
                    let starts_at = current.progress.starts_at.unwrap_or(time_of_day);
                    GeneratorPhase::Dispatch(address, instant(starts_at, now, time_of_day))
                }
                Door::Deliver => GeneratorPhase::Deliver(address),
                Door::End => GeneratorPhase::End(address),
                Door::Closed => GeneratorPhase::Closed,
            }
        });
        if phase == GeneratorPhase::Closed {
            self.lock_progress().retain(|address, _| address.test_uid != *test_uid);
        }
        self.phases.send_if_modified(|phases| {
            // A start that was given stays: the instant is not moved by looking again.
            let same = match (phases.get(test_uid).map(|known| &known.phase), &phase) {
                (Some(GeneratorPhase::Dispatch(before, _)), GeneratorPhase::Dispatch(after, _)) => {
                    before == after
                }
                (before, after) => before == Some(after),
            };
            if !same {
                let TestFacts { namespace, name, .. } = test.clone();
                phases.insert(test_uid.clone(), Known { namespace, name, phase });
            }
            !same
        });
    }

    /// Forgets a test that does not exist any more.
    pub fn forget(&self, test_uid: &str) {
        self.phases.send_if_modified(|phases| phases.remove(test_uid).is_some());
        self.lock_progress().retain(|address, _| address.test_uid != test_uid);
    }

    /// How an attempt stands.
    pub fn admission(&self, address: &CellAddress) -> Admission {
        match self.phases.borrow().get(&address.test_uid).map(|known| &known.phase) {
            None => Admission::NotKnownYet,
            Some(phase) if phase.address() == Some(address) => Admission::Admitted(phase.clone()),
            Some(_) => Admission::Gone,
        }
    }

    /// Whether the test with this UID has this name in this namespace.
    pub fn is_named(&self, test_uid: &str, namespace: &str, name: &str) -> bool {
        let phases = self.phases.borrow();
        phases.get(test_uid).is_some_and(|known| known.namespace == namespace && known.name == name)
    }

    /// Returns when anything has changed.
    pub(super) fn changes(&self) -> watch::Receiver<Standings> {
        self.phases.subscribe()
    }

    /// Keeps the newest progress of a generator.
    pub fn note_progress(&self, address: &CellAddress, index: u32, progress: Progress) {
        self.lock_progress().entry(address.clone()).or_default().insert(index, progress);
    }

    /// The progress of all cells that are being dispatched: the sum over their generators.
    pub fn progress(&self) -> Vec<(CellAddress, Progress)> {
        let sum = |generators: &HashMap<u32, Progress>| {
            let mut sum = Progress::default();
            for one in generators.values() {
                sum.counts.add(&one.counts);
            }
            sum
        };
        self.lock_progress().iter().map(|(address, generators)| (address.clone(), sum(generators))).collect()
    }

    fn lock_progress(&self) -> std::sync::MutexGuard<'_, HashMap<CellAddress, HashMap<u32, Progress>>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The instant of a time of day.
fn instant(wanted: Timestamp, now: Instant, time_of_day: Timestamp) -> Instant {
    let (ahead, behind) = (elapsed(time_of_day, wanted), elapsed(wanted, time_of_day));
    now.checked_sub(behind).unwrap_or(now) + ahead
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn status(cell: u32, stage: &str) -> ThroughputTestStatus {
        serde_json::from_value(
            json!({"current": {"cell": cell, "attempt": 1, "stage": stage, "timeline": []}}),
        )
        .unwrap()
    }

    fn test() -> TestFacts {
        TestFacts {
            namespace: "pulp".to_owned(),
            name: "small".to_owned(),
            uid: "uid".to_owned(),
            generation: None,
        }
    }

    fn address(cell: u32) -> CellAddress {
        CellAddress { test_uid: "uid".to_owned(), cell, attempt: 1 }
    }

    #[test]
    fn a_test_that_was_not_looked_at_is_not_refused() {
        assert_eq!(GeneratorPhases::default().admission(&address(0)), Admission::NotKnownYet);
    }

    #[test]
    fn another_cell_than_the_current_one_is_gone() {
        let phases = GeneratorPhases::default();
        phases.follow(&test(), &status(1, "Dispatching"), Instant::now(), Timestamp::UNIX_EPOCH);
        assert_eq!(phases.admission(&address(0)), Admission::Gone);
    }

    #[test]
    fn a_start_is_not_moved_by_looking_again() {
        let phases = GeneratorPhases::default();
        let first = Instant::now();
        let later = first + Duration::from_secs(9);
        phases.follow(&test(), &status(0, "Dispatching"), first, Timestamp::UNIX_EPOCH);
        phases.follow(&test(), &status(0, "Dispatching"), later, Timestamp::UNIX_EPOCH);
        assert_eq!(
            phases.admission(&address(0)),
            Admission::Admitted(GeneratorPhase::Dispatch(address(0), first))
        );
    }

    #[test]
    fn an_operator_that_was_started_again_gives_the_start_that_is_stored() {
        let mut status = status(0, "Dispatching");
        let starts_at = Timestamp::from_second(100).unwrap();
        status.current.as_mut().unwrap().progress.starts_at = Some(starts_at);
        let now = Instant::now() + Duration::from_mins(1);
        for (second, start) in [(98, now + Duration::from_secs(2)), (103, now - Duration::from_secs(3))] {
            let phases = GeneratorPhases::default();
            phases.follow(&test(), &status, now, Timestamp::from_second(second).unwrap());
            let phase = GeneratorPhase::Dispatch(address(0), start);
            assert_eq!(phases.admission(&address(0)), Admission::Admitted(phase), "at second {second}");
        }
    }
}
