//! What Pulp looks like, folded to what decisions depend on.

use std::collections::BTreeMap;

use throughput_crds::ProcessCounts;
use throughput_model::foreign::ForeignTasks;
use throughput_model::task::TaskRecord;

use crate::reason::Why;

/// What was seen of Pulp.
#[derive(Clone, Debug, PartialEq)]
pub struct PulpSeen {
    /// What it answered.
    pub answer: Pulp,
    /// What is wrong with the view that dispatches; asked once, when nothing else is waited for.
    pub view_fault: Option<ViewFault>,
    /// What the current cell left behind; only read when it is to be measured.
    pub remains: Option<Remains>,
}

impl From<Pulp> for PulpSeen {
    fn from(answer: Pulp) -> Self {
        Self { answer, view_fault: None, remains: None }
    }
}

/// What Pulp answered to what the current stage asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulp {
    /// It was not asked.
    NotAsked,
    /// It did not answer as a Pulp does, or was not to be asked: what it said, or what stands in the way.
    Unavailable(Why),
    /// Its counts.
    Answering(Counts),
}

impl Pulp {
    /// Its counts, if it answered.
    pub fn counts(&self) -> Option<&Counts> {
        match self {
            Self::Answering(counts) => Some(counts),
            Self::NotAsked | Self::Unavailable(_) => None,
        }
    }
}

/// What came of a question to the view that dispatches with which it should have dispatched nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewFault {
    /// It did not answer as such a view does: in its own words, bounded.
    Failed(String),
    /// It says that it dispatched tasks.
    Dispatched,
}

/// What Pulp counts. Only what the stage asks for is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tasks of anybody that have not ended.
    pub unfinished: Option<u64>,
    /// Tasks of the current cell.
    pub own: Option<OwnTasks>,
    /// Those of them that no worker has started.
    pub waiting: Option<u64>,
    /// The tasks that delete what the cell's tasks made.
    pub deletions: Option<Deletions>,
    /// Workers online.
    pub workers_online: Option<u32>,
    /// All processes online.
    pub processes: Option<ProcessCounts>,
    /// The versions of its components, asked with them; empty where nobody asked.
    pub versions: BTreeMap<String, String>,
}

/// The tasks of the current cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnTasks {
    /// All.
    pub submitted: u64,
    /// Those that have not ended.
    pub unfinished: u64,
}

/// The tasks that delete what the current cell's tasks made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletions {
    /// Those that have not ended.
    pub unfinished: u64,
    /// Those that failed.
    pub failed: u64,
}

/// What a cell left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Remains {
    /// What Pulp says of the tasks with the cell's correlation id.
    pub tasks: Vec<TaskRecord>,
    /// Tasks of others that workers were at between the first and the last instant of the cell's, and those that still wait
    /// since then.
    pub foreign: ForeignTasks,
}
