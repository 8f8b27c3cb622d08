//! Why a spec can never be carried out.

use throughput_crds::OutOfBounds;
use throughput_model::substitution::UnknownName;

use crate::plan::permissions::NotPermitted;
use crate::reason::Reason;

/// A spec that can never be carried out. What the API server's own rules refuse does not get here; these are
/// the mistakes that take more than one field's rule to see.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No workload that this version knows.
    #[error("the workload is not one that this version can carry out: write workload.pulpTasks")]
    NoWorkload,
    /// Pulp tasks without a Pulp.
    #[error(
        "pulpTasks needs targets that are a Pulp: write pulp: {{}} in the target {0}, all in it has defaults"
    )]
    NoPulp(String),
    /// No target at all.
    #[error("name a target in targets")]
    NoTargets,
    /// A Pulp, and as whom it is asked is not said.
    #[error(
        "say as whom the target {0} is asked: credentials with a secretRef, or credentials: {{method: None}}"
    )]
    NoCredentials(String),
    /// Nothing to scale.
    #[error("pulpTasks needs to know the workers: name their Deployment or StatefulSet in scale")]
    NoWorkers,
    /// Something of another kind to scale.
    #[error(
        "{0} cannot be scaled, only a Deployment or a StatefulSet can: write one of these kinds, with the apiVersion apps/v1"
    )]
    NotScalable(String),
    /// Several things to scale, none of which is said to be the workers.
    #[error(
        "scale has several entries, and none is named workers: give the entry of Pulp's workers the name workers, so that it is known whose replicas Pulp has to confirm"
    )]
    WhichAreTheWorkers,
    /// An axis that varies nothing.
    #[error("the axis {0:?} varies nothing that the spec has")]
    UnknownAxis(String),
    /// No cells, or too many.
    #[error("the matrix has {0} cells (the product of its axes' values and repeat), and can have 1 to 64")]
    CellCount(usize),
    /// A value that its axis cannot have.
    #[error("the value {value:?} of the axis {axis:?} is not a number that it can have: {expected}")]
    AxisValue {
        /// The axis.
        axis: String,
        /// The value.
        value: String,
        /// What it can be.
        expected: &'static str,
    },
    /// Fewer requests at once than generators.
    #[error(
        "a cell has {concurrency} requests under way at once, of all generators together, and {generators} generators: give load.concurrency at least as many"
    )]
    Concurrency {
        /// The requests.
        concurrency: u32,
        /// The generators.
        generators: u32,
    },
    /// A value of an axis of targets that names none.
    #[error("the value {value:?} of the axis {axis:?} is the name of no entry of targets")]
    UnknownTarget {
        /// The axis.
        axis: String,
        /// The value.
        value: String,
    },
    /// Workers scaled to none while they shall work.
    #[error("a cell needs at least one worker: take 0 out of the values of the axis {0:?}")]
    NoWorkersInCell(String),
    /// A duration that its field cannot have, in a spec that was stored before the schema had its bounds.
    #[error("{0}")]
    Duration(OutOfBounds),
    /// Neither a Service nor a URL, or both.
    #[error("the target {0} needs one of service and url")]
    NoTarget(String),
    /// A header without a name.
    #[error("credentials of the method Header need the header's name in credentials.header")]
    NoHeader,
    /// A path that could lead elsewhere than it says.
    #[error(
        "{field} is no plain path: {path:?} may have letters, digits and -._~ between single slashes, and no part that begins with a dot"
    )]
    Path {
        /// The field.
        field: String,
        /// The path.
        path: String,
    },
    /// A `$(name)` for which there is no value.
    #[error("{field}: {unknown}; there is: {known}")]
    UnknownVariable {
        /// The field.
        field: &'static str,
        /// The name.
        unknown: UnknownName,
        /// What there is.
        known: &'static str,
    },
    /// Something that only the operator's administrator can permit.
    #[error(transparent)]
    NotPermitted(#[from] NotPermitted),
    /// A dispatch in Pulp's own process that cannot be made.
    #[error("{0}")]
    InProcess(String),
    /// A source that can never work.
    #[error("{0}")]
    Observe(String),
    /// A criterion on a figure that does not exist.
    #[error(transparent)]
    UnknownMetric(#[from] UnknownMetric),
    /// A criterion on repeats where there are none.
    #[error("the criterion on {0} needs repeats to judge: give repeat at least 2")]
    NoRepeats(String),
    /// A criterion without one bound.
    #[error("the criterion on {0} needs one bound, atLeast or atMost, that is a decimal such as \"0.99\"")]
    CriterionBound(String),
}

impl Rejection {
    /// The reason in one word, for the condition.
    pub fn reason(&self) -> Reason {
        match self {
            Self::NoWorkload => Reason::NoWorkload,
            Self::NoPulp(_) => Reason::NoPulp,
            Self::NoWorkers | Self::NoWorkersInCell(_) => Reason::NoWorkers,
            Self::NotScalable(_) => Reason::NotScalable,
            Self::WhichAreTheWorkers => Reason::WorkersNotNamed,
            Self::CellCount(_) => Reason::CellCount,
            Self::UnknownAxis(_) => Reason::UnknownAxis,
            Self::AxisValue { .. } | Self::UnknownTarget { .. } | Self::Concurrency { .. } => {
                Reason::AxisValueNotAllowed
            }
            Self::Duration(_) => Reason::DurationOutOfBounds,
            Self::NoTarget(_) | Self::NoTargets => Reason::NoTarget,
            Self::NoCredentials(_) => Reason::NoCredentials,
            Self::NoHeader => Reason::NoHeader,
            Self::Path { .. } => Reason::PathNotPlain,
            Self::UnknownVariable { .. } => Reason::UnknownVariable,
            Self::NotPermitted(_) => Reason::NotPermitted,
            Self::InProcess(_) => Reason::InProcessNotPossible,
            Self::Observe(_) => Reason::ObserveNotPossible,
            Self::UnknownMetric(_) => Reason::UnknownMetric,
            Self::NoRepeats(_) => Reason::NoRepeats,
            Self::CriterionBound(_) => Reason::CriterionBound,
        }
    }
}

/// A criterion on a figure that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no figure {metric:?} to judge; there are: {known}")]
pub struct UnknownMetric {
    /// The name that the criterion has.
    pub(super) metric: String,
    /// The names that there are, as far as they begin alike.
    pub(super) known: String,
}
