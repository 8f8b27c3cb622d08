//! Reading the tasks of others that workers were at while a cell's tasks were counted.
//!
//! Pulp's filters know no "not this correlation id" that every version has, and that can be combined with others. What all
//! have is counts by the instants of start and end, and the cell's own tasks are known: where more were counted than those,
//! there are tasks of others. So the time is halved until what is left of it fits on a page, and only those pages are read.

use std::collections::HashMap;

use jiff::Timestamp;
use throughput_model::foreign::{Counted, ForeignTask, ForeignTasks};
use throughput_model::task::{TaskRecord, TaskState};
use uuid::Uuid;

use super::entries::NamedEntry;
use super::{TASKS_PER_PAGE, TaskFilter, task_id};
use crate::client::PulpClient;
use crate::error::PulpError;

const FIELDS: &str = "pulp_href,pulp_created,name,logging_cid,started_at,finished_at";

/// Part of the time in which tasks ended.
#[derive(Clone, Copy, Debug)]
struct Part<'a> {
    since: Timestamp,
    before: Option<Timestamp>,
    /// How many tasks ended in it.
    count: u64,
    /// When those of the cell did, in order.
    own: &'a [Timestamp],
}

impl Part<'_> {
    fn filter(&self, until: Timestamp) -> TaskFilter {
        TaskFilter {
            started_until: Some(until),
            finished_since: Some(self.since),
            finished_before: self.before,
            ..TaskFilter::default()
        }
    }
}

impl PulpClient {
    /// The tasks without one of these correlation ids that workers were at between the first dispatch and the last end of
    /// the cell's `own` tasks, and those that still wait since then. Those that a worker began later are not among them, nor
    /// are those that ended before any began them: they took no worker's time.
    pub async fn foreign_tasks(
        &self,
        own: &[TaskRecord],
        own_ids: &[Uuid],
        most: u64,
    ) -> Result<ForeignTasks, PulpError> {
        let Some(window) = Counted::of(own) else { return Ok(ForeignTasks::Read(Vec::new())) };
        let mut found = HashMap::new();
        // First those that have not ended: one that ends meanwhile is then seen twice, and not missed.
        let unfinished = TaskFilter { states: TaskState::UNFINISHED.to_vec(), ..TaskFilter::default() };
        match self.all_matching(&unfinished, FIELDS, most, |entry| foreign(entry, own_ids)).await {
            Ok(tasks) => found.extend(tasks.into_iter().flatten().filter_map(|(id, created, task)| {
                (task.started_at.unwrap_or(created) <= window.end).then_some((id, task))
            })),
            Err(PulpError::TooManyTasks { count, .. }) => return Ok(ForeignTasks::TooMany(count)),
            Err(error) => return Err(error),
        }
        let own = ended(own, window);
        let mut whole = Part { since: window.begin, before: None, count: 0, own: &own };
        whole.count = self.count_tasks(&whole.filter(window.end)).await?;
        let others = whole.count.saturating_sub(own.len() as u64);
        if others > most {
            return Ok(ForeignTasks::TooMany(others));
        }
        let mut parts = vec![whole];
        while let Some(part) = parts.pop() {
            if part.count <= part.own.len() as u64 {
                continue;
            }
            if let Some((earlier, later)) = self.halves(part, window.end).await? {
                parts.extend([later, earlier]);
                continue;
            }
            // It is one page, unless very many ended at the same instant.
            let largest = part.own.len() as u64 + most + TASKS_PER_PAGE as u64;
            let filter = part.filter(window.end);
            let tasks = self.all_matching(&filter, FIELDS, largest, |entry| foreign(entry, own_ids)).await?;
            found.extend(tasks.into_iter().flatten().map(|(id, _, task)| (id, task)));
        }
        let mut tasks: Vec<ForeignTask> = found.into_values().collect();
        if tasks.len() as u64 > most {
            return Ok(ForeignTasks::TooMany(tasks.len() as u64));
        }
        tasks.sort_by(|one, other| (one.started_at, &one.name).cmp(&(other.started_at, &other.name)));
        Ok(ForeignTasks::Read(tasks))
    }

    /// Divides a part where half of the cell's own tasks had ended; `None` where it fits on a page, or cannot be divided.
    async fn halves<'a>(
        &self,
        part: Part<'a>,
        until: Timestamp,
    ) -> Result<Option<(Part<'a>, Part<'a>)>, PulpError> {
        if part.count <= TASKS_PER_PAGE as u64 {
            return Ok(None);
        }
        let Some(at) = dividing(part.own) else { return Ok(None) };
        let (before, after) = part.own.split_at(part.own.partition_point(|instant| *instant < at));
        let mut earlier = Part { before: Some(at), own: before, ..part };
        earlier.count = self.count_tasks(&earlier.filter(until)).await?;
        let later = Part { since: at, own: after, count: part.count.saturating_sub(earlier.count), ..part };
        Ok(Some((earlier, later)))
    }
}

/// The instant near the middle that divides these, which are in order; `None` where all are the same.
fn dividing(instants: &[Timestamp]) -> Option<Timestamp> {
    let middle = instants.get(instants.len() / 2)?;
    let divides =
        if instants.first()? < middle { Some(middle) } else { instants.iter().find(|later| *later > middle) };
    divides.copied()
}

/// When the cell's own tasks ended that the filter of the whole time counts, in order.
fn ended(own: &[TaskRecord], window: Counted) -> Vec<Timestamp> {
    let counted = |task: &TaskRecord| {
        let started = task.started_at.is_some_and(|started| started <= window.end);
        task.finished_at.filter(|finished| started && *finished >= window.begin)
    };
    let mut ended: Vec<Timestamp> = own.iter().filter_map(counted).collect();
    ended.sort_unstable();
    ended
}

type Found = Option<(Uuid, Timestamp, ForeignTask)>;

/// A task with its id and when it was dispatched, unless it has one of these correlation ids.
fn foreign(entry: NamedEntry, own_ids: &[Uuid]) -> Result<Found, PulpError> {
    let NamedEntry { pulp_href, pulp_created, name, logging_cid, started_at, finished_at } = entry;
    let correlation_id = logging_cid.and_then(|id| Uuid::try_parse(&id).ok());
    if correlation_id.is_some_and(|id| own_ids.contains(&id)) {
        return Ok(None);
    }
    Ok(Some((task_id(&pulp_href)?, pulp_created, ForeignTask { name: name.0, started_at, finished_at })))
}
