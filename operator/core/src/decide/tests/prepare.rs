//! From a new test to generators that are ready to start.

use std::time::Duration;

use throughput_crds::{
    CellCounts, CellParameter, CellProgress, Condition, ConditionStatus, ConditionType, Current, Phase,
    Stage, StageEntry, StatusSummary, ThroughputTestStatus, Verdict,
};

use crate::decide::fixture::{
    at, claims, condition, counts, decided, events, failure, observed, place, plan, present, status_at,
    targets, unreachable, untouched,
};
use crate::decide::{Action, Decision, may_ask_once};
use crate::kinds::pulp_tasks::observed::{Counts, OwnTasks, Pulp, ViewFault};
use crate::observed::{Controls, Credentials, Observed, Target};
use crate::reason::{Reason, Why};
use crate::target::Holder;
use crate::target::TargetName;

const NOTHING: Option<OwnTasks> = Some(OwnTasks { submitted: 0, unfinished: 0 });

fn another() -> Holder {
    Holder::Another("pulp/other/9e2a".to_owned())
}

fn unsigned() -> Holder {
    Holder::Unsigned { lease: "throughput-77aa".to_owned() }
}

fn refused() -> Why {
    Why { reason: Reason::NotPermitted, message: "no right to change the Pulp example".to_owned() }
}

fn scale(deployment: &str, replicas: u32) -> Action {
    Action::Scale { target: TargetName::deployment(deployment), replicas }
}

#[test]
fn a_new_test_begins_by_waiting_for_its_targets() {
    let condition = |type_, status, reason: &str, message: &str| Condition {
        type_,
        status,
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time: at(5),
        observed_generation: Some(1),
    };
    let expected = Decision {
        actions: Vec::new(),
        status: ThroughputTestStatus {
            observed_generation: Some(1),
            phase: Some(Phase::Pending),
            conditions: vec![
                condition(
                    ConditionType::Accepted,
                    ConditionStatus::True,
                    "Planned",
                    "2 cells will be measured",
                ),
                condition(
                    ConditionType::Running,
                    ConditionStatus::False,
                    "NotStarted",
                    "nothing has been scaled yet",
                ),
                condition(
                    ConditionType::Finished,
                    ConditionStatus::False,
                    "NotFinished",
                    "the run is not over",
                ),
            ],
            cells: Some(CellCounts { total: 2, finished: 0 }),
            summary: StatusSummary { cells: Some("0/2".to_owned()), ..StatusSummary::default() },
            current: Some(Current {
                cell: 0,
                attempt: 1,
                stage: Stage::AwaitingTargets,
                parameters: vec![CellParameter { name: "workers".to_owned(), value: "2".to_owned() }],
                timeline: vec![StageEntry { stage: Stage::AwaitingTargets, since: at(5) }],
                progress: CellProgress::default(),
                live: None,
            }),
            ..ThroughputTestStatus::default()
        },
        events: Vec::new(),
        release: false,
        next: Some(Duration::ZERO),
    };
    assert_eq!(decided(&ThroughputTestStatus::default(), &untouched(), 5), expected);
}

#[test]
fn what_is_missing_is_waited_for_and_named() {
    let with = |target| Observed { targets: targets([present(2, Holder::Nobody), target]), ..untouched() };
    let autoscaled = Target::Autoscaled { autoscaler: "content".to_owned() };
    let no_secret = Credentials::Unusable(Why::new(Reason::SecretNotFound, "there is no Secret"));
    let objects_refused = Why::new(Reason::NameTaken, "the Secret small-cell-0-attempt-1 exists");
    let cases = [
        (
            with(Target::Missing),
            "TargetNotFound",
            "there is no Deployment pulp-content in this namespace (scale entry content)",
        ),
        (
            with(autoscaled),
            "TargetAutoscaled",
            "the HorizontalPodAutoscaler content scales the Deployment pulp-content, and would undo what the run \
             scales: delete it for the time of the run",
        ),
        (with(Target::Refused(refused())), "NotPermitted", "no right to change the Pulp example"),
        (
            with(present(3, another())),
            "TargetClaimed",
            "the Deployment pulp-content is claimed by another test, pulp/other/9e2a",
        ),
        (
            with(present(3, unsigned())),
            "ClaimNotSigned",
            "the Lease throughput-77aa claims the Deployment pulp-content, and this operator did not sign it, so \
             that nothing is put back by it: look at it, set the replicas as they should be, and delete it",
        ),
        (
            Observed { objects_refused: Some(objects_refused), ..untouched() },
            "NameTaken",
            "the Secret small-cell-0-attempt-1 exists",
        ),
        (Observed { credentials: no_secret, ..untouched() }, "SecretNotFound", "there is no Secret"),
        (Observed { pulp: unreachable(), ..untouched() }, "PulpUnreachable", "connection refused"),
    ];
    for (observed, reason, message) in cases {
        let decision = decided(&status_at(0, Stage::AwaitingTargets), &observed, 900);
        assert_eq!(
            condition(&decision, ConditionType::TargetsReady),
            (ConditionStatus::False, reason, message)
        );
        assert_eq!(condition(&decision, ConditionType::Accepted).0, ConditionStatus::True);
        assert_eq!(place(&decision), Some((0, Stage::AwaitingTargets)));
        assert_eq!((decision.actions, decision.next), (vec![], Some(Duration::from_secs(5))));
    }
}

#[test]
fn a_view_that_is_at_fault_ends_the_test_since_it_is_asked_only_once() {
    let switched_off = ViewFault::Failed("it is switched off".to_owned());
    for (fault, reason, words) in [
        (switched_off, "TestViewFailed", "it is switched off"),
        (
            ViewFault::Dispatched,
            "CheckQueryDispatches",
            "with dispatch.testView.checkQuery the view says that it dispatched tasks: ",
        ),
    ] {
        let mut observed = untouched();
        observed.pulp.view_fault = Some(fault);
        let decision = decided(&status_at(0, Stage::AwaitingTargets), &observed, 1);
        let (holds, told, message) = condition(&decision, ConditionType::Finished);
        assert_eq!((holds, told), (ConditionStatus::True, reason));
        assert!(message.starts_with(words), "{message}");
        assert_eq!((decision.status.verdict, decision.next), (Some(Verdict::Failed), None));
    }
}

#[test]
fn what_is_asked_once_is_asked_when_nothing_else_is_waited_for() {
    let plan = plan();
    let waiting = status_at(0, Stage::AwaitingTargets);
    assert!(may_ask_once(&plan, &waiting, &untouched()));
    let no_secret = Credentials::Unusable(Why::new(Reason::SecretNotFound, "there is no Secret"));
    let objects_refused = Why::new(Reason::NameTaken, "taken");
    let asked_to = |suspend, abort| Controls { suspend, abort, ..Controls::default() };
    for other in [
        Observed { targets: targets([Target::Missing, present(3, Holder::Nobody)]), ..untouched() },
        Observed { credentials: no_secret, ..untouched() },
        Observed { pulp: unreachable(), ..untouched() },
        Observed { objects_refused: Some(objects_refused), ..untouched() },
        Observed { claims: claims(), ..untouched() },
        Observed { controls: asked_to(true, false), ..untouched() },
        Observed { controls: asked_to(false, true), ..untouched() },
        Observed { deleting: true, ..untouched() },
    ] {
        assert!(!may_ask_once(&plan, &waiting, &other), "{other:?}");
    }
    // The status says that it was, whatever came after.
    let ready = decided(&waiting, &untouched(), 1).status;
    assert_eq!(ready.current.as_ref().map(|current| current.stage), Some(Stage::Claiming));
    assert!(!may_ask_once(&plan, &ready, &untouched()));
    let again = ThroughputTestStatus { current: waiting.current, ..ready };
    assert!(!may_ask_once(&plan, &again, &untouched()));
    assert!(!may_ask_once(&plan, &ThroughputTestStatus::default(), &untouched()));
}

#[test]
fn what_is_still_missing_after_timeouts_start_ends_the_test() {
    let observed =
        Observed { targets: targets([Target::Missing, present(3, Holder::Nobody)]), ..untouched() };
    let decision = decided(&status_at(0, Stage::AwaitingTargets), &observed, 901);
    let message = "there is no Deployment pulp-worker in this namespace (scale entry workers)";
    assert_eq!(
        condition(&decision, ConditionType::Finished),
        (ConditionStatus::True, "TargetNotFound", message)
    );
    assert_eq!(
        condition(&decision, ConditionType::Succeeded),
        (ConditionStatus::False, "TargetNotFound", message)
    );
    assert_eq!(events(&decision), ["!TargetNotFound", "!Finished"]);
    assert_eq!(
        (decision.status.verdict, decision.status.finished_at),
        (Some(Verdict::Failed), Some(at(901)))
    );
    assert_eq!((decision.actions, decision.release, decision.next), (vec![], true, None));
}

#[test]
fn the_queue_has_to_be_empty() {
    let unfinished =
        |unfinished| Pulp::Answering(Counts { unfinished: Some(unfinished), ..Counts::default() }).into();
    for (pulp, message) in [
        (unfinished(1), "1 task that is not of this run is unfinished in Pulp's queue"),
        (unreachable(), "connection refused"),
        (Pulp::NotAsked.into(), "Pulp was not asked yet"),
    ] {
        let decision = decided(&status_at(1, Stage::EmptyingQueue), &Observed { pulp, ..observed() }, 900);
        assert_eq!(
            condition(&decision, ConditionType::Running),
            (ConditionStatus::True, "EmptyingQueue", message)
        );
        assert_eq!((place(&decision), decision.actions), (Some((1, Stage::EmptyingQueue)), vec![]));
    }
    let empty = Observed { pulp: unfinished(0), ..observed() };
    let decision = decided(&status_at(1, Stage::EmptyingQueue), &empty, 900);
    assert_eq!((place(&decision), decision.actions), (Some((1, Stage::ScalingWorkers)), vec![]));
}

#[test]
fn a_queue_that_does_not_empty_fails_the_cell() {
    let pulp = Pulp::Answering(Counts { unfinished: Some(3), ..Counts::default() }).into();
    let decision = decided(&status_at(1, Stage::EmptyingQueue), &Observed { pulp, ..observed() }, 901);
    assert_eq!(place(&decision), Some((1, Stage::Collecting)));
    assert_eq!(
        (failure(&decision), events(&decision)),
        (Some("QueueNotEmpty"), vec!["!QueueNotEmpty".to_owned()])
    );
}

#[test]
fn only_what_differs_is_scaled() {
    let decision = decided(&status_at(1, Stage::ScalingWorkers), &observed(), 1);
    assert_eq!(decision.actions, [scale("pulp-worker", 4)]);
    let changed =
        Observed { targets: targets([present(4, Holder::This), present(1, Holder::This)]), ..observed() };
    let decision = decided(&status_at(1, Stage::ScalingWorkers), &changed, 1);
    // No axis varies it, so it is as it was found.
    assert_eq!(decision.actions, [scale("pulp-content", 3)]);
    let restless = Target::Present { replicas: 4, ready: 4, holder: Holder::This, agreed: false };
    let changed = Observed {
        targets: targets([restless, present(3, Holder::This)]),
        pulp: counts(NOTHING, 4),
        ..observed()
    };
    let decision = decided(&status_at(1, Stage::ScalingWorkers), &changed, 1);
    assert_eq!(decision.actions, [scale("pulp-worker", 4)]);
}

#[test]
fn workers_have_to_be_online_in_pulp_and_not_only_ready() {
    let seen = |targets, pulp| {
        let observed = Observed { targets, pulp, ..observed() };
        place(&decided(&status_at(1, Stage::ScalingWorkers), &observed, 600)).unwrap().1
    };
    let ready = || targets([present(4, Holder::This), present(3, Holder::This)]);
    let starting = Target::Present { replicas: 4, ready: 3, holder: Holder::This, agreed: true };
    assert_eq!(seen(ready(), counts(NOTHING, 3)), Stage::ScalingWorkers);
    assert_eq!(seen(ready(), counts(NOTHING, 5)), Stage::ScalingWorkers);
    assert_eq!(seen(ready(), unreachable()), Stage::ScalingWorkers);
    assert_eq!(
        seen(targets([starting, present(3, Holder::This)]), counts(NOTHING, 4)),
        Stage::ScalingWorkers
    );
    assert_eq!(seen(ready(), counts(NOTHING, 4)), Stage::StartingGenerators);
}

#[test]
fn workers_that_do_not_come_online_fail_the_cell() {
    let decision = decided(&status_at(1, Stage::ScalingWorkers), &observed(), 601);
    assert_eq!(
        (place(&decision), failure(&decision)),
        (Some((1, Stage::Collecting)), Some("WorkersNotOnline"))
    );
    assert_eq!(
        decision.status.current.unwrap().progress.failure.unwrap(),
        "timeouts.scale passed: the Deployment pulp-worker has 2 of 4 replicas ready, the Deployment pulp-content \
         has 3 of 3 replicas ready, 2 workers are online in Pulp"
    );
}

#[test]
fn what_is_not_ours_any_more_is_not_scaled() {
    let autoscaled = Target::Autoscaled { autoscaler: "content".to_owned() };
    for (second, reason) in [
        (Target::Missing, "TargetGone"),
        (autoscaled, "TargetAutoscaled"),
        (Target::Refused(refused()), "NotPermitted"),
        (present(3, Holder::Nobody), "ClaimLost"),
        (present(3, another()), "ClaimLost"),
        (present(3, unsigned()), "ClaimLost"),
    ] {
        let observed = Observed { targets: targets([present(2, Holder::This), second]), ..observed() };
        let decision = decided(&status_at(1, Stage::ScalingWorkers), &observed, 1);
        assert_eq!((place(&decision), failure(&decision)), (Some((1, Stage::Collecting)), Some(reason)));
        assert_eq!(decision.actions, []);
    }
}
