//! What a run has found so far.
//!
//! No floating-point numbers: whole numbers with the unit in the name, or decimal texts.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a run has found so far, and where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ThroughputTestStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The conditions in one word, for people. Programs read the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The outcome, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// What holds and what does not, with reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// How many cells there are, and how many have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cells: Option<CellCounts>,
    /// The columns of `kubectl get`, for people.
    #[serde(default)]
    pub summary: StatusSummary,
    /// The cell that is being measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Current>,
    /// The cells that have ended, in the order in which they were measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<CellResult>,
    /// The valid cell with the most tasks per second; where cells are repeated, the one in the middle of its
    /// repeats stands for them, so that a lucky one does not win.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<Best>,
    /// What the repeats of each combination came to, where there are repeats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeats: Vec<RepeatedCells>,
    /// Where the rest is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportReference>,
    /// When the run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When the run ended and everything was put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// The conditions in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum Phase {
    /// Something that the run needs is not there yet.
    Pending,
    /// It is held between two cells, since `suspend` is set.
    Suspended,
    /// Cells are being measured.
    Running,
    /// Everything is being put back.
    Restoring,
    /// It is over; the verdict tells how it went.
    Finished,
}

/// The outcome of a cell or a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum Verdict {
    /// All was measured and every criterion is met.
    Passed,
    /// Something could not be carried out, or a criterion is not met.
    Failed,
    /// The figures cannot be trusted.
    Invalid,
    /// It was ended before it was done.
    Aborted,
}

/// One condition, as Kubernetes knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub type_: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in one word for programs.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 100)))]
    pub reason: String,
    /// Why, in a sentence for people.
    #[cfg_attr(feature = "kube", schemars(length(max = 2000)))]
    pub message: String,
    /// Since when it has been so.
    pub last_transition_time: Timestamp,
    /// The generation of the spec that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum ConditionType {
    /// The spec can be carried out.
    Accepted,
    /// Targets, credentials and claims are there.
    TargetsReady,
    /// Cells are being measured.
    Running,
    /// Every cell was followed to its end and its figures are in the report.
    ResultsCollected,
    /// The sources of `observe` saw all that they were to see, so far.
    SourcesComplete,
    /// Everything that was scaled is as it was.
    TargetsRestored,
    /// The verdict is Passed.
    Succeeded,
    /// It is over, however it went: wait for this one.
    Finished,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It is not known.
    Unknown,
}

/// How many cells there are, and how many have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CellCounts {
    /// All cells of the matrix, repeats included.
    pub total: u32,
    /// Those that have ended.
    pub finished: u32,
}

/// The columns of `kubectl get`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StatusSummary {
    /// Ended and all cells: `2/6`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cells: Option<String>,
    /// Tasks that have completed in all cells so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<u64>,
    /// Tasks per second of the best cell so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_per_second: Option<String>,
    /// The 99th percentile of the time from dispatch to end in that cell: `412.7s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<String>,
}

/// Where the cell that is being measured is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Current {
    /// The cell's position in the matrix, from 0.
    pub cell: u32,
    /// The attempt at it, from 1.
    pub attempt: u32,
    /// What the cell is doing. The same as the last entry of the timeline.
    pub stage: Stage,
    /// The cell's parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<CellParameter>,
    /// When each stage began.
    pub timeline: Vec<StageEntry>,
    /// What was found on the way and belongs to the cell's result.
    #[serde(default)]
    pub progress: CellProgress,
    /// Counts of now, rewritten at most every ten seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveCounts>,
}

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum Stage {
    /// Waiting for what the run needs.
    AwaitingTargets,
    /// Claiming what will be scaled.
    Claiming,
    /// Held, with everything put back, until `suspend` is false.
    Suspended,
    /// Waiting until no task is left in Pulp's queue.
    EmptyingQueue,
    /// Waiting until no worker is online in Pulp any more, so that a backlog can be built.
    ScalingDown,
    /// Waiting until as many workers are online in Pulp as the cell wants.
    ScalingWorkers,
    /// Waiting until all load generators are ready.
    StartingGenerators,
    /// The generators dispatch.
    Dispatching,
    /// Waiting until the workers start the first task of the backlog.
    AwaitingFirstTask,
    /// The workers finish what was dispatched.
    Draining,
    /// Canceling what is left of a cell that cannot be finished.
    CancelingTasks,
    /// Deleting what the tasks made.
    CleaningUp,
    /// Waiting until the sources of `observe` have all figures of the cell.
    Settling,
    /// Reading the tasks and computing the figures.
    Collecting,
    /// Putting everything back.
    Restoring,
}

/// When a stage began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StageEntry {
    /// The stage.
    pub stage: Stage,
    /// When it began, by the operator's clock.
    pub since: Timestamp,
}

/// One value of a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CellParameter {
    /// The axis's name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl fmt::Display for CellParameter {
    /// `workers 4`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.name, self.value)
    }
}

/// What was found on the way through a cell and belongs to its result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CellProgress {
    /// When the load generators start together, by the operator's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// Pulp's processes when the dispatch began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<ProcessCounts>,
    /// The versions of Pulp's components then, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "kube", schemars(extend("maxProperties" = 32)))]
    pub pulp_versions: BTreeMap<String, String>,
    /// Why the cell cannot be finished as planned; what was collected is kept all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The reason of the failure, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// Why the figures cannot be trusted: each thing that was seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalid: Vec<String>,
    /// When Pulp was sent one more task, since its workers were online and started none of the backlog's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nudges: Vec<Timestamp>,
    /// How many workers were online in Pulp, each time that it was another number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "kube", schemars(length(max = 32)))]
    pub workers_online: Vec<WorkersOnline>,
    /// How far the deletion of what the tasks made is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleanup: Option<CleanupProgress>,
}

/// How many workers were online from an instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WorkersOnline {
    /// When Pulp was seen to say so first, by the operator's clock.
    pub since: Timestamp,
    /// How many.
    pub workers: u32,
}

/// How far the deletion of what a cell's tasks made is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CleanupProgress {
    /// The resources that the cell's tasks made, as far as Pulp names them.
    pub created: u64,
    /// Those of them whose deletion was asked for so far.
    pub asked: u64,
    /// Those of them that Pulp refused to delete.
    pub left: u64,
    /// What Pulp said to the first that it refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(max = 300)))]
    pub refusal: Option<String>,
    /// Whether nothing is left to be done.
    pub done: bool,
}

/// How many of Pulp's processes are online.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProcessCounts {
    /// Workers.
    pub workers: u32,
    /// API processes.
    pub api_apps: u32,
    /// Content processes.
    pub content_apps: u32,
}

/// Counts of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LiveCounts {
    /// When they were read.
    pub at: Timestamp,
    /// Tasks of this cell that Pulp knows.
    pub tasks_submitted: u64,
    /// Those that have not ended.
    pub tasks_unfinished: u64,
    /// Workers online in Pulp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers_online: Option<u32>,
}

/// What a cell came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CellResult {
    /// The cell's position in the matrix, from 0.
    pub cell: u32,
    /// Which repeat of the matrix it belongs to, from 1.
    pub repeat: u32,
    /// The attempt that the figures are from, from 1.
    pub attempt: u32,
    /// The cell's parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<CellParameter>,
    /// How the cell ended.
    pub outcome: CellOutcome,
    /// What the figures amount to.
    pub verdict: Verdict,
    /// Why the verdict is not Passed, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the verdict is not Passed, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Requests that were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Requests that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_failed: Option<u64>,
    /// Tasks that Pulp knows under the cell's correlation id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_submitted: Option<u64>,
    /// Those that completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_completed: Option<u64>,
    /// Those that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_failed: Option<u64>,
    /// Completed tasks over the time from the first start to the last end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_per_second: Option<String>,
    /// Completed of submitted tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_ratio: Option<String>,
    /// From dispatch to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<DurationsMilliseconds>,
    /// From dispatch to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<DurationsMilliseconds>,
    /// When the cell began.
    pub started_at: Timestamp,
    /// When its figures were complete.
    pub finished_at: Timestamp,
    /// What the sources of `observe` saw, as far as they are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<CellObserved>,
    /// What the operator saw, each with its evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<String>,
}

/// The few figures of the sources that matter most; the report has them all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CellObserved {
    /// The use of the database's processors at their busiest, in percent, as a decimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_cpu_percent_max: Option<String>,
    /// The most connections that the database had at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_connections_max: Option<u64>,
    /// The most sessions of the database that waited for a lock at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_sessions_max: Option<u64>,
    /// Time-outs in the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<u64>,
    /// Restarts of containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<u64>,
    /// What the busiest container used of its processor limit, in percent, as a decimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_cpu_percent_of_limit_max: Option<String>,
    /// Whether processes were profiled meanwhile: then the cell's figures are not to be compared with others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub profiled: bool,
    /// The sources that did not see all that they were to see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<String>,
}

/// How a cell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum CellOutcome {
    /// It was followed to its end.
    Completed,
    /// It could not be; the reason says why.
    Incomplete,
}

/// A distribution of durations in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DurationsMilliseconds {
    /// The mean.
    pub mean: u64,
    /// The median.
    pub p50: u64,
    /// The 95th percentile.
    pub p95: u64,
    /// The 99th percentile.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

/// The best cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Best {
    /// The cell's position in the matrix, from 0.
    pub cell: u32,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<CellParameter>,
    /// Its tasks per second.
    pub tasks_per_second: String,
}

/// What the repeats of one combination came to. Cells without a trusted figure are not among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RepeatedCells {
    /// The combination's parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<CellParameter>,
    /// The positions of the cells that the figures are from.
    pub cells: Vec<u32>,
    /// Their tasks per second.
    pub tasks_per_second: TasksPerSecondSpread,
}

/// Tasks per second over the repeats of a combination, as decimals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TasksPerSecondSpread {
    /// The median; between two, their mean.
    pub median: String,
    /// The smallest.
    pub min: String,
    /// The largest.
    pub max: String,
    /// The difference of largest and smallest, as a share of the median: `0.035`.
    pub spread_ratio: String,
}

/// Where the report is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReportReference {
    /// The `ConfigMap` with the keys `report.md`, `report.csv`, `report.json` and, compressed, `report.html.gz`.
    pub config_map_name: String,
    /// The report's size in bytes, all keys together.
    pub bytes: u64,
}
