//! Claiming all that a plan scales, or none of it.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Stage, Verdict};

use crate::decide::Action;
use crate::decide::fixture::{
    at, claim, claims, condition, decided, events, observed, place, present, status_at, targets, untouched,
};
use crate::observed::Observed;
use crate::reason::Reason;
use crate::target::Holder;
use crate::target::TargetName;

fn another() -> Holder {
    Holder::Another("pulp/other/9e2a".to_owned())
}

fn claim_all() -> Action {
    Action::Claim { targets: ["pulp-worker", "pulp-content"].map(TargetName::deployment).into() }
}

#[test]
fn when_all_is_there_it_is_claimed() {
    let decision = decided(&status_at(0, Stage::AwaitingTargets), &untouched(), 1);
    assert_eq!(condition(&decision, ConditionType::TargetsReady).0, ConditionStatus::True);
    assert_eq!(place(&decision), Some((0, Stage::Claiming)));
    assert_eq!((decision.actions, decision.next), (vec![], Some(Duration::ZERO)));
}

#[test]
fn nothing_is_claimed_before_the_finalizer_is_there() {
    let decision = decided(&status_at(0, Stage::Claiming), &untouched(), 1);
    assert_eq!(
        (place(&decision), decision.actions),
        (Some((0, Stage::Claiming)), vec![Action::AddFinalizer])
    );
    let with_finalizer = Observed { has_finalizer: true, ..untouched() };
    let decision = decided(&status_at(0, Stage::Claiming), &with_finalizer, 1);
    assert_eq!((place(&decision), decision.actions), (Some((0, Stage::Claiming)), vec![claim_all()]));
}

#[test]
fn claims_without_the_finalizer_are_not_enough() {
    let observed = Observed { has_finalizer: false, ..observed() };
    let decision = decided(&status_at(0, Stage::Claiming), &observed, 1);
    assert_eq!(
        (place(&decision), decision.actions),
        (Some((0, Stage::Claiming)), vec![Action::AddFinalizer])
    );
}

#[test]
fn nothing_goes_on_while_one_target_is_not_claimed() {
    let observed = Observed {
        targets: targets([present(2, Holder::This), present(3, Holder::Nobody)]),
        claims: vec![claim("pulp-worker", 2)],
        ..observed()
    };
    let decision = decided(&status_at(0, Stage::Claiming), &observed, 1);
    assert_eq!(place(&decision), Some((0, Stage::Claiming)));
    assert_eq!(decision.actions, [claim_all()]);
}

#[test]
fn a_lost_claim_leads_back_to_waiting() {
    let observed =
        Observed { targets: targets([present(2, another()), present(3, Holder::Nobody)]), ..untouched() };
    let decision = decided(&status_at(0, Stage::Claiming), &observed, 1);
    assert_eq!((place(&decision), decision.actions), (Some((0, Stage::AwaitingTargets)), vec![]));
}

#[test]
fn nothing_is_held_while_another_test_holds_the_rest() {
    let half = Observed {
        targets: targets([present(2, another()), present(3, Holder::This)]),
        claims: vec![claim("pulp-content", 3)],
        ..observed()
    };
    let waiting = decided(&status_at(0, Stage::Claiming), &half, 1);
    assert_eq!((place(&waiting), &waiting.actions), (Some((0, Stage::AwaitingTargets)), &vec![]));
    let giving_back = decided(&waiting.status, &half, 2);
    assert_eq!((place(&giving_back), giving_back.actions), (place(&waiting), vec![Action::Restore]));
    let overdue = decided(&waiting.status, &half, 10_000);
    assert_eq!((overdue.actions, overdue.release), (vec![Action::Restore], false));
}

#[test]
fn losing_a_claim_does_not_prolong_the_wait() {
    let mut status = status_at(0, Stage::AwaitingTargets);
    let lost =
        Observed { targets: targets([present(2, another()), present(3, Holder::Nobody)]), ..untouched() };
    for (observed, seconds) in [(&untouched(), 890), (&lost, 891), (&lost, 900)] {
        status = decided(&status, observed, seconds).status;
    }
    assert_eq!(status.current.as_ref().map(|current| current.stage), Some(Stage::AwaitingTargets));
    assert_eq!(decided(&status, &lost, 901).status.verdict, Some(Verdict::Failed));
}

#[test]
fn when_all_is_claimed_the_cell_begins_and_nothing_has_been_scaled() {
    let decision = decided(&status_at(0, Stage::Claiming), &observed(), 3);
    assert_eq!(place(&decision), Some((0, Stage::EmptyingQueue)));
    assert_eq!(condition(&decision, ConditionType::Running).0, ConditionStatus::True);
    assert_eq!(condition(&decision, ConditionType::TargetsRestored).0, ConditionStatus::False);
    assert_eq!(decision.status.started_at, Some(at(3)));
    assert_eq!(events(&decision), ["TargetsClaimed"]);
    assert_eq!(decision.actions, []);
}

#[test]
fn an_owner_through_whom_a_target_is_scaled_is_announced() {
    let mut claims = claims();
    claims[0].through = Some("spec.worker.replicas of the Pulp pulp".to_owned());
    let decision = decided(&status_at(0, Stage::Claiming), &Observed { claims, ..observed() }, 3);
    let notes: Vec<&str> = decision.events.iter().map(|event| event.note.as_str()).collect();
    assert_eq!(events(&decision), ["TargetsClaimed", "OwnerRecognised"]);
    assert_eq!(
        notes,
        [
            "claimed the Deployment pulp-worker, the Deployment pulp-content",
            "the Deployment pulp-worker is scaled by spec.worker.replicas of the Pulp pulp",
        ]
    );
}

#[test]
fn what_cannot_be_claimed_in_time_ends_the_test_with_the_cause() {
    let mut status = status_at(0, Stage::Claiming);
    let half = || Observed { targets: untouched().targets, ..observed() };
    let decision = decided(&status, &half(), 900);
    assert_eq!((place(&decision), decision.actions), (Some((0, Stage::Claiming)), vec![claim_all()]));
    // What was claimed is given back first.
    let decision = decided(&status, &half(), 901);
    assert_eq!((place(&decision), decision.actions), (Some((0, Stage::Claiming)), vec![Action::Restore]));
    crate::status::set(
        &mut status.conditions,
        ConditionType::Running,
        ConditionStatus::Unknown,
        Reason::ActionFailed,
        "cannot claim the Deployment pulp-worker: refused",
        at(5),
        Some(1),
    );
    let decision = decided(&status, &Observed { claims: Vec::new(), ..half() }, 901);
    assert_eq!(
        condition(&decision, ConditionType::Finished),
        (
            ConditionStatus::True,
            "NotClaimed",
            "not everything in scale was claimed within timeouts.start: cannot claim the Deployment pulp-worker: refused"
        )
    );
    assert_eq!((decision.status.verdict, decision.release), (Some(Verdict::Failed), true));
}
