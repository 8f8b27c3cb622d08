//! What the outside world looks like, folded to what decisions depend on.

use std::collections::BTreeMap;
use std::time::Duration;

use throughput_crds::ProcessCounts;
use throughput_model::generator::GeneratorResult;
use throughput_model::source_report::{Shortfall, SourceReport};
use throughput_model::task::TaskRecord;
use throughput_report::data::TestReport;

use crate::reason::Why;
use crate::target::{Claimed, Holder, TargetName};

/// Everything that a decision depends on, besides the plan and the status.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Somebody deleted the test.
    pub deleting: bool,
    /// What people ask of the run on its way.
    pub controls: Controls,
    /// The test carries our finalizer.
    pub has_finalizer: bool,
    /// What the plan scales, as far as it was looked at.
    pub targets: BTreeMap<TargetName, Target>,
    /// The claims that this test holds.
    pub claims: Vec<Claimed>,
    /// That a name which the test's objects need is another's; only looked for before anything is scaled.
    pub name_taken: Option<Why>,
    /// Pulp's credentials.
    pub credentials: Credentials,
    /// What Pulp answered.
    pub pulp: Pulp,
    /// What is wrong with the view that dispatches; asked once, when nothing else is waited for.
    pub view_fault: Option<ViewFault>,
    /// The load generators of the current cell.
    pub generators: Generators,
    /// What the current cell left behind; only read when it is to be measured.
    pub remains: Option<Remains>,
    /// What the sources of the current cell saw so far.
    pub sources: Sources,
    /// The report of the cells that were measured before; only read when another is to be added.
    pub report: Option<TestReport>,
}

/// What people ask of a run on its way: all of a spec that can change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// To hold between two cells.
    pub suspend: bool,
    /// To end now.
    pub abort: bool,
    /// How long after its end to delete the test.
    pub ttl_after_finished: Option<Duration>,
}

/// Something that the plan scales.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// There is none of that name.
    Missing,
    /// An autoscaler would undo what we scale.
    Autoscaled {
        /// The `HorizontalPodAutoscaler`.
        autoscaler: String,
    },
    /// It must not be scaled, or cannot be any more.
    Refused(Why),
    /// It is there.
    Present {
        /// The replicas that it shall have.
        replicas: u32,
        /// The replicas that are ready.
        ready: u32,
        /// Who holds the claim on it.
        holder: Holder,
        /// Whether they stay: nobody else sets the replicas, or whoever does was told this very number.
        agreed: bool,
    },
}

/// Pulp's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// They are there, or Pulp asks for none.
    Ready,
    /// They cannot be used.
    Unusable(Why),
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

/// The load generators of the current cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Generators {
    /// Their Job.
    pub job: Job,
    /// How many have registered.
    pub registered: u32,
    /// What was delivered.
    pub results: Vec<GeneratorResult>,
}

/// The Job of the generators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Job {
    /// There is none.
    #[default]
    Absent,
    /// It has not ended. A word on why its pods do not start, when the kubelet gives one.
    Active {
        /// `ErrImagePull: …`
        trouble: Option<String>,
    },
    /// All pods ended well.
    Complete,
    /// A pod failed.
    Failed {
        /// Why, in the kubelet's words.
        message: String,
    },
}

/// What a cell left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Remains {
    /// Its tasks.
    pub tasks: Vec<TaskRecord>,
    /// Tasks of others in its window.
    pub foreign_tasks: u64,
}

/// What the sources of a cell saw so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Sources {
    /// There are none, or nothing is to be seen.
    #[default]
    None,
    /// They have not been at work since the operator started.
    NotYet,
    /// They are at work, or have been.
    Seen {
        /// Whether all have all that they were to see.
        settled: bool,
        /// What could not be seen, each with its source.
        shortfalls: Vec<(String, Shortfall)>,
        /// What was seen; complete only once they have settled, and empty before the window is over.
        reports: Vec<SourceReport>,
    },
}

impl Sources {
    /// Whether nothing more is to be waited for.
    pub fn are_settled(&self) -> bool {
        match self {
            Self::None => true,
            Self::NotYet => false,
            Self::Seen { settled, .. } => *settled,
        }
    }

    /// What was seen.
    pub fn reports(&self) -> &[SourceReport] {
        match self {
            Self::None | Self::NotYet => &[],
            Self::Seen { reports, .. } => reports,
        }
    }
}
