//! A permission that is withdrawn while the run is under way.

use throughput_crds::{ConditionStatus, ConditionType, Stage, Verdict};

use crate::decide::Action;
use crate::decide::fixture::{
    STAGES, active, address, condition, decided, events, generators, observed, place, status_at,
};
use crate::kinds::pulp_tasks::observed::Pulp;
use crate::observed::{Credentials, Generators, Observed};
use crate::reason::{Reason, Why};
use crate::stage::{Load, facts};

const MESSAGE: &str = "the Secret does not say that it may be sent";

/// Generators at work, and credentials that may not be used any more: so nobody was asked.
fn withdrawn() -> Observed {
    Observed {
        credentials: Credentials::Unusable(Why::new(Reason::SecretNotPermitted, MESSAGE)),
        pulp: Pulp::NotAsked.into(),
        generators: generators(active(), 1, Vec::new()),
        ..observed()
    }
}

/// Whether something is sent to Pulp for it.
fn is_sent(action: &Action) -> bool {
    match action {
        Action::StartGenerators(_)
        | Action::CancelTasks { .. }
        | Action::Nudge { .. }
        | Action::DeleteCreated { .. } => true,
        Action::AddFinalizer
        | Action::Claim { .. }
        | Action::Scale { .. }
        | Action::DeleteGenerators { .. }
        | Action::WriteReport { .. }
        | Action::Restore
        | Action::DeleteTest => false,
    }
}

#[test]
fn it_ends_the_load_of_every_stage_that_has_not_ended() {
    let ongoing = STAGES.into_iter().filter(|stage| facts(*stage).claimed && !facts(*stage).at_its_end);
    for stage in ongoing {
        let decision = decided(&status_at(0, stage), &withdrawn(), 1);
        let next = if facts(stage).load == Load::UnderWay { Stage::CancelingTasks } else { Stage::Restoring };
        assert_eq!((place(&decision), &decision.actions), (Some((0, next)), &vec![]), "{stage:?}");
        let progress = decision.status.current.unwrap().progress;
        assert_eq!(progress.failure_reason.as_deref(), Some("SecretNotPermitted"));
        assert_eq!(progress.failure.as_deref(), Some(MESSAGE));
    }
}

#[test]
fn nothing_is_sent_in_any_stage_once_it_is_withdrawn() {
    for stage in STAGES {
        for seconds in [1, 100_000] {
            let decision = decided(&status_at(0, stage), &withdrawn(), seconds);
            assert!(!decision.actions.iter().any(is_sent), "{stage:?}: {:?}", decision.actions);
        }
    }
}

#[test]
fn the_generators_are_deleted_at_once_and_what_is_left_in_the_queue_is_told() {
    let canceling = decided(&status_at(0, Stage::Dispatching), &withdrawn(), 1).status;
    let decision = decided(&canceling, &withdrawn(), 2);
    assert_eq!((place(&decision), decision.next.is_some()), (Some((0, Stage::Restoring)), true));
    assert_eq!(events(&decision), ["!TasksNotCanceled"]);
    assert!(decision.events[0].note.contains(MESSAGE), "{:?}", decision.events);
    let restoring = decided(&decision.status, &withdrawn(), 3);
    assert_eq!(restoring.actions, [Action::Restore, Action::DeleteGenerators { address: address(0) }]);
    let gone = Observed { claims: Vec::new(), generators: Generators::default(), ..withdrawn() };
    let ended = decided(&restoring.status, &gone, 4);
    assert_eq!(ended.status.verdict, Some(Verdict::Failed));
    let (holds, _, message) = condition(&ended, ConditionType::Finished);
    assert_eq!((holds, message), (ConditionStatus::True, MESSAGE));
}

#[test]
fn what_the_tasks_made_stays_and_the_figures_are_collected() {
    let decision = decided(&status_at(0, Stage::CleaningUp), &withdrawn(), 1);
    let stage = place(&decision).map(|(_, stage)| stage);
    assert!(matches!(stage, Some(Stage::Settling | Stage::Collecting)), "{stage:?}");
    assert_eq!(decision.actions, []);
    assert!(events(&decision).contains(&"!NotCleanedUp".to_owned()), "{:?}", decision.events);
}
