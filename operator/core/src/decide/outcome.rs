//! What comes of a decision once its actions were carried out, or were refused. Pure.

use jiff::Timestamp;
use throughput_crds::{
    CleanupProgress, ConditionStatus, ConditionType, ReportReference, ThroughputTestStatus,
};

use super::decision::{Action, Decision, EventText};
use crate::reason::Why;
use crate::status;

/// What came of a decision's actions.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All were carried out.
    Done(Applied),
    /// One was refused; those after it were not tried.
    Refused(Refusal),
}

/// What actions found that belongs into the status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// The report that was written.
    pub report: Option<ReportReference>,
    /// How far the deletion of what tasks made has come.
    pub cleanup: Option<CleanupProgress>,
    /// What was left undone without keeping the run from going on.
    pub warnings: Vec<Why>,
}

/// Why an action was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, and the words of whoever refused.
    pub why: Why,
    /// Whether it was to put something back.
    pub restoring: bool,
}

impl Action {
    /// Whether it asks the target something, which may never answer. Each such action is decided anew in every look, until
    /// it was carried out.
    pub const fn asks_target(&self) -> bool {
        match self {
            Self::CancelTasks { .. } | Self::Nudge { .. } | Self::DeleteCreated { .. } => true,
            Self::Restore
            | Self::DeleteTest
            | Self::AddFinalizer
            | Self::Claim { .. }
            | Self::Scale { .. }
            | Self::StartGenerators(_)
            | Self::DeleteGenerators { .. }
            | Self::WriteReport { .. } => false,
        }
    }

    /// Whether it is tried for as long as it is refused, later each time, whatever becomes of the test meanwhile. Every
    /// other action belongs to a stage that ends at its deadline without it.
    pub const fn is_tried_for_ever(&self) -> bool {
        match self {
            // What was scaled is put back, and only then is the test let go. One that is over and holds nothing is
            // deleted, and nobody waits for it.
            Self::Restore | Self::DeleteTest => true,
            Self::AddFinalizer
            | Self::Claim { .. }
            | Self::Scale { .. }
            | Self::StartGenerators(_)
            | Self::DeleteGenerators { .. }
            | Self::CancelTasks { .. }
            | Self::Nudge { .. }
            | Self::DeleteCreated { .. }
            | Self::WriteReport { .. } => false,
        }
    }
}

impl Decision {
    /// The decision as it is published after this outcome. Where an action was refused, the status stays as it was
    /// before but for the words of the refusal: a stage is not left before its work is done.
    #[must_use]
    pub fn after(
        mut self,
        before: &ThroughputTestStatus,
        outcome: Outcome,
        generation: Option<i64>,
        now: Timestamp,
    ) -> Self {
        match outcome {
            Outcome::Done(Applied { report, cleanup, warnings }) => {
                let warnings = warnings.into_iter();
                let told = |Why { reason, message: note }| EventText { warning: true, reason, note };
                self.events.extend(warnings.map(told));
                if report.is_some() {
                    self.status.report = report;
                }
                if let (Some(cleanup), Some(current)) = (cleanup, &mut self.status.current) {
                    current.progress.cleanup = Some(cleanup);
                }
                self
            }
            Outcome::Refused(Refusal { why: Why { reason, message }, restoring }) => {
                let (type_, holds) = if restoring {
                    (ConditionType::TargetsRestored, ConditionStatus::False)
                } else {
                    (ConditionType::Running, ConditionStatus::Unknown)
                };
                let mut status = before.clone();
                status::set(&mut status.conditions, type_, holds, reason, &message, now, generation);
                let events = vec![EventText { warning: true, reason, note: message }];
                Self { status, events, release: false, ..self }
            }
        }
    }
}
