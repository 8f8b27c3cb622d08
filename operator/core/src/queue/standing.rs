//! What a test does, as far as others wait for it.

use throughput_crds::{ConditionType, Phase, Stage, ThroughputTestStatus};

use crate::reason::Reason;
use crate::stage::facts;
use crate::status;

/// What a test does, as far as others wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not known yet whether it is ready.
    Unseen,
    /// It waits for something else than its turn, and may be ready the next time that somebody looks.
    Waiting,
    /// It is suspended, deleted or over.
    Away,
    /// It waits for its turn.
    Queued,
    /// It is its turn: it makes sure that everything is there, and claims.
    Starting,
    /// It holds its targets.
    Measuring,
    /// It puts back what it holds.
    Restoring,
}

impl Standing {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unseen => "not looked at yet",
            Self::Waiting => "looked at once more",
            Self::Away => "over",
            Self::Queued => "queued",
            Self::Starting => "starting",
            Self::Measuring => "measuring",
            Self::Restoring => "restoring",
        }
    }
}

/// What a test does after a look: the status before and after it, and whether it was seen to hold claims.
pub fn standing(
    before: &ThroughputTestStatus,
    after: &ThroughputTestStatus,
    (deleting, holds): (bool, bool),
) -> Standing {
    let is_over = deleting || status::holds(after, ConditionType::Finished);
    let Some(current) = after.current.as_ref().filter(|_| !is_over) else {
        return match (is_over, holds) {
            (_, true) => Standing::Restoring,
            (true, false) => Standing::Away,
            (false, false) => Standing::Unseen,
        };
    };
    if holds || facts(current.stage).claimed {
        return match facts(current.stage).phase {
            Phase::Restoring | Phase::Suspended | Phase::Finished => Standing::Restoring,
            // Some of what is claimed may be claimed already.
            Phase::Pending | Phase::Queued => Standing::Starting,
            Phase::Running => Standing::Measuring,
        };
    }
    match current.stage {
        Stage::AwaitingTargets => waits(before, after),
        Stage::Queued => Standing::Queued,
        Stage::Claiming => Standing::Starting,
        Stage::Suspended
        | Stage::Restoring
        | Stage::EmptyingQueue
        | Stage::ScalingDown
        | Stage::ScalingWorkers
        | Stage::StartingGenerators
        | Stage::Dispatching
        | Stage::AwaitingFirstTask
        | Stage::Draining
        | Stage::CancelingTasks
        | Stage::CleaningUp
        | Stage::Settling
        | Stage::Collecting => Standing::Away,
    }
}

/// What a test does that is seen to wait for what it needs.
fn waits(before: &ThroughputTestStatus, after: &ThroughputTestStatus) -> Standing {
    match before.current.as_ref().map(|current| current.stage) {
        // The next look says whether everything is there.
        Some(Stage::Queued | Stage::Claiming) => Standing::Starting,
        Some(Stage::AwaitingTargets) if !is_yet_to_be_asked(after) => Standing::Waiting,
        Some(
            Stage::AwaitingTargets
            | Stage::Suspended
            | Stage::EmptyingQueue
            | Stage::ScalingDown
            | Stage::ScalingWorkers
            | Stage::StartingGenerators
            | Stage::Dispatching
            | Stage::AwaitingFirstTask
            | Stage::Draining
            | Stage::CancelingTasks
            | Stage::CleaningUp
            | Stage::Settling
            | Stage::Collecting
            | Stage::Restoring,
        )
        | None => Standing::Unseen,
    }
}

/// Whether it was others' turn to ask their target, so that nobody knows whether this one's answers.
fn is_yet_to_be_asked(status: &ThroughputTestStatus) -> bool {
    let mut conditions = status.conditions.iter();
    conditions.any(|condition| {
        condition.type_ == ConditionType::TargetsReady && condition.reason == Reason::NotYetAsked
    })
}
