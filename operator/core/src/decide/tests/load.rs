//! From the first request of a cell to its figures.

use std::time::Duration;

use throughput_crds::{
    CellOutcome, CellParameter, CellProgress, ConditionStatus, ConditionType, LiveCounts, ProcessCounts,
    Stage, StageEntry, ThroughputTestStatus, Verdict,
};

use crate::decide::fixture::{
    active, address, at, completed, condition, counts, decided, delivered, events, failure, generators,
    no_figures, observed, place, present, read, status_at, targets, unreachable,
};
use crate::decide::{Action, Decision};
use crate::kinds::pulp_tasks::observed::{Counts, OwnTasks, Pulp};
use crate::observed::{Job, Observed, Target};
use crate::reason::{Reason, Why};
use crate::target::Holder;

/// Generators at work, and this many of the cell's ten tasks unfinished.
fn dispatching(unfinished: u64) -> Observed {
    Observed {
        generators: generators(active(), 1, Vec::new()),
        pulp: counts(Some(OwnTasks { submitted: 10, unfinished }), 2),
        ..observed()
    }
}

/// All dispatched, and this many of the cell's ten tasks unfinished.
fn dispatched(unfinished: u64) -> Observed {
    Observed { generators: generators(Job::Complete, 1, vec![delivered(10)]), ..dispatching(unfinished) }
}

/// What is left of a cell all of whose ten tasks completed.
fn collected() -> Observed {
    read(completed(10), dispatched(0))
}

/// A status at this stage of the first cell, which fails for this reason.
fn failing(stage: Stage, reason: &str) -> ThroughputTestStatus {
    let mut status = status_at(0, stage);
    let progress = &mut status.current.as_mut().unwrap().progress;
    progress.failure = Some("what happened".to_owned());
    progress.failure_reason = Some(reason.to_owned());
    status
}

fn doubts(decision: &Decision) -> &[String] {
    &decision.status.current.as_ref().unwrap().progress.invalid
}

#[test]
fn dispatching_goes_on_until_every_result_is_stored() {
    for observed in [dispatching(4), dispatching(0)] {
        let decision = decided(&status_at(0, Stage::Dispatching), &observed, 1_980);
        assert_eq!((place(&decision), decision.actions), (Some((0, Stage::Dispatching)), vec![]));
    }
    let decision = decided(&status_at(0, Stage::Dispatching), &dispatched(4), 1_980);
    assert_eq!((place(&decision), decision.actions), (Some((0, Stage::Draining)), vec![]));
}

#[test]
fn a_result_that_is_gone_though_its_generator_delivered_it_is_not_waited_for() {
    let complete = Observed { generators: generators(Job::Complete, 1, Vec::new()), ..dispatching(4) };
    let decision = decided(&status_at(0, Stage::Dispatching), &complete, 1);
    assert_eq!(
        (place(&decision), failure(&decision)),
        (Some((0, Stage::CancelingTasks)), Some("ResultNotDelivered"))
    );
    let said = decision.status.current.unwrap().progress.failure.unwrap();
    assert_eq!(
        said,
        "what 1 load generator delivered is not there any more: its ConfigMap was deleted, or changed"
    );
}

#[test]
fn a_stored_result_counts_even_when_its_generator_is_lost_afterwards() {
    let failed = Job::Failed { message: "the node is gone".to_owned() };
    let observed = Observed { generators: generators(failed, 1, vec![delivered(10)]), ..dispatching(4) };
    assert_eq!(place(&decided(&status_at(0, Stage::Dispatching), &observed, 1)), Some((0, Stage::Draining)));
}

#[test]
fn a_lost_generator_fails_the_cell_and_what_is_left_is_canceled() {
    let failed = Job::Failed { message: "OOMKilled".to_owned() };
    for (job, message) in [
        (failed, "a load generator was lost: OOMKilled"),
        (Job::Absent, "a load generator was lost: its Job was deleted"),
    ] {
        let observed = Observed { generators: generators(job, 1, Vec::new()), ..dispatching(4) };
        let decision = decided(&status_at(0, Stage::Dispatching), &observed, 1);
        assert_eq!(
            (place(&decision), failure(&decision)),
            (Some((0, Stage::CancelingTasks)), Some("GeneratorFailed"))
        );
        assert_eq!(decision.status.current.unwrap().progress.failure.as_deref(), Some(message));
    }
}

#[test]
fn a_result_that_never_comes_fails_the_cell() {
    // timeouts.dispatch, one request's time, and two minutes to deliver.
    let decision = decided(&status_at(0, Stage::Dispatching), &dispatching(4), 1_800 + 60 + 120 + 1);
    assert_eq!(
        (place(&decision), failure(&decision)),
        (Some((0, Stage::CancelingTasks)), Some("ResultNotDelivered"))
    );
}

#[test]
fn live_counts_are_rewritten_every_ten_seconds() {
    let live = |decision: &Decision| decision.status.current.as_ref().unwrap().live.unwrap();
    let first = decided(&status_at(0, Stage::Dispatching), &dispatching(4), 1);
    assert_eq!(
        live(&first),
        LiveCounts { at: at(1), tasks_submitted: 10, tasks_unfinished: 4, workers_online: Some(2) }
    );
    assert_eq!(live(&decided(&first.status, &dispatching(3), 10)), live(&first));
    assert_eq!(live(&decided(&first.status, &dispatching(3), 11)).tasks_unfinished, 3);
}

#[test]
fn the_workers_are_kept_each_time_that_there_are_others() {
    let with = |workers_online| {
        let own = Some(OwnTasks { submitted: 10, unfinished: 4 });
        Observed {
            pulp: Pulp::Answering(Counts { own, workers_online, ..Counts::default() }).into(),
            ..dispatching(4)
        }
    };
    let mut status = status_at(0, Stage::Dispatching);
    for (second, workers) in [(1, Some(2)), (2, Some(2)), (3, None), (4, Some(1)), (5, Some(2))] {
        status = decided(&status, &with(workers), second).status;
    }
    let seen = |status: &ThroughputTestStatus| -> Vec<(i64, u32)> {
        let progress = &status.current.as_ref().unwrap().progress;
        progress
            .workers_online
            .iter()
            .map(|entry| (entry.since.as_second() - at(0).as_second(), entry.workers))
            .collect()
    };
    assert_eq!(seen(&status), [(1, 2), (4, 1), (5, 2)]);
    for second in 6..100_u32 {
        status = decided(&status, &with(Some(second)), second.into()).status;
    }
    let seen = seen(&status);
    assert_eq!((seen.len(), seen[0], seen[31]), (32, (1, 2), (99, 99)));
}

#[test]
fn the_processes_are_those_of_when_the_dispatch_began() {
    let with = |workers| {
        let processes = Some(ProcessCounts { workers, api_apps: 1, content_apps: 1 });
        let own = Some(OwnTasks { submitted: 10, unfinished: 4 });
        let versions = [("core".to_owned(), format!("3.{workers}"))].into();
        let counts = Counts { own, processes, versions, ..Counts::default() };
        Observed { pulp: Pulp::Answering(counts).into(), ..dispatching(4) }
    };
    let first = decided(&status_at(0, Stage::Dispatching), &with(2), 1);
    let second = decided(&first.status, &with(9), 2);
    let progress = second.status.current.unwrap().progress;
    assert_eq!((progress.processes.unwrap().workers, progress.pulp_versions["core"].as_str()), (2, "3.2"));
}

#[test]
fn a_pulp_that_is_silent_is_told_of_until_it_answers_again() {
    for (stage, observed) in [(Stage::Dispatching, dispatching(4)), (Stage::Draining, dispatched(4))] {
        let silence = decided(&status_at(0, stage), &Observed { pulp: unreachable(), ..observed.clone() }, 1);
        let told = (ConditionStatus::True, "PulpUnreachable", "connection refused");
        assert_eq!((place(&silence), condition(&silence, ConditionType::Running)), (Some((0, stage)), told));
        let answer = decided(&silence.status, &observed, 2);
        assert_eq!(condition(&answer, ConditionType::Running).1, format!("{stage:?}"));
    }
}

#[test]
fn drift_makes_the_figures_untrustworthy_and_is_noted_once() {
    let drifted = targets([present(5, Holder::This), present(3, Holder::This)]);
    let starting = Observed { generators: generators(active(), 0, Vec::new()), ..dispatching(0) };
    for (stage, observed) in [
        (Stage::StartingGenerators, starting),
        (Stage::Dispatching, dispatching(4)),
        (Stage::Draining, dispatched(4)),
    ] {
        let observed = Observed { targets: drifted.clone(), ..observed };
        let first = decided(&status_at(0, stage), &observed, 1);
        assert_eq!(
            doubts(&first),
            [
                "the replicas of the Deployment pulp-worker were changed from 2 to 5 while the cell was measured"
            ]
        );
        assert_eq!(
            (place(&first), events(&first)),
            (Some((0, stage)), vec!["!FiguresNotTrusted".to_owned()])
        );
        let second = decided(&first.status, &observed, 2);
        assert_eq!((doubts(&second), events(&second)), (doubts(&first), Vec::new()));
    }
}

#[test]
fn a_target_that_goes_or_is_autoscaled_while_it_is_measured_is_noted() {
    let autoscaled = Target::Autoscaled { autoscaler: "content".to_owned() };
    let observed = Observed { targets: targets([Target::Missing, autoscaled]), ..dispatching(4) };
    assert_eq!(
        doubts(&decided(&status_at(0, Stage::Dispatching), &observed, 1)),
        [
            "the Deployment pulp-worker was deleted while the cell was measured",
            "the HorizontalPodAutoscaler content began to scale the Deployment pulp-content while the cell was measured",
        ]
    );
    let restless = Target::Present { replicas: 2, ready: 2, holder: Holder::This, agreed: false };
    let gone =
        Why { reason: Reason::OwnerGone, message: "the Pulp example is not there any more".to_owned() };
    let observed = Observed { targets: targets([restless, Target::Refused(gone)]), ..dispatching(4) };
    assert_eq!(
        doubts(&decided(&status_at(0, Stage::Dispatching), &observed, 1)),
        [
            "the owner of the Deployment pulp-worker's replicas was told another number than 2 while the cell was measured",
            "the Pulp example is not there any more (while the cell was measured)",
        ]
    );
}

#[test]
fn draining_ends_when_no_task_of_the_cell_is_unfinished() {
    let silence = Observed { pulp: unreachable(), ..dispatched(0) };
    let place_after = |observed: &Observed| place(&decided(&status_at(0, Stage::Draining), observed, 7_200));
    assert_eq!(place_after(&dispatched(1)), Some((0, Stage::Draining)));
    assert_eq!(place_after(&silence), Some((0, Stage::Draining)));
    assert_eq!(place_after(&dispatched(0)), Some((0, Stage::Collecting)));
}

#[test]
fn a_drain_that_takes_too_long_is_canceled() {
    for (pulp, message) in [
        (dispatched(4).pulp, "timeouts.drain passed: 4 of 10 tasks are unfinished"),
        (unreachable(), "timeouts.drain passed: Pulp does not say how many tasks are left"),
    ] {
        let decision = decided(&status_at(0, Stage::Draining), &Observed { pulp, ..dispatched(4) }, 7_201);
        assert_eq!(place(&decision), Some((0, Stage::CancelingTasks)));
        assert_eq!(failure(&decision), Some("DrainDeadlineExceeded"));
        assert_eq!(decision.status.current.unwrap().progress.failure.as_deref(), Some(message));
    }
}

#[test]
fn canceling_goes_on_until_nothing_is_left() {
    let status = failing(Stage::CancelingTasks, "DrainDeadlineExceeded");
    let canceling = decided(&status, &dispatched(4), 1);
    assert_eq!(place(&canceling), Some((0, Stage::CancelingTasks)));
    assert_eq!(
        canceling.actions,
        [
            Action::DeleteGenerators { address: address(0) },
            Action::CancelTasks { correlation_id: address(0).correlation_id() },
        ]
    );
    let canceled = decided(&status, &dispatched(0), 1);
    assert_eq!((place(&canceled), canceled.actions), (Some((0, Stage::Collecting)), vec![]));
}

#[test]
fn canceling_does_not_end_while_a_generator_could_still_dispatch() {
    let status = failing(Stage::CancelingTasks, "ResultNotDelivered");
    assert_eq!(place(&decided(&status, &dispatching(0), 1)), Some((0, Stage::CancelingTasks)));
}

#[test]
fn tasks_that_cannot_be_canceled_stop_the_matrix() {
    let status = failing(Stage::CancelingTasks, "DrainDeadlineExceeded");
    let gave_up = decided(&status, &dispatched(4), 45 * 60 + 1);
    assert_eq!(
        (place(&gave_up), failure(&gave_up)),
        (Some((0, Stage::Collecting)), Some("TasksNotCanceled"))
    );
    assert_eq!(events(&gave_up), ["!TasksNotCanceled"]);
    assert_eq!(place(&decided(&gave_up.status, &collected(), 3_000)), Some((0, Stage::Restoring)));
}

#[test]
fn after_a_failed_cell_the_next_one_begins_unless_it_would_meet_leftovers() {
    for (reason, next) in [
        ("GeneratorNotReady", (1, Stage::EmptyingQueue)),
        ("GeneratorFailed", (1, Stage::EmptyingQueue)),
        ("ResultNotDelivered", (1, Stage::EmptyingQueue)),
        ("DrainDeadlineExceeded", (1, Stage::EmptyingQueue)),
        ("WorkersNotOnline", (1, Stage::EmptyingQueue)),
        ("QueueNotEmpty", (0, Stage::Restoring)),
        ("TargetGone", (0, Stage::Restoring)),
        ("TargetAutoscaled", (0, Stage::Restoring)),
        ("ClaimLost", (0, Stage::Restoring)),
        ("TasksNotCanceled", (0, Stage::Restoring)),
    ] {
        let decision = decided(&failing(Stage::Collecting, reason), &collected(), 1);
        assert_eq!(place(&decision), Some(next), "{reason}");
        let [result] = decision.status.results.as_slice() else { panic!("{reason}: not one result") };
        assert_eq!((result.outcome, result.verdict), (CellOutcome::Incomplete, Verdict::Failed));
        assert_eq!(
            (result.reason.as_deref(), result.message.as_deref()),
            (Some(reason), Some("what happened"))
        );
        // What was collected is kept.
        assert_eq!(result.tasks_completed, Some(10));
    }
}

#[test]
fn figures_are_written_and_the_next_cell_begins_afresh() {
    let mut status = status_at(0, Stage::Collecting);
    status.current.as_mut().unwrap().progress.invalid = vec!["of the first cell".to_owned()];
    let decision = decided(&status, &collected(), 20);
    let [
        Action::WriteReport { address: written, detail, report },
        Action::DeleteGenerators { address: deleted },
    ] = decision.actions.as_slice()
    else {
        panic!("other actions: {:?}", decision.actions)
    };
    assert_eq!((written, deleted), (&address(0), &address(0)));
    assert_eq!(report.cells.first(), Some(&detail.figures));
    assert_eq!(report.cells.len(), 1);
    assert_eq!((report.test_uid.as_str(), report.workers_axis.as_str()), ("3f1c", "workers"));
    assert_eq!(events(&decision), ["CellFinished"]);
    assert_eq!(decision.events[0].note, "cell 1 of 2: Invalid, 1.000 tasks per second");
    let current = decision.status.current.unwrap();
    assert_eq!((current.cell, current.stage), (1, Stage::EmptyingQueue));
    assert_eq!(current.parameters, [CellParameter { name: "workers".to_owned(), value: "4".to_owned() }]);
    assert_eq!((current.progress, current.live, current.timeline.len()), (CellProgress::default(), None, 1));
}

#[test]
fn the_report_of_the_cells_before_is_kept() {
    let first = decided(&status_at(0, Stage::Collecting), &collected(), 20);
    let Some(Action::WriteReport { report, .. }) = first.actions.into_iter().next() else {
        panic!("no report")
    };
    let observed = Observed { report: Some(*report), ..collected() };
    let second = decided(&status_at(1, Stage::Collecting), &observed, 40);
    let Some(Action::WriteReport { report, .. }) = second.actions.first() else { panic!("no report") };
    assert_eq!(
        report.cells.iter().map(|cell| (cell.cell, cell.load.kind().workers().unwrap())).collect::<Vec<_>>(),
        [(0, 2), (1, 4)]
    );
}

#[test]
fn collecting_a_cell_again_replaces_what_was_collected() {
    let mut status = status_at(0, Stage::Collecting);
    for _ in 0..2 {
        let decision = decided(&status, &collected(), 20);
        assert_eq!(decision.status.results.len(), 1);
        status.results = decision.status.results;
    }
}

#[test]
fn the_last_cell_leads_to_restoring() {
    let decision = decided(&status_at(1, Stage::Collecting), &collected(), 1);
    assert_eq!((place(&decision), decision.release), (Some((1, Stage::Restoring)), false));
}

#[test]
fn tasks_that_cannot_be_read_are_tried_for_ten_minutes() {
    let unread = Observed { pulp: unreachable(), ..dispatched(0) };
    let mut status = status_at(0, Stage::Collecting);
    let dispatched = StageEntry { stage: Stage::Dispatching, since: at(0) };
    status.current.as_mut().unwrap().timeline.insert(0, dispatched);
    let waiting = decided(&status, &unread, 600);
    assert_eq!((place(&waiting), waiting.actions), (Some((0, Stage::Collecting)), vec![]));
    assert_eq!(waiting.next, Some(Duration::from_secs(2)));
    let gave_up = decided(&status, &unread, 601);
    assert_eq!(place(&gave_up), Some((1, Stage::EmptyingQueue)));
    let Some(Action::WriteReport { detail, .. }) = gave_up.actions.first() else { panic!("no report") };
    assert_eq!(detail.figures.reason.as_deref(), Some("TasksNotRead"));
    assert_eq!(
        detail.figures.message.as_deref(),
        Some("the cell's tasks could not be read: connection refused")
    );
    assert_eq!(detail.figures.load.kind().pulp_tasks().unwrap().tasks, no_figures());
}

#[test]
fn a_cell_that_dispatched_nothing_does_not_wait_for_a_silent_pulp() {
    let unread = Observed { pulp: unreachable(), ..observed() };
    let decision = decided(&status_at(0, Stage::Collecting), &unread, 1);
    assert_eq!(place(&decision), Some((1, Stage::EmptyingQueue)));
}
