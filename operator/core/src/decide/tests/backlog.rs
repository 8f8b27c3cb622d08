//! Stages that only a backlog has.

use std::time::Duration;

use throughput_crds::{ConditionType, Stage, ThroughputTestStatus};
use throughput_model::cell::CellAddress;

use crate::decide::fixture::{
    active, at, backlog, condition, counts, delivered, events, facts, failure, generators, observed, place,
    present, status_at, targets, unreachable,
};
use crate::decide::{Action, Decision, decide};
use crate::kinds::pulp_tasks::observed::{Counts, OwnTasks, Pulp};
use crate::observed::{Job, Observed};
use crate::target::Holder;
use crate::target::TargetName;

fn decided(status: &ThroughputTestStatus, observed: &Observed, seconds: i64) -> Decision {
    decide(&facts(), &Ok(backlog()), status, observed, at(seconds))
}

/// Ten tasks, so many of which no worker has started.
fn waiting(waiting: u64) -> Observed {
    let own = Some(OwnTasks { submitted: 10, unfinished: 10 });
    let counts = Counts { own, waiting: Some(waiting), workers_online: Some(2), ..Counts::default() };
    Observed { pulp: Pulp::Answering(counts).into(), ..observed() }
}

fn scale_workers(replicas: u32) -> Action {
    Action::Scale { target: TargetName::deployment("pulp-worker"), replicas }
}

fn with_workers(replicas: u32, online: u32) -> Observed {
    Observed {
        targets: targets([present(replicas, Holder::This), present(3, Holder::This)]),
        pulp: counts(None, online),
        ..observed()
    }
}

#[test]
fn an_empty_queue_leads_to_scaling_down() {
    assert_eq!(
        place(&decided(&status_at(0, Stage::EmptyingQueue), &observed(), 1)),
        Some((0, Stage::ScalingDown))
    );
}

#[test]
fn the_generators_are_started_only_when_no_worker_is_online_any_more() {
    let status = status_at(0, Stage::ScalingDown);
    let decision = decided(&status, &with_workers(2, 2), 1);
    assert_eq!(decision.actions, [scale_workers(0)]);
    // A worker that was killed is online for a while longer.
    assert_eq!(place(&decided(&status, &with_workers(0, 1), 2)), Some((0, Stage::ScalingDown)));
    assert_eq!(place(&decided(&status, &with_workers(0, 0), 3)), Some((0, Stage::StartingGenerators)));
}

#[test]
fn workers_that_do_not_go_end_the_cell() {
    let decision = decided(&status_at(0, Stage::ScalingDown), &with_workers(0, 1), 601);
    assert_eq!(
        (place(&decision), failure(&decision)),
        (Some((0, Stage::Collecting)), Some("WorkersNotGone"))
    );
}

#[test]
fn the_workers_come_when_all_is_dispatched() {
    let done =
        Observed { generators: generators(Job::Complete, 1, vec![delivered(10)]), ..with_workers(0, 0) };
    let decision = decided(&status_at(0, Stage::Dispatching), &done, 1);
    assert_eq!(place(&decision), Some((0, Stage::ScalingWorkers)));
    let scaling = decided(&decision.status, &with_workers(0, 0), 2);
    assert_eq!(scaling.actions, [scale_workers(2)]);
    let online = decided(&decision.status, &with_workers(2, 2), 3);
    assert_eq!(place(&online), Some((0, Stage::AwaitingFirstTask)));
}

#[test]
fn a_worker_that_is_online_while_the_backlog_is_built_makes_the_cell_invalid() {
    let busy = Observed { generators: generators(active(), 1, Vec::new()), ..with_workers(0, 1) };
    let decision = decided(&status_at(0, Stage::Dispatching), &busy, 1);
    let doubts = &decision.status.current.as_ref().unwrap().progress.invalid;
    assert_eq!(doubts, &["1 worker was online while the backlog was built"]);
}

#[test]
fn the_first_task_that_is_started_ends_the_wait() {
    let status = status_at(0, Stage::AwaitingFirstTask);
    assert_eq!(place(&decided(&status, &waiting(10), 1)), Some((0, Stage::AwaitingFirstTask)));
    assert_eq!(place(&decided(&status, &waiting(9), 1)), Some((0, Stage::Draining)));
}

#[test]
fn workers_that_start_nothing_are_nudged_every_ten_seconds_and_three_times_at_most() {
    let address = CellAddress { test_uid: "3f1c".to_owned(), cell: 0, attempt: 1 };
    let nudge = Action::Nudge { correlation_id: address.nudge_correlation_id() };
    let mut status = status_at(0, Stage::AwaitingFirstTask);
    for (seconds, nudged) in [
        (1, false),
        (10, false),
        (11, true),
        (12, false),
        (21, false),
        (22, true),
        (33, true),
        (44, false),
        (99, false),
    ] {
        let decision = decided(&status, &waiting(10), seconds);
        assert_eq!(decision.actions.contains(&nudge), nudged, "after {seconds} s");
        assert_eq!(
            events(&decision),
            if nudged { vec!["!NothingStarts"] } else { vec![] },
            "after {seconds} s"
        );
        assert_eq!(condition(&decision, ConditionType::Running).1, "NothingStarts");
        assert_eq!(decision.next, Some(Duration::from_secs(1)));
        status = decision.status;
    }
    assert_eq!(status.current.unwrap().progress.nudges, [at(11), at(22), at(33)]);
}

#[test]
fn a_backlog_that_nobody_ever_starts_ends_at_the_deadline_also_when_pulp_is_silent() {
    let status = status_at(0, Stage::AwaitingFirstTask);
    for observed in [waiting(10), Observed { pulp: unreachable(), ..observed() }] {
        assert_eq!(place(&decided(&status, &observed, 7_200)), Some((0, Stage::AwaitingFirstTask)));
        let decision = decided(&status, &observed, 7_201);
        assert_eq!(
            (place(&decision), failure(&decision)),
            (Some((0, Stage::CancelingTasks)), Some("NothingStarted"))
        );
    }
}

#[test]
fn a_backlog_is_canceled_with_workers() {
    let decision = decided(
        &status_at(0, Stage::CancelingTasks),
        &Observed { pulp: waiting(10).pulp, ..with_workers(0, 0) },
        1,
    );
    assert_eq!(decision.actions[0], scale_workers(2));
}
