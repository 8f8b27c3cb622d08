//! Reading all tasks of a cell, besides the looks: it takes minutes where there are many, or a server that takes its time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use throughput_answers::{Budget, Share};
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
/// More tasks of others than this are not read: the cell's figures are not trusted then, whatever they did.
const MOST_FOREIGN_TASKS: u64 = 2_000;
/// How long a look waits for them. The next one takes them if they come later.
const GLANCE: Duration = Duration::from_secs(5);

/// What a task takes of memory while its cell is collected, in bytes: its record, by which it is known not to have come
/// before, and its share of what is computed of all of them.
const TASK_BYTES: usize = 256;
/// What the tasks of all cells that are being collected may take together, in bytes: 250,000 of them. Whoever has more is
/// collected alone.
const ALL_TASKS_BYTES: u32 = 64 << 20;

/// Whose tasks are being read, by the test's UID.
#[derive(Clone, Debug)]
pub(super) struct Collections {
    begun: Arc<Mutex<HashMap<String, Collection>>>,
    room: Budget,
}

impl Default for Collections {
    fn default() -> Self {
        Self { begun: Arc::default(), room: Budget::new(ALL_TASKS_BYTES) }
    }
}

#[derive(Debug)]
struct Collection {
    wanted: Wanted,
    reading: AbortOnDropHandle<Read>,
}

/// What was read, or why not, and what is held as long as anything of it is.
type Read = (Held, Result<Remains, PulpError>);

/// A turn, and room for the tasks that are read in it.
#[derive(Debug)]
pub struct Held {
    _turn: Turn,
    _room: Option<Share>,
}

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
    /// This was read. What is held is to be held until the look ends.
    Read(Held, Result<Remains, PulpError>),
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
                Some(turn) => begin(client, wanted, turn, self.room.clone()),
                None => return Progress::NotBegun,
            },
        };
        match tokio::time::timeout(GLANCE, &mut collection.reading).await {
            Ok(Ok((held, read))) => Progress::Read(held, read),
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
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn begin(client: Arc<PulpClient>, wanted: Wanted, turn: Turn, room: Budget) -> Collection {
    let Wanted { address, nudged } = &wanted;
    let (own, nudges) = (address.correlation_id(), nudged.then(|| address.nudge_correlation_id()));
    let reading = tokio::spawn(async move {
        let (until, mut share) = (Instant::now() + turn.deadline(), None);
        let reading = async {
            let (most, taken) = room_for_all(&client, own, &room, until).await?;
            share = Some(taken);
            remains(&client, (own, most), nudges).await
        };
        let read = match tokio::time::timeout_at(until, reading).await {
            Ok(read) => read,
            Err(_) => Err(PulpError::Timeout { within: turn.deadline(), phase: Phase::ReadAnswer }),
        };
        (Held { _turn: turn, _room: share }, read)
    });
    Collection { wanted, reading: AbortOnDropHandle::new(reading) }
}

/// How many tasks the cell has, and room for as many: all of it is taken before the first of them is read.
async fn room_for_all(
    client: &PulpClient,
    correlation_id: Uuid,
    room: &Budget,
    until: Instant,
) -> Result<(u64, Share), PulpError> {
    let own = TaskFilter { correlation_id: Some(correlation_id), ..TaskFilter::default() };
    let most = client.count_tasks(&own).await?.min(MOST_TASKS);
    let bytes = usize::try_from(most).unwrap_or(usize::MAX).saturating_mul(TASK_BYTES);
    Ok((most, room.take(bytes, until).await.map_err(PulpError::NoRoom)?))
}

/// The cell's tasks, of which there are no more than this, and those of others that workers were at meanwhile. What only
/// woke the workers up is no others'.
async fn remains(
    client: &PulpClient,
    (correlation_id, most): (Uuid, u64),
    nudges: Option<Uuid>,
) -> Result<Remains, PulpError> {
    let tasks = client.tasks_of(correlation_id, most).await?;
    let own_ids: Vec<Uuid> = nudges.into_iter().chain([correlation_id]).collect();
    let foreign = client.foreign_tasks(&tasks, &own_ids, MOST_FOREIGN_TASKS).await?;
    Ok(Remains { tasks, foreign })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::extract::RawQuery;
    use throughput_pulp::{ClientOptions, Credentials};
    use throughput_test_support::wait::eventually;

    use super::*;

    /// The UIDs of two tests, in namespaces of their own.
    fn test(name: &str) -> TestFacts {
        let name = name.to_owned();
        TestFacts { namespace: name.clone(), name: name.clone(), uid: name, generation: Some(1) }
    }

    fn wanted(test: &TestFacts) -> Wanted {
        let address = CellAddress { test_uid: test.uid.clone(), cell: 0, attempt: 1 };
        Wanted { address, nudged: false }
    }

    /// A Pulp that counts one task and has none on any page, and how many pages it was asked for.
    async fn pulp() -> (Arc<PulpClient>, Arc<AtomicUsize>) {
        let pages = Arc::new(AtomicUsize::new(0));
        let asked = pages.clone();
        let answer = move |RawQuery(query): RawQuery| {
            let is_page = query.is_some_and(|query| query.contains("offset="));
            asked.fetch_add(usize::from(is_page), Ordering::Relaxed);
            let count = u8::from(!is_page);
            std::future::ready(format!(r#"{{"count": {count}, "results": []}}"#))
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
        let pulp = super::super::check_view::tests::plan(&url).subject(0).unwrap().pulp.clone();
        let none = Credentials::Password { username: String::new(), password: String::new() };
        let client = PulpClient::new(&pulp.endpoint, Some(none), ClientOptions::default()).unwrap();
        (Arc::new(client), pages)
    }

    #[tokio::test]
    async fn no_task_is_read_before_there_is_room_for_all_of_the_cell_and_the_room_is_held_with_them() {
        let (client, pages) = pulp().await;
        let (collections, turns) =
            (Collections { room: Budget::new(1_000), ..Collections::default() }, Turns::default());
        let (one, other) = (test("one"), test("other"));
        let read =
            async |test: &TestFacts| collections.read(client.clone(), wanted(test), test, &turns).await;
        let others = collections.room.take(1_000, Instant::now()).await.unwrap();
        assert!(matches!(read(&one).await, Progress::UnderWay));
        assert_eq!(pages.load(Ordering::Relaxed), 0);
        drop(others);
        let Progress::Read(held, Ok(_)) = read(&one).await else { panic!("nothing was read") };
        assert_eq!((pages.load(Ordering::Relaxed), collections.room.free_bytes()), (1, 1_000 - TASK_BYTES));
        drop(held);
        assert_eq!(collections.room.free_bytes(), 1_000);
        // One that is not wanted any more gives its room back.
        let others = collections.room.take(1_000, Instant::now()).await.unwrap();
        assert!(matches!(read(&other).await, Progress::UnderWay));
        collections.forget(&other.uid);
        drop(others);
        eventually("all is free", async || collections.room.free_bytes(), |free| *free == 1_000).await;
    }
}
