//! What the outside world looks like, folded to what decisions depend on.

use std::collections::BTreeMap;
use std::time::Duration;

use throughput_model::generator::GeneratorResult;
use throughput_model::source_report::{Shortfall, SourceReport};
use throughput_report::data::TestReport;

use crate::kinds::pulp_tasks::observed::PulpSeen;
use crate::queue::Line;
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
    /// Where the test is in the queue of those that want the same targets.
    pub line: Line,
    /// The claims that this test holds.
    pub claims: Vec<Claimed>,
    /// Why the test's objects cannot be made, a name being another's or the API server refusing them; only looked for before
    /// anything is scaled.
    pub objects_refused: Option<Why>,
    /// The target's credentials.
    pub credentials: Credentials,
    /// What was seen of Pulp, where it is the target.
    pub pulp: PulpSeen,
    /// The load generators of the current cell.
    pub generators: Generators,
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

/// The credentials of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// They are there, or it asks for none.
    Ready,
    /// They cannot be used.
    Unusable(Why),
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
