//! Writing what a cell came to, and what becomes of it when that is refused.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Stage, StageEntry, ThroughputTestStatus, Verdict};
use throughput_model::task::TaskState;
use throughput_report::data::TestReport;

use crate::decide::fixture::{at, collected, condition, decided, events, failure, place, plan, status_at};
use crate::decide::{Action, Decision};
use crate::observed::{Controls, Observed};
use crate::reason::Reason;

/// An action of the current stage was refused at this second, and has been since.
fn refused(status: &mut ThroughputTestStatus, second: i64) {
    let (running, unknown) = (ConditionType::Running, ConditionStatus::Unknown);
    let reason = Reason::ActionFailed;
    crate::status::set(&mut status.conditions, running, unknown, reason, "refused", at(second), Some(1));
}

fn writes(decision: &Decision) -> bool {
    decision.actions.iter().any(|action| matches!(action, Action::WriteReport { .. }))
}

fn aborting() -> Observed {
    Observed { controls: Controls { abort: true, ..Controls::default() }, ..collected() }
}

#[test]
fn a_refusal_of_an_earlier_stage_keeps_no_cell_from_being_written() {
    let mut status = status_at(0, Stage::CleaningUp);
    refused(&mut status, 10);
    let late = i64::try_from(plan().deadlines.cleanup.as_secs()).unwrap() + 1;
    let entered = decided(&status, &collected(), late);
    assert_eq!(entered.status.current.as_ref().unwrap().stage, Stage::Collecting);
    assert_ne!(condition(&entered, ConditionType::Running).0, ConditionStatus::Unknown);
    assert!(writes(&decided(&entered.status, &aborting(), late + 1)));
}

#[test]
fn details_are_given_up_only_once_they_were_refused_for_as_long_as_collecting_may_take() {
    let collect = i64::try_from(plan().deadlines.collect.as_secs()).unwrap();
    let mut status = status_at(0, Stage::Collecting);
    // The operator was away; the first attempt after that is refused.
    refused(&mut status, 3 * collect);
    assert!(writes(&decided(&status, &collected(), 3 * collect + 1)));
    assert!(!writes(&decided(&status, &aborting(), 3 * collect + 1)));
    let given_up = decided(&status, &collected(), 4 * collect + 1);
    assert_eq!(given_up.actions, []);
    let told = "the details of this cell are not in the report, since they could not be written: refused";
    assert_eq!(given_up.status.results[0].observations, [told]);
    assert_eq!(given_up.status.results[0].verdict, Verdict::Passed);
}

#[test]
fn an_earlier_cell_of_which_nothing_was_kept_is_told_once() {
    let first = decided(&status_at(0, Stage::Collecting), &collected(), 1).status.results.remove(0);
    let mut status = status_at(1, Stage::Collecting);
    status.results = vec![first];
    let report = TestReport { lost_cells: vec![0], ..TestReport::empty("pulp", "small", "3f1c", "workers") };
    let observed = Observed { report: Some(report), ..collected() };
    let decision = decided(&status, &observed, 1);
    let told =
        "the details of this cell are not in the report any more: its ConfigMap was deleted, or changed";
    assert_eq!(decision.status.results[0].observations, [told]);
    assert!(events(&decision).contains(&"!ReportIncomplete".to_owned()));
    status.results = vec![decision.status.results[0].clone()];
    let again = decided(&status, &observed, 2);
    assert_eq!(again.status.results[0].observations, [told]);
    assert!(!events(&again).contains(&"!ReportIncomplete".to_owned()));
}

#[test]
fn unfinished_tasks_are_canceled_and_never_passed_however_the_cell_came_to_be_collected() {
    let mut observed = collected();
    let tasks = &mut observed.pulp.remains.as_mut().unwrap().tasks;
    (tasks[9].state, tasks[9].finished_at) = (TaskState::Running, None);
    let sent_back = decided(&status_at(0, Stage::Collecting), &observed, 1);
    assert_eq!(place(&sent_back), Some((0, Stage::CancelingTasks)));
    assert_eq!((failure(&sent_back), writes(&sent_back)), (Some("TasksUnfinished"), false));
    assert_eq!(sent_back.next, Some(Duration::ZERO));
    // What could not be canceled is collected all the same, once; so is a cell whose failure was lost with the status.
    for reason in [Some("TasksUnfinished"), None] {
        let mut status = status_at(0, Stage::Collecting);
        let progress = &mut status.current.as_mut().unwrap().progress;
        progress.failure_reason = Some("TasksNotCanceled".to_owned());
        progress.failure = reason.map(|_| "1 task has not ended".to_owned());
        let written = decided(&status, &observed, 1);
        assert_eq!(
            (writes(&written), written.status.results[0].verdict),
            (true, Verdict::Failed),
            "{reason:?}"
        );
    }
}

#[test]
fn a_cell_whose_generators_results_are_gone_is_invalid() {
    let mut status = status_at(0, Stage::Collecting);
    let timeline = &mut status.current.as_mut().unwrap().timeline;
    for (place, stage) in [Stage::Dispatching, Stage::Draining].into_iter().enumerate() {
        timeline.insert(place, StageEntry { stage, since: at(-10) });
    }
    let mut gone = collected();
    gone.generators.results.clear();
    let result = &decided(&status, &gone, 1).status.results[0];
    assert_eq!(
        (result.verdict, result.message.as_deref()),
        (Verdict::Invalid, Some("what 1 load generator delivered is not there any more"))
    );
}
