//! A decision, as data.

use std::time::Duration;

use throughput_crds::{CleanupProgress, ThroughputTestStatus};
use throughput_model::cell::CellAddress;
use throughput_report::data::{CellDetail, TestReport};
use uuid::Uuid;

use crate::plan::generator_order::GeneratorOrder;
use crate::reason::Reason;
use crate::target::TargetName;

/// What to do, and what to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What to do, in this order, before the status is written.
    pub actions: Vec<Action>,
    /// The status.
    pub status: ThroughputTestStatus,
    /// What to tell people.
    pub events: Vec<EventText>,
    /// Whether the finalizer is to be removed, after the status is written.
    pub release: bool,
    /// When to look again; `None` waits for a change.
    pub next: Option<Duration>,
}

/// One thing to do. Each can be done again.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Put our finalizer on the test.
    AddFinalizer,
    /// Claim all that the plan scales, or none of it.
    Claim {
        /// What it scales.
        targets: Vec<TargetName>,
    },
    /// Set the replicas of a claimed target.
    Scale {
        /// Which.
        target: TargetName,
        /// How many.
        replicas: u32,
    },
    /// Make the cell's `ConfigMap`, Secret and Job.
    StartGenerators(Box<GeneratorOrder>),
    /// Delete the cell's Job and Secret.
    DeleteGenerators {
        /// The cell.
        address: CellAddress,
    },
    /// Ask Pulp to cancel what is left of the cell.
    CancelTasks {
        /// The cell's correlation id.
        correlation_id: Uuid,
    },
    /// Dispatch one more task, so that workers which overslept the backlog wake up.
    Nudge {
        /// The task's correlation id.
        correlation_id: Uuid,
    },
    /// Delete what the cell's tasks made, from where an earlier look came to.
    DeleteCreated {
        /// The correlation id of the tasks that made it.
        created_by: Uuid,
        /// The correlation id of the tasks that delete it.
        correlation_id: Uuid,
        /// How far it is.
        progress: CleanupProgress,
    },
    /// Write a cell's details and the test's report.
    WriteReport {
        /// The cell.
        address: CellAddress,
        /// Its details.
        detail: Box<CellDetail>,
        /// The report, this cell included.
        report: Box<TestReport>,
    },
    /// Put back everything that is claimed.
    Restore,
    /// Delete the test itself, and with it what it owns.
    DeleteTest,
}

/// Something to tell people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventText {
    /// Whether somebody should look.
    pub warning: bool,
    /// In one word.
    pub reason: Reason,
    /// In a sentence.
    pub note: String,
}
