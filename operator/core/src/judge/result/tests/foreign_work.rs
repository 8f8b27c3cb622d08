//! What tasks of others do to a cell's verdict.

use super::*;

/// A task of somebody else, by when it started and how long it took.
pub(super) fn foreign(name: &str, started: i64, milliseconds: i64) -> ForeignTask {
    let ended = at(started).checked_add(jiff::SignedDuration::from_millis(milliseconds)).unwrap();
    ForeignTask { name: name.to_owned(), started_at: Some(at(started)), finished_at: Some(ended) }
}

#[test]
fn tasks_of_others_that_took_much_of_the_workers_time_make_the_figures_untrustworthy() {
    let others = ["a", "b", "c", "d"].map(|name| foreign(&format!("domain_metrics.{name}"), 2, 300));
    let result =
        summarized(&detail(&plan(), CellProgress::default(), &four(), &others, &[complete(4)]).figures);
    assert_doubted(
        &result,
        "4 tasks not of this run took 1.2 s of worker time, 23.077 %, more than maxForeignWorkPercent (1): \
         domain_metrics.a, domain_metrics.b, domain_metrics.c, and others",
    );
    assert_eq!(result.observations, Vec::<String>::new(), "it is told once");
}

#[test]
fn tasks_of_others_that_took_little_of_the_workers_time_are_observed() {
    let others = [foreign("domain_metrics.a", 2, 10), foreign("domain_metrics.b", 3, 30)];
    let mut detail = detail(&plan(), CellProgress::default(), &four(), &others, &[complete(4)]);
    let result = summarized(&detail.figures);
    assert_eq!(judged(&result), (CellOutcome::Completed, Verdict::Passed, "", ""));
    let told =
        "2 tasks not of this run took 0.0 s of worker time, 0.990 %: domain_metrics.b, domain_metrics.a";
    assert_eq!(result.observations, [told]);
    let work = tasks_of(&mut detail.figures).foreign_work.clone().unwrap();
    assert_eq!((work.count, work.worker_microseconds), (2, Some(40_000)));
}

#[test]
fn the_test_says_how_much_of_the_workers_time_tasks_of_others_may_take() {
    let others = [foreign("purge", 2, 1_000)];
    for (bound, verdict) in [("20", Verdict::Passed), ("19.999", Verdict::Invalid)] {
        let plan = plan_of(&json!({"tasks": 4, "maxForeignWorkPercent": bound}), &json!([]));
        let detail = detail(&plan, CellProgress::default(), &four(), &others, &[complete(4)]);
        assert_eq!(detail.figures.verdict, verdict, "{bound}");
    }
}

#[test]
fn a_criterion_judges_the_work_of_others() {
    let criteria = json!([{"metric": "tasks.foreign.workerTimePercent", "atMost": "0.5"}]);
    let others = [foreign("purge", 2, 30)];
    let detail = detail(&plan_with(&criteria), CellProgress::default(), &four(), &others, &[complete(4)]);
    let words = "tasks.foreign.workerTimePercent is 0.744, at most 0.5 is wanted";
    assert_eq!(
        judged(&summarized(&detail.figures)),
        (CellOutcome::Completed, Verdict::Failed, "CriterionNotMet", words)
    );
}

#[test]
fn more_tasks_of_others_than_are_read_make_the_figures_untrustworthy() {
    let remains = Some(Remains { tasks: four(), foreign: ForeignTasks::TooMany(2_001) });
    let detail = measured_of(&plan(), CellProgress::default(), remains, &[complete(4)]);
    assert_doubted(
        &summarized(&detail.figures),
        "2001 tasks not of this run were there while its tasks were counted, more than are looked at",
    );
}
