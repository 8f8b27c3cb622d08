//! What a run has found so far.
//!
//! No floating-point numbers: whole numbers with the unit in the name, or decimal texts.

mod current;
mod results;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use current::{
    CellParameter, CellProgress, CleanupProgress, Current, LiveCounts, ProcessCounts, Stage, StageEntry,
    WorkersOnline,
};
pub use results::{
    Best, CellObserved, CellOutcome, CellResult, DurationsMilliseconds, RepeatedCells, ReportReference,
    TasksPerSecondSpread,
};

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
    /// When everything that the run needs was there for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Timestamp>,
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
    /// Other tests are served first, or have the targets; `timeouts.start` does not run.
    Queued,
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
