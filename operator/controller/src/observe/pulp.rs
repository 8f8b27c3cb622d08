//! What Pulp is asked in each stage.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use throughput_answers::Budget;
use throughput_core::identity::TestFacts;
use throughput_core::kinds::pulp_tasks::PulpTasks;
use throughput_core::kinds::pulp_tasks::observed::{
    Counts, Deletions, OwnTasks, Pulp, PulpSeen, Remains, ViewFault,
};
use throughput_core::reason::{Reason, Why};
use throughput_core::stage::{Question, facts};
use throughput_crds::{ProcessCounts, Stage, ThroughputTestStatus};
use throughput_model::task::TaskState;
use throughput_pulp::{ClientOptions, ComponentVersion, PulpClient, PulpError, RequestCounts, TaskFilter};
use uuid::Uuid;

use super::check_view::CheckedViews;
use super::credentials::Found;
use super::due::{Due, due};

/// More tasks than this are not read: a cell dispatches at most 200,000, and overshoots by what was under way.
const MOST_TASKS: u64 = 400_000;

/// The most of Pulp's components whose versions are kept, and the longest name or version, in characters.
const MOST_VERSIONS: usize = 32;
const LONGEST_VERSION: usize = 64;

/// One client a test, so that each test logs in once.
#[derive(Clone, Debug, Default)]
pub struct PulpClients {
    kept: Arc<Mutex<HashMap<String, Kept>>>,
    checked: CheckedViews,
    requests: RequestCounts,
    answers: Budget,
}

#[derive(Clone, Debug)]
struct Kept {
    credentials_version: String,
    client: Arc<PulpClient>,
}

/// What is asked, and about which test.
pub(super) struct Inquiry<'a> {
    pub(super) tasks: &'a PulpTasks,
    pub(super) facts: &'a TestFacts,
    pub(super) status: &'a ThroughputTestStatus,
    pub(super) stage: Stage,
}

impl PulpClients {
    /// None yet. What they will ask is counted here, and their answers share this budget.
    pub fn new(requests: RequestCounts, answers: Budget) -> Self {
        Self { kept: Arc::default(), checked: CheckedViews::default(), requests, answers }
    }

    /// The client of a test, if it was asked for before.
    pub fn of(&self, test_uid: &str) -> Option<Arc<PulpClient>> {
        self.lock().get(test_uid).map(|kept| kept.client.clone())
    }

    /// Forgets the client of a test that is over, and its session with it.
    pub fn forget(&self, test_uid: &str) {
        self.lock().remove(test_uid);
        self.checked.forget(test_uid);
    }

    /// Lets go of the client of a test whose credentials may not be used any more, and of its session.
    pub(crate) fn drop_client(&self, test_uid: &str) {
        self.lock().remove(test_uid);
    }

    /// Whether the view that dispatches would, asked once a test with a query with which it should dispatch nothing.
    pub(super) async fn check_view(&self, tasks: &PulpTasks, test_uid: &str) -> Option<ViewFault> {
        let view = tasks.view_check.as_ref()?;
        let client = self.of(test_uid)?;
        self.checked.ask(&client, (tasks, view), test_uid).await
    }

    /// Asks what the stage wants to know.
    pub(super) async fn ask(&self, inquiry: &Inquiry<'_>, found: Found) -> PulpSeen {
        let client = match self.client(inquiry, found) {
            Ok(client) => client,
            Err(error) => {
                return not_to_be_asked(&error).into();
            }
        };
        match answer(&client, inquiry).await {
            Ok((counts, remains)) => PulpSeen { remains, ..Pulp::Answering(counts).into() },
            Err(error) => unavailable(inquiry, &error).into(),
        }
    }

    fn client(
        &self,
        inquiry: &Inquiry<'_>,
        found: Found,
    ) -> Result<Arc<PulpClient>, throughput_pulp::SetupError> {
        let uid = &inquiry.facts.uid;
        if let Some(kept) = self.lock().get(uid)
            && kept.credentials_version == found.version
        {
            return Ok(kept.client.clone());
        }
        let options = ClientOptions {
            certificates: found.certificates,
            requests: Some(self.requests.clone()),
            answers: Some(self.answers.clone()),
            ..ClientOptions::default()
        };
        let client = Arc::new(PulpClient::new(&inquiry.tasks.pulp, found.credentials, options)?);
        let kept = Kept { credentials_version: found.version, client: client.clone() };
        self.lock().insert(uid.clone(), kept);
        Ok(client)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Kept>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why no client could be made.
fn not_to_be_asked(error: &throughput_pulp::SetupError) -> Pulp {
    let reason = match error {
        throughput_pulp::SetupError::BaseUrl(_)
        | throughput_pulp::SetupError::ApiRoot(_)
        | throughput_pulp::SetupError::Domain(_) => Reason::PulpAddressInvalid,
        throughput_pulp::SetupError::CredentialsMissing | throughput_pulp::SetupError::Header(_) => {
            Reason::CredentialsInvalid
        }
        throughput_pulp::SetupError::Tls(_) | throughput_pulp::SetupError::NoCertificate => {
            Reason::CaBundleInvalid
        }
    };
    Pulp::Unavailable(Why::new(reason, error.to_string()))
}

fn unavailable(inquiry: &Inquiry<'_>, error: &PulpError) -> Pulp {
    let reason = match error.failure_class() {
        throughput_model::failure::FailureClass::Unauthorized => Reason::PulpUnauthorized,
        throughput_model::failure::FailureClass::UnexpectedAnswer
        | throughput_model::failure::FailureClass::Raised => Reason::NotAPulp,
        throughput_model::failure::FailureClass::Connect
        | throughput_model::failure::FailureClass::Timeout
        | throughput_model::failure::FailureClass::Abandoned
        | throughput_model::failure::FailureClass::Reset => Reason::PulpUnreachable,
        throughput_model::failure::FailureClass::ClientError
        | throughput_model::failure::FailureClass::ServerError => Reason::PulpError,
    };
    Pulp::Unavailable(Why::new(
        reason,
        format!("{}{}: {error}", inquiry.tasks.pulp.base_url, inquiry.tasks.pulp.api_root),
    ))
}

async fn answer(client: &PulpClient, inquiry: &Inquiry<'_>) -> Result<(Counts, Option<Remains>), PulpError> {
    let none = (Counts::default(), None);
    let asks = facts(inquiry.stage).asks_target;
    match (asks, correlation_id(inquiry)) {
        (Question::Nothing, _) => Ok(none),
        // The same request as when the queue is watched, so that what is wrong with it is known before
        // anything is scaled.
        (Question::Queue, _) => {
            let unfinished = Some(client.count_tasks(&unfinished(None)).await?);
            Ok((Counts { unfinished, ..Counts::default() }, None))
        }
        (Question::Workers, _) => {
            let workers_online = Some(workers_online(client).await?);
            Ok((Counts { workers_online, ..Counts::default() }, None))
        }
        (Question::QueueAndProcesses, _) => {
            let unfinished = Some(client.count_tasks(&unfinished(None)).await?);
            let counts = Counts { unfinished, ..Counts::default() };
            Ok((with_processes(counts, client, inquiry).await?, None))
        }
        (Question::Tasks, Some(id)) => Ok((tasks(client, inquiry, id).await?, None)),
        (Question::WaitingTasks, Some(id)) => {
            // What waits is counted first: a task that is started in between is then not taken for one that waits.
            let waiting = Some(client.count_tasks(&in_states(id, vec![TaskState::Waiting])).await?);
            Ok((Counts { waiting, ..all_counts(client, id).await? }, None))
        }
        (Question::Deletions, Some(_)) => {
            let deletions = Some(deletions(client, inquiry).await?);
            Ok((Counts { deletions, ..Counts::default() }, None))
        }
        (Question::Remains, Some(id)) => Ok((Counts::default(), Some(remains(client, inquiry, id).await?))),
        // Without a cell there is none of its tasks.
        (Question::Tasks | Question::WaitingTasks | Question::Deletions | Question::Remains, None) => {
            Ok(none)
        }
    }
}

/// The counts of the cell's tasks that are due.
async fn tasks(client: &PulpClient, inquiry: &Inquiry<'_>, id: Uuid) -> Result<Counts, PulpError> {
    let current = inquiry.status.current.as_ref();
    match current.map_or(Due::All, |current| due(current, Timestamp::now())) {
        Due::Nothing => Ok(Counts::default()),
        Due::Unfinished(before) => {
            let unfinished = client.count_tasks(&unfinished(Some(id))).await?;
            let own = Some(OwnTasks { submitted: before.tasks_submitted, unfinished });
            Ok(Counts { own, workers_online: before.workers_online, ..Counts::default() })
        }
        Due::All => all_counts(client, id).await,
    }
}

/// The cell's tasks and the workers online, counted in this order: tasks that are dispatched in between make the first
/// count small, never the rest larger than the whole.
async fn all_counts(client: &PulpClient, id: Uuid) -> Result<Counts, PulpError> {
    let unfinished = client.count_tasks(&unfinished(Some(id))).await?;
    let own = OwnTasks { submitted: client.count_tasks(&all(Some(id))).await?, unfinished };
    let workers_online = Some(workers_online(client).await?);
    Ok(Counts { own: Some(own), workers_online, ..Counts::default() })
}

fn correlation_id(inquiry: &Inquiry<'_>) -> Option<Uuid> {
    let current = inquiry.status.current.as_ref()?;
    Some(super::address(inquiry.facts, current).correlation_id())
}

fn all(correlation_id: Option<Uuid>) -> TaskFilter {
    TaskFilter { correlation_id, ..TaskFilter::default() }
}

fn unfinished(correlation_id: Option<Uuid>) -> TaskFilter {
    TaskFilter { correlation_id, states: TaskState::UNFINISHED.to_vec(), ..TaskFilter::default() }
}

fn in_states(id: Uuid, states: Vec<TaskState>) -> TaskFilter {
    TaskFilter { correlation_id: Some(id), states, ..TaskFilter::default() }
}

/// The tasks that delete what the cell's tasks made.
async fn deletions(client: &PulpClient, inquiry: &Inquiry<'_>) -> Result<Deletions, PulpError> {
    let Some(current) = &inquiry.status.current else {
        return Ok(Deletions { unfinished: 0, failed: 0 });
    };
    let id = super::address(inquiry.facts, current).cleanup_correlation_id();
    Ok(Deletions {
        unfinished: client.count_tasks(&unfinished(Some(id))).await?,
        failed: client.count_tasks(&in_states(id, vec![TaskState::Failed, TaskState::Canceled])).await?,
    })
}

async fn workers_online(client: &PulpClient) -> Result<u32, PulpError> {
    let workers = client.online_workers_count().await?;
    Ok(u32::try_from(workers).unwrap_or(u32::MAX))
}

/// All processes and versions, once a cell: the status page is too dear to be asked often.
async fn with_processes(
    counts: Counts,
    client: &PulpClient,
    inquiry: &Inquiry<'_>,
) -> Result<Counts, PulpError> {
    let known = inquiry.status.current.as_ref().and_then(|current| current.progress.processes);
    if known.is_some() {
        return Ok(counts);
    }
    let status = client.status().await?;
    let count = |processes: usize| u32::try_from(processes).unwrap_or(u32::MAX);
    let processes = Some(ProcessCounts {
        workers: count(status.online_workers.len()),
        api_apps: count(status.online_api_apps.len()),
        content_apps: count(status.online_content_apps.len()),
    });
    let bounded = |words: &str| words.chars().take(LONGEST_VERSION).collect::<String>();
    let of = |version: &ComponentVersion| (bounded(&version.component), bounded(&version.version));
    let versions = status.versions.iter().take(MOST_VERSIONS).map(of).collect();
    Ok(Counts { processes, versions, ..counts })
}

/// The cell's tasks, and how many of others were dispatched in its window.
async fn remains(
    client: &PulpClient,
    inquiry: &Inquiry<'_>,
    correlation_id: Uuid,
) -> Result<Remains, PulpError> {
    let tasks = client.tasks_of(correlation_id, MOST_TASKS).await?;
    let begin = tasks.iter().map(|task| task.pulp_created).min();
    let end: Option<Timestamp> = tasks.iter().filter_map(|task| task.finished_at).max();
    let foreign_tasks = match (begin, end) {
        (Some(begin), Some(end)) => {
            let window =
                TaskFilter { created_since: Some(begin), created_until: Some(end), ..TaskFilter::default() };
            let own = tasks.iter().filter(|task| task.pulp_created <= end).count() as u64;
            let nudges = nudges_in(client, inquiry, &window).await?;
            client.count_tasks(&window).await?.saturating_sub(own + nudges)
        }
        _ => 0,
    };
    Ok(Remains { tasks, foreign_tasks })
}

/// The tasks of a window that only woke the workers up.
async fn nudges_in(
    client: &PulpClient,
    inquiry: &Inquiry<'_>,
    window: &TaskFilter,
) -> Result<u64, PulpError> {
    let nudged = inquiry.status.current.as_ref().filter(|current| !current.progress.nudges.is_empty());
    let Some(current) = nudged else { return Ok(0) };
    let id = super::address(inquiry.facts, current).nudge_correlation_id();
    client.count_tasks(&TaskFilter { correlation_id: Some(id), ..window.clone() }).await
}
