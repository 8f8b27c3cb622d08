//! What Pulp is asked in each stage.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use throughput_answers::Budget;
use throughput_core::identity::TestFacts;
use throughput_core::kinds::pulp_tasks::observed::{Counts, Deletions, OwnTasks, Pulp, PulpSeen};
use throughput_core::kinds::pulp_tasks::plan::PulpUnderTest;
use throughput_core::reason::{Reason, Why};
use throughput_core::stage::{Question, facts};
use throughput_crds::{ProcessCounts, Stage, ThroughputTestStatus};
use throughput_model::failure::{FailureClass, Phase};
use throughput_model::task::TaskState;
use throughput_model::workload::PulpEndpoint;
use throughput_pulp::{ClientOptions, ComponentVersion, PulpClient, PulpError, RequestCounts, TaskFilter};
use tokio::time::Instant;
use uuid::Uuid;

use super::check_view::{self, CheckedViews};
use super::credentials::Found;
use super::due::{Due, due};
use super::remains::{Collections, Held, Progress, Wanted};
use crate::cadence::turns::{Turn, Turns};
use crate::cadence::wishes::{GivenUp, Heeding};

/// The most of Pulp's components whose versions are kept, and the longest name or version, in characters.
const MOST_VERSIONS: usize = 32;
const LONGEST_VERSION: usize = 64;

/// One client a test, so that each test logs in once.
#[derive(Clone, Debug, Default)]
pub struct PulpClients {
    kept: Arc<Mutex<HashMap<String, Kept>>>,
    checked: CheckedViews,
    collections: Collections,
    turns: Turns,
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
    pub(super) endpoint: &'a PulpEndpoint,
    pub(super) facts: &'a TestFacts,
    pub(super) status: &'a ThroughputTestStatus,
    pub(super) stage: Stage,
}

/// The answer.
pub(super) struct Answer {
    pub(super) seen: PulpSeen,
    /// The turn in which it was asked, which lasts until the look ends.
    pub(super) turn: Option<Turn>,
    /// What is held for the tasks that were read, until the look ends.
    pub(super) collected: Option<Held>,
}

impl From<Pulp> for Answer {
    fn from(pulp: Pulp) -> Self {
        Self { seen: pulp.into(), turn: None, collected: None }
    }
}

impl PulpClients {
    /// None yet. What they will ask is counted here, their answers share this budget, and they are asked in these turns.
    pub fn new(requests: RequestCounts, answers: Budget, turns: Turns) -> Self {
        Self { turns, requests, answers, ..Self::default() }
    }

    /// The client of a test, if it was asked for before.
    pub fn of(&self, test_uid: &str) -> Option<Arc<PulpClient>> {
        self.lock().get(test_uid).map(|kept| kept.client.clone())
    }

    /// Forgets the client of a test that is over, and its session with it.
    pub fn forget(&self, test_uid: &str) {
        self.lock().remove(test_uid);
        self.checked.forget(test_uid);
        self.collections.forget(test_uid);
        self.turns.forget(test_uid);
    }

    /// Ends what is read of a test's tasks, where nobody wants it any more.
    pub(super) fn collect_no_more(&self, test_uid: &str) {
        self.collections.forget(test_uid);
    }

    /// Lets go of the client of a test whose credentials may not be used any more, and of its session.
    pub(crate) fn drop_client(&self, test_uid: &str) {
        self.lock().remove(test_uid);
        self.checked.give_up(test_uid);
        self.collections.forget(test_uid);
    }

    /// Whether the view that dispatches would, asked once a test with a query with which it should dispatch nothing.
    pub(super) async fn check_view(
        &self,
        pulp: &PulpUnderTest,
        test: &TestFacts,
        heeding: &Heeding,
    ) -> check_view::Answer {
        let (Some(view), Some(client)) = (pulp.view_check.as_ref(), self.of(&test.uid)) else {
            return check_view::Answer::Known(None);
        };
        let asked = self.checked.ask(client, (&pulp.endpoint, view), test, &self.turns);
        heeding.unless_changed(asked).await.unwrap_or_default()
    }

    /// Asks what the stage wants to know, when it is the test's turn.
    pub(super) async fn ask(&self, inquiry: &Inquiry<'_>, found: Found, heeding: &Heeding) -> Answer {
        let client = match self.client(inquiry, found) {
            Ok(client) => client,
            Err(error) => {
                return not_to_be_asked(&error).into();
            }
        };
        if facts(inquiry.stage).asks_target == Question::Remains {
            return self.collect(inquiry, client, heeding).await;
        }
        let Some(turn) = self.turns.to_ask(inquiry.facts, Instant::now()) else {
            return others_turn().into();
        };
        let asking = tokio::time::timeout(turn.deadline(), answer(&client, inquiry));
        let pulp = match heeding.unless_changed(asking).await {
            Ok(Ok(Ok(counts))) => {
                // Where nothing was due nobody has answered.
                if counts != Counts::default() {
                    turn.note(true);
                }
                Pulp::Answering(counts)
            }
            Ok(Ok(Err(error))) => {
                turn.note(has_answered(&error));
                unavailable(inquiry, &error)
            }
            Ok(Err(_)) => {
                turn.note(false);
                let late = PulpError::Timeout { within: turn.deadline(), phase: Phase::AwaitAnswer };
                unavailable(inquiry, &late)
            }
            Err(given_up) => not_asked(given_up),
        };
        Answer { seen: pulp.into(), turn: Some(turn), collected: None }
    }

    /// Reads the tasks of the cell, or looks how far that is.
    async fn collect(&self, inquiry: &Inquiry<'_>, client: Arc<PulpClient>, heeding: &Heeding) -> Answer {
        let Some(current) = &inquiry.status.current else {
            return Pulp::Answering(Counts::default()).into();
        };
        let address = super::address(inquiry.facts, current);
        let wanted = Wanted { address, nudged: !current.progress.nudges.is_empty() };
        let read = self.collections.read(client, wanted, inquiry.facts, &self.turns);
        match heeding.unless_changed(read).await {
            Ok(Progress::Read(held, Ok(remains))) => {
                let answering = Pulp::Answering(Counts::default()).into();
                let seen = PulpSeen { remains: Some(remains), ..answering };
                Answer { seen, turn: None, collected: Some(held) }
            }
            Ok(Progress::Read(_held, Err(error))) => unavailable(inquiry, &error).into(),
            Ok(Progress::UnderWay) => {
                let words = "all tasks of the cell are still being read";
                Pulp::Unavailable(Why::new(Reason::NotYetAsked, words)).into()
            }
            Ok(Progress::NotBegun) => others_turn().into(),
            Err(given_up) => not_asked(given_up).into(),
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
            client_certificate: found.client_certificate,
            requests: Some(self.requests.clone()),
            answers: Some(self.answers.clone()),
            ..ClientOptions::default()
        };
        let client = Arc::new(PulpClient::new(inquiry.endpoint, found.credentials, options)?);
        let kept = Kept { credentials_version: found.version, client: client.clone() };
        self.lock().insert(uid.clone(), kept);
        Ok(client)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Kept>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who has no turn is asked later.
pub(super) fn others_turn() -> Pulp {
    let words = "it is asked when it is this test's turn: other tests of this namespace wait for servers that do not answer";
    Pulp::Unavailable(Why::new(Reason::NotYetAsked, words))
}

fn not_asked(given_up: GivenUp) -> Pulp {
    Pulp::Unavailable(Why::new(Reason::NotYetAsked, given_up.to_string()))
}

/// Whether somebody was there who said anything.
fn has_answered(error: &PulpError) -> bool {
    match error.failure_class() {
        FailureClass::Connect | FailureClass::Timeout | FailureClass::Reset | FailureClass::Abandoned => {
            false
        }
        FailureClass::Unauthorized
        | FailureClass::ClientError
        | FailureClass::ServerError
        | FailureClass::UnexpectedAnswer
        | FailureClass::Raised => true,
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
        throughput_pulp::SetupError::ClientCertificate(_) => Reason::ClientCertificateInvalid,
        throughput_pulp::SetupError::Tls(_) | throughput_pulp::SetupError::NoCertificate => {
            Reason::CaBundleInvalid
        }
    };
    Pulp::Unavailable(Why::new(reason, error.to_string()))
}

fn unavailable(inquiry: &Inquiry<'_>, error: &PulpError) -> Pulp {
    let reason = match error.failure_class() {
        FailureClass::Unauthorized => Reason::PulpUnauthorized,
        FailureClass::UnexpectedAnswer | FailureClass::Raised => Reason::NotAPulp,
        FailureClass::Connect | FailureClass::Timeout | FailureClass::Reset | FailureClass::Abandoned => {
            Reason::PulpUnreachable
        }
        FailureClass::ClientError | FailureClass::ServerError => Reason::PulpError,
    };
    Pulp::Unavailable(Why::new(
        reason,
        format!("{}{}: {error}", inquiry.endpoint.base_url, inquiry.endpoint.api_root),
    ))
}

async fn answer(client: &PulpClient, inquiry: &Inquiry<'_>) -> Result<Counts, PulpError> {
    let asks = facts(inquiry.stage).asks_target;
    Ok(match (asks, correlation_id(inquiry)) {
        // The same request as when the queue is watched, so that what is wrong with it is known before
        // anything is scaled.
        (Question::Queue, _) => {
            let unfinished = Some(client.count_tasks(&unfinished(None)).await?);
            Counts { unfinished, ..Counts::default() }
        }
        (Question::Workers, _) => {
            let workers_online = Some(workers_online(client).await?);
            Counts { workers_online, ..Counts::default() }
        }
        (Question::Processes, _) => processes(client, inquiry).await?,
        (Question::Tasks, Some(id)) => tasks(client, inquiry, id).await?,
        (Question::WaitingTasks, Some(id)) => {
            // What waits is counted first: a task that is started in between is then not taken for one that waits.
            let waiting = Some(client.count_tasks(&in_states(id, vec![TaskState::Waiting])).await?);
            Counts { waiting, ..all_counts(client, id).await? }
        }
        (Question::Deletions, Some(_)) => {
            let deletions = Some(deletions(client, inquiry).await?);
            Counts { deletions, ..Counts::default() }
        }
        // Without a cell there is none of its tasks; and those are read besides the looks.
        (Question::Nothing | Question::Remains, _)
        | (Question::Tasks | Question::WaitingTasks | Question::Deletions, None) => Counts::default(),
    })
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
async fn processes(client: &PulpClient, inquiry: &Inquiry<'_>) -> Result<Counts, PulpError> {
    let known = inquiry.status.current.as_ref().and_then(|current| current.progress.processes);
    if known.is_some() {
        return Ok(Counts::default());
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
    Ok(Counts { processes, versions, ..Counts::default() })
}
