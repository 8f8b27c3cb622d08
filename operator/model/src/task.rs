//! What Pulp says of one task.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The states of a Pulp task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// Dispatched, not yet started.
    Waiting,
    /// A worker has it.
    Running,
    /// Somebody asked to cancel it, and no worker has done so yet.
    Canceling,
    /// Done.
    Completed,
    /// Ended with an error.
    Failed,
    /// Ended since somebody asked for it.
    Canceled,
    /// Ended without having been run.
    Skipped,
}

impl TaskState {
    /// The states from which a task goes on by itself: a queue is empty when no task is in one of them.
    pub const UNFINISHED: [Self; 3] = [Self::Waiting, Self::Running, Self::Canceling];

    /// Whether the task will not change any more.
    pub fn is_final(self) -> bool {
        match self {
            Self::Waiting | Self::Running | Self::Canceling => false,
            Self::Completed | Self::Failed | Self::Canceled | Self::Skipped => true,
        }
    }

    /// Pulp's own word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Canceling => "canceling",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
        }
    }
}

/// One task as Pulp's API shows it, with the instants to the microsecond.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// When it was dispatched.
    pub pulp_created: Timestamp,
    /// When nothing stood in its way any more. Workers of type `redis` never set it.
    #[serde(default)]
    pub unblocked_at: Option<Timestamp>,
    /// When a worker began it.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// How it is.
    pub state: TaskState,
    /// What it failed of, in Pulp's words, cut short; absent for a task that did not fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}
