//! How a run ends before its time.

use throughput_crds::{ConditionStatus, ConditionType, Stage, ThroughputTestStatus};
use throughput_model::cell::CellAddress;
use throughput_model::failure::{FailureClass, Phase};

use crate::decide::fixture::{
    STAGES, active, claim, claims, condition, counts, decided, delivered, events, failure, generators,
    observed, place, present, status_at, targets, unreachable, untouched,
};
use crate::decide::{Action, Decision};
use crate::kinds::pulp_tasks::observed::OwnTasks;
use crate::observed::{Job, Observed, Target};
use crate::target::Holder;

fn address(cell: u32) -> CellAddress {
    CellAddress { test_uid: "3f1c".to_owned(), cell, attempt: 1 }
}

/// The generators are gone without a result, and this many of four tasks are unfinished.
fn lost(unfinished: u64) -> Observed {
    Observed {
        generators: generators(Job::Absent, 1, Vec::new()),
        pulp: counts(Some(OwnTasks { submitted: 4, unfinished }), 2),
        ..observed()
    }
}

fn deleted(observed: Observed) -> Observed {
    Observed { deleting: true, ..observed }
}

/// A cell whose dispatch began, and which now cancels.
fn canceling() -> ThroughputTestStatus {
    decided(&status_at(0, Stage::Dispatching), &deleted(lost(4)), 0).status
}

fn put_back(cell: u32) -> Vec<Action> {
    vec![Action::Restore, Action::DeleteGenerators { address: address(cell) }]
}

#[test]
fn a_deleted_test_cancels_what_it_dispatched_and_puts_everything_back_before_it_goes() {
    for stage in STAGES {
        let begun = decided(&status_at(1, stage), &deleted(lost(4)), 1);
        let has_dispatched = matches!(
            stage,
            Stage::Dispatching | Stage::AwaitingFirstTask | Stage::Draining | Stage::CancelingTasks
        );
        let next = if has_dispatched { Stage::CancelingTasks } else { Stage::Restoring };
        assert_eq!((place(&begun), begun.release), (Some((1, next)), false), "{stage:?}");
        let restoring = deleted(lost(0));
        let restoring =
            if has_dispatched { decided(&begun.status, &restoring, 70).status } else { begun.status };
        let decision = decided(&restoring, &deleted(observed()), 71);
        assert_eq!((place(&decision), decision.release), (Some((1, Stage::Restoring)), false), "{stage:?}");
        let told = (ConditionStatus::False, "Restoring", "the test was deleted: what was scaled is put back");
        assert_eq!(condition(&decision, ConditionType::Running), told, "{stage:?}");
        assert_eq!(decision.actions, put_back(1), "{stage:?}");
        let last = Observed { claims: vec![claim("pulp-content", 3)], ..deleted(observed()) };
        assert!(!decided(&decision.status, &last, 72).release, "{stage:?}");
        let free = Observed { claims: Vec::new(), ..last };
        let gone = decided(&decision.status, &free, 73);
        assert_eq!((gone.actions, gone.release, gone.next), (vec![], true, None), "{stage:?}");
        assert_eq!(gone.events, [], "{stage:?}");
    }
}

#[test]
fn a_deleted_test_waits_for_its_tasks_but_not_for_ever() {
    let waiting = decided(&canceling(), &deleted(lost(4)), 300);
    assert_eq!((place(&waiting), waiting.release), (Some((0, Stage::CancelingTasks)), false));
    assert_eq!(
        waiting.actions,
        [
            Action::DeleteGenerators { address: address(0) },
            Action::CancelTasks { correlation_id: address(0).correlation_id() },
        ]
    );
    assert_eq!(condition(&waiting, ConditionType::Running).1, "CancelingTasks");
    for (observed, allowed) in [(lost(4), 300), (Observed { pulp: unreachable(), ..lost(4) }, 120)] {
        let gave_up = decided(&canceling(), &deleted(observed), allowed + 1);
        assert_eq!(place(&gave_up), Some((0, Stage::Restoring)));
        assert_eq!(events(&gave_up), ["!TasksNotCanceled"]);
        assert!(gave_up.events[0].note.contains(&address(0).correlation_id().to_string()));
    }
}

#[test]
fn a_pulp_that_is_silent_is_not_asked_to_cancel() {
    let decision = decided(&canceling(), &deleted(Observed { pulp: unreachable(), ..lost(4) }), 1);
    assert_eq!(decision.actions, [Action::DeleteGenerators { address: address(0) }]);
}

#[test]
fn what_a_lost_generator_had_sent_may_still_be_at_work_for_as_long_as_a_request_takes() {
    let mut status = decided(&status_at(0, Stage::Dispatching), &lost(0), 0).status;
    assert_eq!(status.current.as_ref().unwrap().stage, Stage::CancelingTasks);
    let decision = decided(&status, &lost(0), 60);
    assert_eq!(place(&decision), Some((0, Stage::CancelingTasks)));
    assert_eq!(
        decision.actions.last().map(|action| matches!(action, Action::CancelTasks { .. })),
        Some(true)
    );
    assert_eq!(place(&decided(&status, &lost(0), 61)), Some((0, Stage::Collecting)));
    // One that has delivered sends no more, and one that never got the start never did.
    let complete = Observed { generators: generators(Job::Complete, 1, vec![delivered(4)]), ..lost(0) };
    assert_eq!(place(&decided(&status, &complete, 1)), Some((0, Stage::Collecting)));
    // But not one that was told to end and did not await all answers.
    let mut told_to_end = delivered(4);
    told_to_end.failures.record(Phase::AwaitAnswer, FailureClass::Abandoned, "given up");
    let impatient = Observed { generators: generators(Job::Complete, 1, vec![told_to_end]), ..lost(0) };
    assert_eq!(place(&decided(&status, &impatient, 1)), Some((0, Stage::CancelingTasks)));
    assert_eq!(place(&decided(&status, &impatient, 61)), Some((0, Stage::Collecting)));
    status.current.as_mut().unwrap().timeline.remove(0);
    assert_eq!(place(&decided(&status, &lost(0), 1)), Some((0, Stage::Collecting)));
    let at_work = Observed { generators: generators(active(), 1, Vec::new()), ..lost(0) };
    assert_eq!(place(&decided(&status, &at_work, 1)), Some((0, Stage::CancelingTasks)));
}

#[test]
fn tasks_are_canceled_by_workers_so_there_have_to_be_some() {
    let none = Observed { targets: targets([present(0, Holder::This), present(3, Holder::This)]), ..lost(4) };
    let scaled_to = |observed: Observed| match decided(&canceling(), &deleted(observed), 1).actions.first() {
        Some(Action::Scale { target, replicas }) => Some((target.name.clone(), *replicas)),
        Some(_) | None => None,
    };
    assert_eq!(scaled_to(none.clone()), Some(("pulp-worker".to_owned(), 2)));
    let found_none = Observed { claims: vec![claim("pulp-worker", 0)], ..none };
    assert_eq!(scaled_to(found_none), Some(("pulp-worker".to_owned(), 1)));
    assert_eq!(scaled_to(lost(4)), None);
}

#[test]
fn workers_that_cancel_nothing_for_ten_seconds_are_nudged_three_times_at_most() {
    let nudge = Action::Nudge { correlation_id: address(0).nudge_correlation_id() };
    let mut status = canceling();
    for (seconds, unfinished, nudged) in [
        (1, 4, false),
        (6, 4, false),
        (11, 4, true),
        (16, 4, false),
        // Something happens.
        (21, 3, false),
        (26, 3, false),
        (31, 3, true),
        (41, 3, true),
        (51, 3, false),
    ] {
        let decision = decided(&status, &deleted(lost(unfinished)), seconds);
        assert_eq!(decision.actions.contains(&nudge), nudged, "after {seconds} s");
        assert_eq!(
            events(&decision),
            if nudged { vec!["!NothingCanceled"] } else { vec![] },
            "after {seconds} s"
        );
        status = decision.status;
    }
    // Workers that are not there yet are not nudged.
    let own = Some(OwnTasks { submitted: 4, unfinished: 4 });
    let nobody = Observed { pulp: counts(own, 0), ..lost(4) };
    let waiting = decided(&canceling(), &deleted(nobody.clone()), 1).status;
    assert!(!decided(&waiting, &deleted(nobody), 11).actions.contains(&nudge));
}

#[test]
fn without_the_workers_deployment_the_cell_ends_soon_and_the_target_is_not_called_as_found() {
    let gone = Observed { targets: targets([Target::Missing, present(3, Holder::This)]), ..lost(4) };
    for stage in [Stage::Dispatching, Stage::Draining] {
        let decision = decided(&status_at(0, stage), &gone, 1);
        assert_eq!(
            (place(&decision), failure(&decision)),
            (Some((0, Stage::CancelingTasks)), Some("TargetGone"))
        );
        let decision = decided(&decision.status, &gone, 61);
        assert_eq!(place(&decision), Some((0, Stage::CancelingTasks)), "its pods may still be there");
        let decision = decided(&decision.status, &gone, 62);
        assert_eq!(
            (place(&decision), failure(&decision)),
            (Some((0, Stage::Collecting)), Some("TasksNotCanceled"))
        );
        let told = (
            ConditionStatus::False,
            "TargetGone",
            "the Deployment pulp-worker was deleted while the test had claimed it",
        );
        assert_eq!(condition(&decision, ConditionType::TargetsRestored), told);
        assert_eq!(condition(&end_of(decision), ConditionType::TargetsRestored), told);
    }
}

/// The same test once everything is put back.
fn end_of(mut decision: Decision) -> Decision {
    decision.status.current.as_mut().unwrap().stage = Stage::Restoring;
    decided(&decision.status, &Observed { claims: Vec::new(), ..observed() }, 100)
}

#[test]
fn a_claim_that_somebody_deletes_is_told_of_to_the_end() {
    let without = Observed { claims: claims().into_iter().take(1).collect(), ..observed() };
    let noted = decided(&status_at(0, Stage::Dispatching), &without, 1);
    let told = (
        ConditionStatus::Unknown,
        "ClaimLost",
        "the claim on the Deployment pulp-content was deleted by hand, and with it what the Deployment was before: set its replicas yourself",
    );
    assert_eq!(condition(&noted, ConditionType::TargetsRestored), told);
    assert_eq!(events(&noted)[0], "!ClaimLost");
    let again = decided(&noted.status, &without, 2);
    assert_eq!(condition(&again, ConditionType::TargetsRestored), told);
    assert!(!events(&again).contains(&"!ClaimLost".to_owned()));
    let end = end_of(again);
    assert_eq!((condition(&end, ConditionType::TargetsRestored), end.release), (told, true));
    assert_eq!(events(&end)[0], "!TargetsNotRestored");
}

#[test]
fn a_deleted_test_whose_claims_are_gone_is_let_go_at_once() {
    let decision = decided(&status_at(0, Stage::Dispatching), &deleted(untouched()), 1);
    assert_eq!(
        (decision.actions.len(), decision.release, events(&decision)),
        (0, true, vec!["!ClaimLost".to_owned()])
    );
}
