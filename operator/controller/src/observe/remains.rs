//! Reading all tasks of a cell, besides the looks: it takes minutes where there are many, or a server that takes its time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use throughput_core::identity::TestFacts;
use throughput_core::kinds::pulp_tasks::observed::Remains;
use throughput_model::cell::CellAddress;
use throughput_model::failure::Phase;
use throughput_pulp::{PulpClient, PulpError, TaskFilter};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::cadence::turns::{Lane, Turn, Turns};

/// More tasks than this are not read: a cell dispatches at most 200,000, and overshoots by what was under way.
const MOST_TASKS: u64 = 400_000;
/// How long a look waits for them. The next one takes them if they come later.
const GLANCE: Duration = Duration::from_secs(5);

/// Whose tasks are being read, by the test's UID.
#[derive(Clone, Debug, Default)]
pub(super) struct Collections(Arc<Mutex<HashMap<String, Collection>>>);

#[derive(Debug)]
struct Collection {
    wanted: Wanted,
    reading: AbortOnDropHandle<Read>,
}

/// What was read, or why not. Its turn lasts until somebody has taken it.
type Read = (Turn, Result<Remains, PulpError>);

/// Which tasks are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The cell.
    pub(super) address: CellAddress,
    /// Whether tasks were dispatched to wake workers up, which are no others'.
    pub(super) nudged: bool,
}

/// How far it is.
#[derive(Debug)]
pub(super) enum Progress {
    /// It is others' turn.
    NotBegun,
    /// It is under way.
    UnderWay,
    /// This was read.
    Read(Result<Remains, PulpError>),
}

impl Collections {
    /// The tasks of a cell. What was read is given once.
    pub(super) async fn read(
        &self,
        client: Arc<PulpClient>,
        wanted: Wanted,
        test: &TestFacts,
        turns: &Turns,
    ) -> Progress {
        let begun = self.lock().remove(&test.uid).filter(|begun| begun.wanted == wanted);
        let mut collection = match begun {
            Some(begun) => begun,
            None => match turns.take(test, Lane::Collection, Instant::now()) {
                Some(turn) => begin(client, wanted, turn),
                None => return Progress::NotBegun,
            },
        };
        match tokio::time::timeout(GLANCE, &mut collection.reading).await {
            Ok(Ok((_turn, read))) => Progress::Read(read),
            // It panicked: that is logged, and it is read anew.
            Ok(Err(_)) => Progress::UnderWay,
            Err(_) => {
                self.lock().insert(test.uid.clone(), collection);
                Progress::UnderWay
            }
        }
    }

    /// Ends the reading of a test's tasks.
    pub(super) fn forget(&self, test_uid: &str) {
        self.lock().remove(test_uid);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Collection>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn begin(client: Arc<PulpClient>, wanted: Wanted, turn: Turn) -> Collection {
    let Wanted { address, nudged } = &wanted;
    let (own, nudges) = (address.correlation_id(), nudged.then(|| address.nudge_correlation_id()));
    let reading = tokio::spawn(async move {
        let read = match tokio::time::timeout(turn.deadline(), remains(&client, own, nudges)).await {
            Ok(read) => read,
            Err(_) => Err(PulpError::Timeout { within: turn.deadline(), phase: Phase::ReadAnswer }),
        };
        (turn, read)
    });
    Collection { wanted, reading: AbortOnDropHandle::new(reading) }
}

/// The cell's tasks, and how many of others were dispatched in its window.
async fn remains(
    client: &PulpClient,
    correlation_id: Uuid,
    nudges: Option<Uuid>,
) -> Result<Remains, PulpError> {
    let tasks = client.tasks_of(correlation_id, MOST_TASKS).await?;
    let begin = tasks.iter().map(|task| task.pulp_created).min();
    let end: Option<Timestamp> = tasks.iter().filter_map(|task| task.finished_at).max();
    let foreign_tasks = match (begin, end) {
        (Some(begin), Some(end)) => {
            let window =
                TaskFilter { created_since: Some(begin), created_until: Some(end), ..TaskFilter::default() };
            let own = tasks.iter().filter(|task| task.pulp_created <= end).count() as u64;
            // Those that only woke the workers up.
            let nudges = match nudges {
                Some(id) => {
                    let nudges = TaskFilter { correlation_id: Some(id), ..window.clone() };
                    client.count_tasks(&nudges).await?
                }
                None => 0,
            };
            client.count_tasks(&window).await?.saturating_sub(own + nudges)
        }
        _ => 0,
    };
    Ok(Remains { tasks, foreign_tasks })
}
