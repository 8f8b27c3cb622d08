//! What the load of a plan is.

#[cfg(feature = "example-kind")]
use throughput_model::holding::Holding;

use crate::kinds::pulp_tasks::plan::PulpTasks;
use crate::plan::matrix::Cell;
use crate::plan::planned::{Asked, PlannedLoad};
use crate::plan::rejection::Rejection;

/// What the load is, by its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Tasks that Pulp's workers finish.
    PulpTasks(Box<PulpTasks>),
    /// Holding for a while, in tests.
    #[cfg(feature = "example-kind")]
    Holding(Box<Holding>),
}

/// Does the same with the load of whatever kind.
macro_rules! of_any_kind {
    ($workload:expr, $load:ident => $done:expr) => {
        match $workload {
            $crate::plan::workload::Workload::PulpTasks($load) => $done,
            #[cfg(feature = "example-kind")]
            $crate::plan::workload::Workload::Holding($load) => $done,
        }
    };
}
pub(crate) use of_any_kind;

impl Workload {
    /// The load that a spec names, with its cells.
    pub(crate) fn new(asked: &Asked<'_>) -> Result<(Self, Vec<Cell>), Rejection> {
        let throughput_crds::Workload { pulp_tasks } = &asked.spec.workload;
        if let Some(tasks) = pulp_tasks {
            return PulpTasks::new(asked, tasks)
                .map(|(tasks, cells)| (Self::PulpTasks(Box::new(tasks)), cells));
        }
        Err(Rejection::NoWorkload)
    }

    /// It, as a plan asks every kind.
    pub fn planned(&self) -> &dyn PlannedLoad {
        of_any_kind!(self, load => load.as_ref())
    }

    /// It, where it is Pulp's tasks.
    pub fn pulp_tasks(&self) -> Option<&PulpTasks> {
        match self {
            Self::PulpTasks(tasks) => Some(tasks),
            #[cfg(feature = "example-kind")]
            Self::Holding(_) => None,
        }
    }
}
