//! The cell that a run is at, and how far it has come.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// Waiting for its turn, while other tests have the targets or are served first.
    Queued,
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
