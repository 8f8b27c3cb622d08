//! The load is made by a container beside this one: a script in Pulp's own image, with Pulp's settings.
//!
//! Both share a folder, and each file in it has one writer, who puts it there whole.
//!
//! | file | written by | what it says |
//! | --- | --- | --- |
//! | `work.json` | this program | what to dispatch: [`Work`] |
//! | `ready` | the script | Pulp is imported, and its database answers |
//! | `start.json` | this program | the instant of the common start, by the clock of this node |
//! | `progress.json` | the script | counts so far, twice a second |
//! | `result.json` | the script | all counts and times: [`ScriptResult`] |
//! | `delivered` | this program | the operator has the result, and the script may end |
//! | `abort` | this program | why the script shall end without a result |
//!
//! This program runs as a native sidecar: it is started again when it ends, and told to end after the script.
//! So it does not end by itself, and it can be started again at any point: the files say where it was.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use throughput_model::failure::FailureClass;
use throughput_model::generator::{
    GeneratorResult, RESULT_VERSION, RequestFigures, StartFigures, StopReason,
};
use throughput_model::protocol::Progress;
use throughput_model::workload::{InProcess, PulpTasks};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::collector::{CallError, Collector};
use crate::ending::{Ending, Failure};
use crate::session::{await_start, deliver, register};
use crate::settings::Settings;
use crate::start::StartEstimate;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How often the operator is told how far the script is.
const TELL: Duration = Duration::from_secs(1);
/// The longest file of the script that is read, in bytes: 200,000 times of some digits each.
const LARGEST_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// What the script is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// How many tasks.
    pub tasks: u64,
    /// The correlation id that they carry.
    pub correlation_id: Uuid,
    /// The domain that they belong to, where there are domains.
    pub domain: Option<String>,
    /// The tasks' function.
    pub function: String,
    /// Its arguments: a JSON array, as text.
    pub arguments: String,
    /// Its named arguments: a JSON object, as text.
    pub named_arguments: String,
    /// Whether each task locks a resource that no other has.
    pub unique_lock: bool,
    /// What every task locks for itself alone.
    pub exclusive: Vec<String>,
    /// What every task shares.
    pub shared: Vec<String>,
    /// How long tasks are dispatched at most.
    pub deadline_milliseconds: u64,
}

/// What the script did.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScriptResult {
    /// When the first call began, in nanoseconds since 1970.
    pub started_at: i64,
    /// From then to the end of the last call.
    pub elapsed_microseconds: u64,
    /// Why no further call was made.
    pub stopped: StopReason,
    /// How long each call took that dispatched a task.
    pub latencies_microseconds: Vec<u64>,
    /// How long each call took that raised an exception.
    pub failed_microseconds: Vec<u64>,
    /// The first few exceptions.
    pub failures: Vec<String>,
}

/// Lives a generator's life with a script beside it, until it is told to end.
pub(crate) async fn carry_out(
    settings: &Settings,
    tasks: &PulpTasks,
    work: &InProcess,
    folder: &Path,
    terminate: &CancellationToken,
) -> Result<(), Ending> {
    let exchange = Exchange { folder: folder.to_owned() };
    if exchange.folder.join("delivered").exists() {
        terminate.cancelled().await;
        return Ok(());
    }
    let living = attend(settings, tasks, work, &exchange);
    let Some(outcome) = terminate.run_until_cancelled(living).await else {
        return Err(Ending::Terminated);
    };
    if let Err(ending) = &outcome {
        tracing::warn!(%ending, "the script is told to end");
        exchange.put("abort", ending.to_string().as_bytes())?;
    }
    // Whoever ends is started again while the script lives.
    terminate.cancelled().await;
    outcome
}

async fn attend(
    settings: &Settings,
    tasks: &PulpTasks,
    work: &InProcess,
    exchange: &Exchange,
) -> Result<(), Ending> {
    let collector = Collector::new(settings).map_err(Failure::from)?;
    let until = Instant::now() + settings.give_up_after;
    exchange.put("work.json", &text(&work_of(settings, tasks, work))?)?;
    exchange.await_file("ready", until).await?;
    register(settings, &collector, until).await?;
    let start = await_start(settings, &collector, until).await?;
    let at = exchange.give_start(&start)?;
    let result: ScriptResult = exchange.await_result(&collector).await?;
    tracing::info!(dispatched = result.latencies_microseconds.len(), stopped = ?result.stopped, "dispatched");
    deliver(settings, &collector, &delivered(settings, result, &start, at)).await?;
    exchange.put("delivered", b"")?;
    tracing::info!("the result is delivered");
    Ok(())
}

fn work_of(settings: &Settings, tasks: &PulpTasks, work: &InProcess) -> Work {
    let InProcess { function, arguments, named_arguments, unique_lock, exclusive, shared } = work.clone();
    Work {
        tasks: tasks.share(settings.assignment.generators, settings.index),
        correlation_id: tasks.correlation_id,
        domain: tasks.pulp.domain.clone(),
        function,
        arguments,
        named_arguments,
        unique_lock,
        exclusive,
        shared,
        deadline_milliseconds: tasks.dispatch_deadline_milliseconds,
    }
}

/// What the operator is told of the script's result. `at` is the start by this node's clock.
fn delivered(
    settings: &Settings,
    result: ScriptResult,
    start: &StartEstimate,
    at: Timestamp,
) -> GeneratorResult {
    let ScriptResult {
        started_at,
        elapsed_microseconds,
        stopped,
        latencies_microseconds,
        failed_microseconds,
        failures,
    } = result;
    let mut requests = RequestFigures::default();
    for microseconds in &latencies_microseconds {
        requests.latency.record(Duration::from_micros(*microseconds));
    }
    for (number, microseconds) in failed_microseconds.iter().enumerate() {
        requests.failed_latency.record(Duration::from_micros(*microseconds));
        let description = failures.get(number).map_or("a further exception", String::as_str);
        requests.failures.record(FailureClass::Raised, description);
    }
    requests.succeeded = requests.latency.count();
    requests.sent = requests.succeeded + requests.failures.total();
    let started_at = Timestamp::from_nanosecond(i128::from(started_at)).unwrap_or_default();
    let elapsed = jiff::SignedDuration::try_from(Duration::from_micros(elapsed_microseconds))
        .unwrap_or(jiff::SignedDuration::MAX);
    let lateness = Duration::try_from(started_at.duration_since(at)).unwrap_or_default();
    GeneratorResult {
        version: RESULT_VERSION,
        pod_name: settings.pod_name.clone(),
        pod_uid: settings.pod_uid.clone(),
        started_at,
        finished_at: started_at.checked_add(elapsed).unwrap_or(Timestamp::MAX),
        elapsed_microseconds,
        stopped,
        tasks_dispatched: requests.succeeded,
        largest_yield: u64::from(requests.succeeded > 0),
        requests,
        start: Some(StartFigures {
            uncertainty_microseconds: microseconds(start.uncertainty),
            lateness_microseconds: microseconds(lateness),
        }),
        // The calls are the load, and their time is Pulp's own: there is no generator that could lag.
        work: None,
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn text(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|error| Failure::Exchange(error.to_string()))
}

/// The instant of the start, as the script reads it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Start {
    /// Nanoseconds since 1970.
    at: i64,
}

/// The folder that both share.
struct Exchange {
    folder: PathBuf,
}

impl Exchange {
    /// Puts a file there, whole or not at all.
    fn put(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let part = self.folder.join(format!("{name}.part"));
        std::fs::write(&part, content)
            .and_then(|()| std::fs::rename(&part, self.folder.join(name)))
            .map_err(|error| Failure::Exchange(format!("cannot write {name}: {error}")))
    }

    /// What a file holds, if it is there.
    fn take<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Failure> {
        let path = self.folder.join(name);
        let wrong = |error: String| Failure::Exchange(format!("cannot read {name}: {error}"));
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error.to_string())),
            Ok(found) if found.len() > LARGEST_FILE_BYTES => return Err(wrong("it is too large".to_owned())),
            Ok(_) => {}
        }
        let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| wrong(error.to_string()))
    }

    async fn await_file(&self, name: &'static str, until: Instant) -> Result<(), Ending> {
        while !self.folder.join(name).exists() {
            if Instant::now() >= until {
                let last = "the script did not write it".to_owned();
                return Err(Failure::GaveUp { what: name, last }.into());
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Tells the script the start, unless an earlier life of this program did; returns it by this node's clock.
    fn give_start(&self, start: &StartEstimate) -> Result<Timestamp, Failure> {
        let given: Option<Start> = self.take("start.json")?;
        let now = (Instant::now(), Timestamp::now().as_nanosecond());
        let ahead = i128::try_from(start.at.saturating_duration_since(now.0).as_nanos()).unwrap_or_default();
        let behind = i128::try_from(now.0.saturating_duration_since(start.at).as_nanos()).unwrap_or_default();
        let at = given.map_or(now.1 + ahead - behind, |given| i128::from(given.at));
        if given.is_none() {
            let at = i64::try_from(at).unwrap_or(i64::MAX);
            self.put("start.json", &text(&Start { at })?)?;
        }
        Ok(Timestamp::from_nanosecond(at).unwrap_or_default())
    }

    /// Awaits the script's result, while the operator is told each second how far it is.
    async fn await_result(&self, collector: &Collector) -> Result<ScriptResult, Ending> {
        let mut told = Instant::now();
        loop {
            if let Some(result) = self.take("result.json")? {
                return Ok(result);
            }
            if told.elapsed() >= TELL {
                told = Instant::now();
                let progress: Progress = self.take("progress.json")?.unwrap_or_default();
                if let Ok(Err(CallError::AttemptOver)) = timeout(TELL, collector.progress(&progress)).await {
                    return Err(Ending::AttemptOver);
                }
            }
            sleep(LOOK).await;
        }
    }
}
