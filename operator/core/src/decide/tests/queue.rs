//! Waiting for one's turn.

use std::time::Duration;

use throughput_crds::{
    ConditionStatus, ConditionType, Phase, Stage, StageEntry, ThroughputTestStatus, Verdict,
};

use crate::decide::fixture::{
    at, claim, condition, counts, decided, events, observed, place, plan, present, status_at, targets,
    untouched,
};
use crate::decide::{Action, may_ask_once};
use crate::kinds::pulp_tasks::observed::Pulp;
use crate::observed::{Controls, Credentials, Observed, Target};
use crate::queue::{Ahead, Line, Standing, standing};
use crate::reason::{Reason, Why};
use crate::target::Holder;

fn ahead(name: &str, standing: Standing) -> Ahead {
    Ahead { uid: format!("uid-of-{name}"), name: name.to_owned(), standing }
}

fn behind(name: &str, standing: Standing) -> Line {
    Line::Behind(vec![ahead(name, standing)])
}

/// Everything is there, and older tests wait for it.
fn behind_others() -> Observed {
    Observed { line: behind("older", Standing::Queued), ..untouched() }
}

/// Another test that is known has the second target.
fn held() -> Observed {
    let holder = Holder::Another("pulp/holder/uid-of-holder".to_owned());
    Observed {
        targets: targets([present(2, Holder::Nobody), present(0, holder)]),
        line: behind("holder", Standing::Measuring),
        ..untouched()
    }
}

fn timeline(status: &ThroughputTestStatus) -> Vec<(Stage, i64)> {
    let timeline = status.current.iter().flat_map(|current| &current.timeline);
    timeline.map(|StageEntry { stage, since }| (*stage, since.as_second() - at(0).as_second())).collect()
}

/// The status after these looks, each so many seconds after the test began to wait.
fn after(looks: &[(i64, &Observed)]) -> ThroughputTestStatus {
    looks.iter().fold(status_at(0, Stage::AwaitingTargets), |status, (seconds, observed)| {
        decided(&status, observed, *seconds).status
    })
}

#[test]
fn whoever_waits_for_nothing_but_its_turn_is_queued_and_says_who_is_ahead() {
    let both = "the Deployment pulp-worker or the Deployment pulp-content";
    for (observed, message) in [
        (behind_others(), format!("1 test is ahead for {both}: pulp/older")),
        (held(), format!("1 test is ahead for {both}: pulp/holder (measuring)")),
        (
            Observed { line: Line::Behind(Vec::new()), ..untouched() },
            "the operator has just begun, and learns which tests were created before this one".to_owned(),
        ),
        (
            Observed {
                line: Line::Behind(
                    (0..7).map(|number| ahead(&format!("t{number}"), Standing::Queued)).collect(),
                ),
                ..untouched()
            },
            format!("7 tests are ahead for {both}: pulp/t0, pulp/t1, pulp/t2, pulp/t3, pulp/t4, and 2 more"),
        ),
    ] {
        let decision = decided(&status_at(0, Stage::AwaitingTargets), &observed, 3);
        assert_eq!(
            (place(&decision), decision.status.phase),
            (Some((0, Stage::Queued)), Some(Phase::Queued))
        );
        assert_eq!(
            condition(&decision, ConditionType::TargetsReady),
            (ConditionStatus::False, "Queued", message.as_str())
        );
        assert_eq!((decision.actions, decision.events), (vec![], vec![]));
    }
}

#[test]
fn whoever_waits_for_something_else_is_not_queued() {
    let no_secret = Credentials::Unusable(Why::new(Reason::SecretNotFound, "there is no Secret"));
    let missing = targets([Target::Missing, present(3, Holder::Nobody)]);
    for (observed, reason) in [
        (Observed { credentials: no_secret, ..behind_others() }, "SecretNotFound"),
        (Observed { targets: missing, ..behind_others() }, "TargetNotFound"),
    ] {
        let decision = decided(&status_at(0, Stage::AwaitingTargets), &observed, 3);
        assert_eq!(place(&decision), Some((0, Stage::AwaitingTargets)));
        assert_eq!(condition(&decision, ConditionType::TargetsReady).1, reason);
    }
}

#[test]
fn what_another_test_has_scaled_says_nothing_of_the_target() {
    let why = Why::new(Reason::PulpUnreachable, "connection refused");
    let unreachable = Observed { pulp: Pulp::Unavailable(why).into(), ..held() };
    // And the workers are gone, since the other test builds a backlog.
    let holder = Holder::Another("pulp/holder/uid-of-holder".to_owned());
    let without_workers =
        Observed { targets: targets([present(0, holder), present(3, Holder::Nobody)]), ..held() };
    for observed in [unreachable, without_workers] {
        let decision = decided(&status_at(0, Stage::AwaitingTargets), &observed, 3);
        assert_eq!(place(&decision), Some((0, Stage::Queued)), "{observed:?}");
    }
}

#[test]
fn a_claim_of_whom_nobody_knows_is_waited_for_until_timeouts_start() {
    let observed = Observed { line: Line::First, ..held() };
    let waiting = decided(&status_at(0, Stage::AwaitingTargets), &observed, 900);
    assert_eq!(condition(&waiting, ConditionType::TargetsReady).1, "TargetClaimed");
    let ended = decided(&waiting.status, &observed, 901);
    assert_eq!(
        (ended.status.verdict, events(&ended)),
        (Some(Verdict::Failed), vec!["!TargetClaimed".to_owned(), "!Finished".to_owned()])
    );
}

#[test]
fn the_queue_has_no_deadline_and_its_first_makes_sure_that_everything_is_there() {
    let queued = after(&[(3, &behind_others())]);
    let year = 366 * 86_400;
    let waiting = decided(&queued, &behind_others(), year);
    assert_eq!((place(&waiting), waiting.status.verdict), (Some((0, Stage::Queued)), None));
    let first = decided(&waiting.status, &untouched(), year);
    assert_eq!((place(&first), first.next), (Some((0, Stage::AwaitingTargets)), Some(Duration::ZERO)));
    assert_eq!(place(&decided(&first.status, &untouched(), year)), Some((0, Stage::Claiming)));
}

#[test]
fn timeouts_start_counts_all_waiting_but_that_in_the_queue_however_often_it_is_entered() {
    let missing = Observed { targets: targets([Target::Missing, present(3, Holder::Nobody)]), ..untouched() };
    let (mut status, mut now) = (status_at(0, Stage::AwaitingTargets), 0);
    for _ in 0..8 {
        // 100 s for something else, then 1000 s in the queue.
        status = decided(&status, &missing, now).status;
        now += 100;
        status = decided(&status, &behind_others(), now).status;
        now += 1_000;
        status = decided(&status, &untouched(), now).status;
        assert!(timeline(&status).len() <= 3, "{:?}", timeline(&status));
    }
    let last = decided(&status, &missing, now + 100);
    assert_eq!((place(&last), last.status.verdict), (Some((0, Stage::AwaitingTargets)), None));
    assert_eq!(decided(&last.status, &missing, now + 101).status.verdict, Some(Verdict::Failed));
}

#[test]
fn the_timeline_says_since_when_a_test_is_queued() {
    let queued = after(&[(3, &behind_others()), (60, &behind_others())]);
    assert_eq!(timeline(&queued), [(Stage::AwaitingTargets, 0), (Stage::Queued, 3)]);
    // Those seconds count as they did once it has been first and is queued again.
    let again = after(&[(3, &behind_others()), (60, &untouched()), (62, &behind_others())]);
    assert_eq!(timeline(&again), [(Stage::AwaitingTargets, 57), (Stage::Queued, 62)]);
}

#[test]
fn whoever_is_about_to_claim_gives_way_to_an_older_test_while_it_holds_nothing() {
    let decision = decided(&status_at(0, Stage::Claiming), &behind_others(), 1);
    assert_eq!((place(&decision), decision.actions), (Some((0, Stage::AwaitingTargets)), vec![]));
    let some = || vec![claim("pulp-worker", 2)];
    let half = targets([present(2, Holder::This), present(3, Holder::Nobody)]);
    let half = Observed { has_finalizer: true, targets: half, claims: some(), ..behind_others() };
    let decision = decided(&status_at(0, Stage::Claiming), &half, 1);
    assert!(matches!(decision.actions.as_slice(), [Action::Claim { .. }]), "{:?}", decision.actions);
    // Unless another test has the rest: then what it has is given back first.
    let holder = Holder::Another("pulp/holder/uid-of-holder".to_owned());
    let rest_held = Observed {
        has_finalizer: true,
        targets: targets([present(2, Holder::This), present(3, holder)]),
        ..held()
    };
    let rest_held = Observed { claims: some(), ..rest_held };
    let decision = decided(&status_at(0, Stage::Claiming), &rest_held, 1);
    assert_eq!(place(&decision), Some((0, Stage::AwaitingTargets)));
    let decision = decided(&decision.status, &rest_held, 2);
    assert_eq!(decision.actions, [Action::Restore]);
    assert_eq!(condition(&decision, ConditionType::TargetsReady).1, "GivingBack");
}

#[test]
fn what_is_asked_once_is_asked_when_it_is_ones_turn() {
    let waiting = status_at(0, Stage::AwaitingTargets);
    assert!(may_ask_once(&plan(), &waiting, &untouched()));
    assert!(!may_ask_once(&plan(), &waiting, &behind_others()));
    assert!(!may_ask_once(&plan(), &waiting, &held()));
}

#[test]
fn a_test_of_the_queue_is_suspended_aborted_and_deleted_like_any_that_waits() {
    let queued = after(&[(3, &behind_others())]);
    let asked_to = |suspend, abort| Controls { suspend, abort, ..Controls::default() };
    let suspended = Observed { controls: asked_to(true, false), ..behind_others() };
    assert_eq!(place(&decided(&queued, &suspended, 5)), Some((0, Stage::Suspended)));
    let aborted = Observed { controls: asked_to(false, true), ..behind_others() };
    let ending = decided(&queued, &aborted, 5);
    assert_eq!(decided(&ending.status, &aborted, 6).status.verdict, Some(Verdict::Aborted));
    let deleted = Observed { deleting: true, ..behind_others() };
    let gone = decided(&queued, &deleted, 5);
    assert_eq!((gone.release, gone.actions), (true, vec![]));
}

#[test]
fn others_wait_for_a_test_as_long_as_it_may_be_served_or_holds_something() {
    let none = ThroughputTestStatus::default();
    let waiting = status_at(0, Stage::AwaitingTargets);
    let missing = Observed { targets: targets([Target::Missing, present(3, Holder::Nobody)]), ..untouched() };
    let not_asked = Why::new(Reason::NotYetAsked, "others are asked first");
    let not_asked = Observed { pulp: Pulp::Unavailable(not_asked).into(), ..untouched() };
    let looked = |before: &ThroughputTestStatus, observed: &Observed| {
        let after = decided(before, observed, 1).status;
        standing(before, &after, (observed.deleting, !observed.claims.is_empty()))
    };
    assert_eq!(looked(&none, &untouched()), Standing::Unseen);
    assert_eq!(looked(&waiting, &missing), Standing::Waiting);
    assert_eq!(looked(&waiting, &not_asked), Standing::Unseen);
    assert_eq!(looked(&waiting, &behind_others()), Standing::Queued);
    assert_eq!(looked(&waiting, &untouched()), Standing::Starting);
    assert_eq!(looked(&status_at(0, Stage::Queued), &untouched()), Standing::Starting);
    assert_eq!(looked(&status_at(0, Stage::Claiming), &missing), Standing::Starting);
    assert_eq!(looked(&status_at(0, Stage::Claiming), &observed()), Standing::Measuring);
    assert_eq!(looked(&status_at(0, Stage::Draining), &observed()), Standing::Measuring);
    assert_eq!(looked(&status_at(0, Stage::Restoring), &observed()), Standing::Restoring);
    assert_eq!(looked(&status_at(0, Stage::Restoring), &untouched()), Standing::Away);
    let suspend = Controls { suspend: true, ..Controls::default() };
    let suspended = |observed| Observed { controls: suspend, ..observed };
    assert_eq!(looked(&waiting, &suspended(untouched())), Standing::Away);
    assert_eq!(looked(&status_at(0, Stage::Suspended), &suspended(observed())), Standing::Restoring);
    assert_eq!(looked(&status_at(0, Stage::Suspended), &untouched()), Standing::Unseen);
    let deleted = |observed| Observed { deleting: true, ..observed };
    assert_eq!(looked(&waiting, &deleted(untouched())), Standing::Away);
    assert_eq!(looked(&status_at(0, Stage::Draining), &deleted(observed())), Standing::Restoring);
    let finished = decided(&status_at(0, Stage::Restoring), &untouched(), 1).status;
    assert_eq!(looked(&finished, &untouched()), Standing::Away);
    assert_eq!(looked(&finished, &observed()), Standing::Restoring);
    // Its target answers again: counts of nobody's tasks.
    assert_eq!(looked(&waiting, &Observed { pulp: counts(None, 2), ..untouched() }), Standing::Starting);
}
