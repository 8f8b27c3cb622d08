//! Pulp's tasks: counted, read, cancelled, nudged.

mod entries;
mod foreign;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;

use std::collections::HashSet;

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use throughput_model::task::{TaskRecord, TaskState};
use throughput_model::workload::Method;
use uuid::Uuid;

use self::entries::{Content, CreatingEntry, Entry, Href, Page, TaskEntry, TaskReference};
use crate::client::{PulpClient, Request};
use crate::error::PulpError;

/// The most that the errors of all tasks of a cell take together, in bytes. Those of further tasks are left out: a few of
/// them are shown, and how many tasks failed is known without.
const MOST_ERROR_BYTES: usize = 1 << 20;
/// The most that the paths of all resources of a cell take together, in bytes.
const MOST_HREF_BYTES: usize = 16 << 20;
/// More tasks than this are not canceled in one go: no cell has as many.
const MOST_CANCELED: usize = 400_000;
/// How many tasks one page holds. Each page costs about 0.6 s where 10,000 tasks are.
const TASKS_PER_PAGE: usize = 1_000;
/// How many tasks are asked to be cancelled at once.
const CANCELLED_AT_ONCE: usize = 8;
/// A purge of nothing: no task finished before 1970. Without an instant, Pulp would choose one that deletes.
const PURGE_NOTHING: &str = r#"{"finished_before":"1970-01-01T00:00:00Z","states":["skipped"]}"#;

/// Which tasks are meant: those that fulfil all that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Tasks that requests with this `Correlation-ID` started.
    pub correlation_id: Option<Uuid>,
    /// Tasks in one of these states; in any when empty.
    pub states: Vec<TaskState>,
    /// Tasks that a worker began at this instant of Pulp's clock or earlier.
    pub started_until: Option<Timestamp>,
    /// Tasks that ended at this instant of Pulp's clock or later.
    pub finished_since: Option<Timestamp>,
    /// Tasks that ended before this instant of Pulp's clock.
    pub finished_before: Option<Timestamp>,
}

/// What became of cancelling tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cancellation {
    /// Tasks that Pulp says it will cancel. Those that waited may need a live worker for that.
    pub canceling: u64,
    /// Tasks that had ended, or were gone, before they could be cancelled.
    pub already_ended: u64,
}

/// A page of tasks. What else it carries (`next` above all) is not used.
impl PulpClient {
    /// How many tasks there are.
    pub async fn count_tasks(&self, filter: &TaskFilter) -> Result<u64, PulpError> {
        let page: Page<TaskReference> = self.task_page(filter, "pulp_href", (Content::Count, 1), 0).await?;
        Ok(page.count)
    }

    /// All tasks that requests with this `Correlation-ID` started: exactly those, each once, in the order in
    /// which they were dispatched. Fails when they are more than `most`, or change in number meanwhile.
    pub async fn tasks_of(&self, correlation_id: Uuid, most: u64) -> Result<Vec<TaskRecord>, PulpError> {
        let fields = "pulp_href,pulp_created,unblocked_at,started_at,finished_at,state,error";
        let mut left = MOST_ERROR_BYTES;
        self.all_of(correlation_id, fields, most, |entry| Ok(record(entry, &mut left))).await
    }

    /// The paths of all resources that Pulp names as created by tasks with this `Correlation-ID`, in the order
    /// in which the tasks were dispatched. Fails as [`tasks_of`](Self::tasks_of) does.
    pub async fn created_by(&self, correlation_id: Uuid, most: u64) -> Result<Vec<String>, PulpError> {
        let mut left = MOST_HREF_BYTES;
        let read = |entry| created(entry, &mut left);
        let by_task = self.all_of(correlation_id, "pulp_href,created_resources", most, read).await?;
        Ok(by_task.into_iter().flatten().collect())
    }

    /// Deletes the resource at this path of Pulp's API. One that is gone already is no failure. Where Pulp
    /// deletes by a task, the task carries this `Correlation-ID`.
    pub async fn delete(&self, href: &str, correlation_id: Uuid) -> Result<(), PulpError> {
        // The path is the server's word: it must not lead elsewhere.
        let path = self.address().within_api(href).ok_or_else(|| {
            PulpError::UnexpectedAnswer("a created resource lies outside of Pulp's API".to_owned())
        })?;
        let correlation_id = Some(correlation_id);
        let request = Request { correlation_id, ..Request::new(Method::Delete, path) };
        self.send_accepting(&request, &[404]).await.map(|_| ())
    }

    /// What `read` makes of every task that requests with this `Correlation-ID` started.
    async fn all_of<E: Entry, T>(
        &self,
        correlation_id: Uuid,
        fields: &str,
        most: u64,
        read: impl FnMut(E) -> Result<T, PulpError>,
    ) -> Result<Vec<T>, PulpError> {
        let filter = TaskFilter { correlation_id: Some(correlation_id), ..TaskFilter::default() };
        self.all_matching(&filter, fields, most, read).await
    }

    /// What `read` makes of every task that is meant.
    async fn all_matching<E: Entry, T>(
        &self,
        filter: &TaskFilter,
        fields: &str,
        most: u64,
        mut read: impl FnMut(E) -> Result<T, PulpError>,
    ) -> Result<Vec<T>, PulpError> {
        let (mut collected, mut limit) = (Collected::new(), TASKS_PER_PAGE);
        loop {
            match self.task_page(filter, fields, (Content::Tasks, limit), collected.read.len()).await {
                Ok(page) => {
                    if collected.add(page, limit, most, &mut read)? {
                        return Ok(collected.read);
                    }
                }
                // Long tracebacks can make a page too long.
                Err(PulpError::TooLarge(_)) if limit > 1 => limit /= 2,
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks Pulp to cancel a task. `true` when it will, `false` when the task has ended or is gone.
    pub async fn cancel(&self, task: Uuid) -> Result<bool, PulpError> {
        let path = self.address().api_path(&format!("tasks/{task}/"));
        let body = Some(r#"{"state":"canceled"}"#);
        let request = Request { body, ..Request::new(Method::Patch, &path) };
        // 409: it has ended. 404: somebody purged it.
        let answer = self.send_accepting(&request, &[404, 409]).await?;
        Ok(answer.is_success())
    }

    /// Asks Pulp to cancel all waiting and running tasks that requests with this `Correlation-ID` started. It
    /// returns once each was asked for; they may need a while, and a live worker, to end.
    pub async fn cancel_unfinished(&self, correlation_id: Uuid) -> Result<Cancellation, PulpError> {
        let filter = TaskFilter {
            correlation_id: Some(correlation_id),
            states: vec![TaskState::Waiting, TaskState::Running],
            ..TaskFilter::default()
        };
        let (mut asked, mut cancellation) = (HashSet::new(), Cancellation::default());
        loop {
            // A cancelled task leaves the filter, so what is left is always on the first page.
            let wanted = (Content::References, TASKS_PER_PAGE);
            let page: Page<TaskReference> = self.task_page(&filter, "pulp_href", wanted, 0).await?;
            let mut unasked = Vec::new();
            for TaskReference { pulp_href } in page.results {
                let task = task_id(&pulp_href)?;
                if asked.insert(task) {
                    unasked.push(task);
                }
            }
            if unasked.is_empty() {
                return Ok(cancellation);
            }
            if asked.len() > MOST_CANCELED {
                let (count, most) = (asked.len() as u64, MOST_CANCELED as u64);
                return Err(PulpError::TooManyTasks { count, most });
            }
            let outcomes: Vec<bool> = futures::stream::iter(unasked)
                .map(|task| self.cancel(task))
                .buffer_unordered(CANCELLED_AT_ONCE)
                .try_collect()
                .await?;
            for canceling in outcomes {
                cancellation.canceling += u64::from(canceling);
                cancellation.already_ended += u64::from(!canceling);
            }
        }
    }

    /// Dispatches one task that does nothing, a purge of no tasks: workers that overslept a backlog wake up.
    /// The task carries this `Correlation-ID`, so that it is told from the tasks that count.
    pub async fn purge_nothing(&self, correlation_id: Uuid) -> Result<(), PulpError> {
        let path = self.address().api_path("tasks/purge/");
        let request = Request {
            body: Some(PURGE_NOTHING),
            correlation_id: Some(correlation_id),
            ..Request::new(Method::Post, &path)
        };
        self.send(&request).await.map(|_| ())
    }

    async fn task_page<T: serde::de::DeserializeOwned>(
        &self,
        filter: &TaskFilter,
        fields: &str,
        (content, limit): (Content, usize),
        offset: usize,
    ) -> Result<Page<T>, PulpError> {
        let path = self.address().api_path("tasks/");
        let mut query = filter.query();
        query.push(("fields", fields.to_owned()));
        query.push(("limit", limit.to_string()));
        if limit > 1 {
            query.push(("offset", offset.to_string()));
            // The creation alone can be the same for two tasks, which could then swap between pages.
            query.push(("ordering", "pulp_created,pk".to_owned()));
        }
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = Request {
            query: &query,
            largest_answer_bytes: content.largest_page_bytes(limit),
            ..Request::new(Method::Get, &path)
        };
        self.send(&request).await?.json()
    }
}

impl TaskFilter {
    /// Pulp's parameters for it.
    fn query(&self) -> Vec<(&'static str, String)> {
        let Self { correlation_id, states, started_until, finished_since, finished_before } = self;
        let mut query = Vec::new();
        if let Some(id) = correlation_id {
            query.push(("logging_cid", id.to_string()));
        }
        if !states.is_empty() {
            let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
            query.push(("state__in", states.join(",")));
        }
        // Not by the instant of the dispatch: pulpcore of two years ago has no filter for it, and refuses what it does not
        // have.
        for (name, instant) in [
            ("started_at__lte", started_until),
            ("finished_at__gte", finished_since),
            ("finished_at__lt", finished_before),
        ] {
            query.extend(instant.map(|instant| (name, instant.to_string())));
        }
        query
    }
}

/// The pages that were read so far.
struct Collected<T> {
    count: Option<u64>,
    seen: HashSet<Uuid>,
    read: Vec<T>,
}

impl<T> Collected<T> {
    fn new() -> Self {
        Self { count: None, seen: HashSet::new(), read: Vec::new() }
    }

    /// Adds the page that was asked for with this limit; `true` when it was the last one.
    fn add<E: Entry>(
        &mut self,
        page: Page<E>,
        limit: usize,
        most: u64,
        mut read: impl FnMut(E) -> Result<T, PulpError>,
    ) -> Result<bool, PulpError> {
        let Page { count, results } = page;
        if count > most {
            return Err(PulpError::TooManyTasks { count, most });
        }
        let first_count = *self.count.get_or_insert(count);
        if count != first_count {
            return Err(PulpError::Changed(format!("{first_count} became {count}")));
        }
        if results.len() > limit {
            return Err(PulpError::UnexpectedAnswer(format!("{} tasks on a page of {limit}", results.len())));
        }
        let empty = results.is_empty();
        for entry in results {
            if !self.seen.insert(task_id(entry.pulp_href())?) {
                return Err(PulpError::Changed("a task came twice".to_owned()));
            }
            self.read.push(read(entry)?);
        }
        let came = self.read.len() as u64;
        if came > count || (empty && came < count) {
            return Err(PulpError::Changed(format!("{count} were announced, {came} came")));
        }
        Ok(came == count)
    }
}

fn record(entry: TaskEntry, left_bytes: &mut usize) -> TaskRecord {
    let TaskEntry { pulp_href: _, pulp_created, unblocked_at, started_at, finished_at, state, error } = entry;
    let description = error.and_then(|failure| failure.description);
    let error_description = description.filter(|text| text.len() <= *left_bytes);
    *left_bytes -= error_description.as_ref().map_or(0, String::len);
    TaskRecord { pulp_created, unblocked_at, started_at, finished_at, state, error_description }
}

/// The paths of what a task made. An error where they take more bytes than are left.
fn created(entry: CreatingEntry, left_bytes: &mut usize) -> Result<Vec<String>, PulpError> {
    let paths: Vec<String> = entry.created_resources.into_iter().flatten().map(|Href(path)| path).collect();
    let taken = paths.iter().map(String::len).sum();
    *left_bytes = left_bytes.checked_sub(taken).ok_or(PulpError::TooLarge(MOST_HREF_BYTES))?;
    Ok(paths)
}

/// The id at the end of a task's path. The path itself is not used: it is the server's word.
fn task_id(href: &str) -> Result<Uuid, PulpError> {
    href.trim_end_matches('/')
        .rsplit('/')
        .next()
        .and_then(|segment| Uuid::try_parse(segment).ok())
        .ok_or_else(|| PulpError::UnexpectedAnswer("a task without an id".to_owned()))
}
