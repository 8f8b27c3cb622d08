//! What people ask of a run on its way.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Phase, Stage, ThroughputTestStatus, Verdict};

use crate::decide::Action;
use crate::decide::fixture::{
    STAGES, at, completed, condition, decided, delivered, failure, generators, observed, place, read,
    status_at, untouched,
};
use crate::observed::{Controls, Job, Observed};

fn suspended(observed: Observed) -> Observed {
    Observed { controls: Controls { suspend: true, ..observed.controls }, ..observed }
}

fn aborted(observed: Observed) -> Observed {
    Observed { controls: Controls { abort: true, ..observed.controls }, ..observed }
}

#[test]
fn a_test_that_is_created_suspended_begins_nothing_until_it_is_let() {
    let held = decided(&ThroughputTestStatus::default(), &suspended(untouched()), 0);
    assert_eq!(place(&held), Some((0, Stage::Suspended)));
    let held = decided(&held.status, &suspended(untouched()), 90_000);
    assert_eq!((held.actions, held.next, held.status.phase), (vec![], None, Some(Phase::Suspended)));
    assert_eq!(condition_of(&held.status, ConditionType::Running), (ConditionStatus::False, "Suspended"));
    // The time that it was held is no part of timeouts.start.
    let let_go = decided(&held.status, &untouched(), 90_001);
    assert_eq!(place(&let_go), Some((0, Stage::AwaitingTargets)));
    assert_eq!(let_go.status.current.unwrap().timeline[0].since, at(90_001));
}

fn condition_of(status: &ThroughputTestStatus, type_: ConditionType) -> (ConditionStatus, &str) {
    let condition = status.conditions.iter().find(|condition| condition.type_ == type_).unwrap();
    (condition.status, &condition.reason)
}

#[test]
fn a_run_is_held_after_the_cell_at_hand_and_gives_everything_back() {
    let generators = generators(Job::Complete, 1, vec![delivered(10)]);
    let measured = read(completed(10), Observed { generators, ..observed() });
    let decision = decided(&status_at(0, Stage::Collecting), &suspended(measured), 20);
    assert_eq!(place(&decision), Some((1, Stage::Suspended)));
    let holding = decided(&decision.status, &suspended(observed()), 21);
    assert_eq!((holding.actions, holding.release), (vec![Action::Restore], false));
    let free = decided(&decision.status, &suspended(Observed { claims: Vec::new(), ..observed() }), 22);
    assert!(free.release, "a run that holds nothing has no finalizer");
}

#[test]
fn a_run_that_is_held_after_a_claim_was_lost_does_not_say_that_all_is_as_found() {
    let lost = Observed { claims: Vec::new(), ..observed() };
    let mut status = decided(&status_at(0, Stage::Draining), &lost, 1).status;
    assert_eq!(
        condition_of(&status, ConditionType::TargetsRestored),
        (ConditionStatus::Unknown, "ClaimLost")
    );
    status.started_at = Some(at(0));
    status.current = status_at(1, Stage::Suspended).current;
    let held = decided(&status, &suspended(lost), 2);
    let said = condition_of(&held.status, ConditionType::TargetsRestored);
    assert_eq!(said, (ConditionStatus::Unknown, "ClaimLost"));
    assert_eq!(held.events.iter().map(|event| event.reason).collect::<Vec<_>>(), ["TargetsNotRestored"]);
}

#[test]
fn a_cell_that_is_being_measured_is_not_held() {
    for stage in [Stage::ScalingWorkers, Stage::Dispatching, Stage::Draining, Stage::CancelingTasks] {
        let decision = decided(&status_at(0, stage), &suspended(observed()), 1);
        assert_ne!(place(&decision), Some((0, Stage::Suspended)), "{stage:?}");
    }
}

#[test]
fn an_abort_ends_every_stage_that_has_not_come_to_its_end() {
    for stage in STAGES {
        let decision = decided(&status_at(0, stage), &aborted(observed()), 1);
        let expected = match stage {
            Stage::AwaitingTargets
            | Stage::Queued
            | Stage::Claiming
            | Stage::Suspended
            | Stage::EmptyingQueue
            | Stage::ScalingDown
            | Stage::ScalingWorkers
            | Stage::StartingGenerators => Some((0, Stage::Restoring)),
            Stage::Dispatching | Stage::AwaitingFirstTask | Stage::Draining => {
                Some((0, Stage::CancelingTasks))
            }
            Stage::CancelingTasks
            | Stage::CleaningUp
            | Stage::Settling
            | Stage::Collecting
            | Stage::Restoring => continue,
        };
        assert_eq!((place(&decision), failure(&decision)), (expected, Some("Aborted")), "{stage:?}");
    }
}

#[test]
fn a_test_that_is_aborted_before_it_began_is_over_at_once() {
    let decision = decided(&ThroughputTestStatus::default(), &aborted(untouched()), 0);
    assert_eq!((decision.status.verdict, decision.actions.len()), (Some(Verdict::Aborted), 0));
}

#[test]
fn the_verdict_of_an_aborted_run_is_aborted_and_says_so() {
    let put_back = aborted(Observed { claims: Vec::new(), ..observed() });
    let restoring = decided(&status_at(0, Stage::ScalingWorkers), &aborted(observed()), 1);
    let decision = decided(&restoring.status, &put_back, 2);
    assert_eq!(decision.status.verdict, Some(Verdict::Aborted));
    assert_eq!(
        condition(&decision, ConditionType::Finished),
        (ConditionStatus::True, "Aborted", "spec.abort was set")
    );
}

#[test]
fn a_finished_test_is_deleted_when_its_time_has_passed() {
    let controls = Controls { ttl_after_finished: Some(Duration::from_mins(1)), ..Controls::default() };
    let over = Observed { claims: Vec::new(), has_finalizer: false, controls, ..observed() };
    let finished = decided(&status_at(1, Stage::Restoring), &over, 0).status;
    let early = decided(&finished, &over, 45);
    assert_eq!((early.actions, early.next), (vec![], Some(Duration::from_secs(15))));
    assert_eq!(decided(&finished, &over, 60).actions, [Action::DeleteTest]);
    let kept = Observed { controls: Controls::default(), ..over };
    assert_eq!(decided(&finished, &kept, 100_000).actions, []);
}
