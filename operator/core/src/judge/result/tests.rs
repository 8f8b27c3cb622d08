mod foreign_work;

use jiff::Timestamp;
use serde_json::json;
use throughput_crds::{CellParameter, CellProgress, Stage, StageEntry};
use throughput_model::cell::CellAddress;
use throughput_model::failure::{FailureClass, Phase};
use throughput_model::foreign::{ForeignTask, ForeignTasks};
use throughput_model::generator::{OwnWork, RESULT_VERSION, RequestFigures, StartFigures, StopReason};
use throughput_model::histogram::LatencySummary;
use throughput_model::pulp_load::PulpLoad;
use throughput_model::task::{TaskRecord, TaskState};
use throughput_report::fixture::tasks_of;
use throughput_report::kinds::pulp_tasks::StartReport;

use self::foreign_work::foreign;
use super::*;
use crate::kinds::pulp_tasks::observed::{Pulp, PulpSeen, Remains};
use crate::plan::permissions::Permissions;
use crate::source_catalog::fixture::OneSource;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// One cell of four tasks, all of which have to complete within ten seconds.
fn plan() -> Plan {
    plan_with(&json!([
        {"metric": "tasks.successRatio", "atLeast": "1"},
        {"metric": "tasks.total.maxMilliseconds", "atMost": "10000"},
    ]))
}

fn plan_with(criteria: &serde_json::Value) -> Plan {
    plan_of(&json!({"tasks": 4}), criteria)
}

fn plan_of(pulp_tasks: &serde_json::Value, criteria: &serde_json::Value) -> Plan {
    let spec = json!({
        "targets": [{"name": "pulp", "service": {"name": "pulp-api", "port": 24817}, "credentials": {"method": "None"}, "pulp": {}}],
        "scale": [{"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pulp-worker"}}],
        "matrix": [{"name": "workers", "of": "Scale", "values": [2]}],
        "workload": {"pulpTasks": pulp_tasks},
        "criteria": criteria,
    });
    Plan::new("pulp", &serde_json::from_value(spec).unwrap(), &Permissions::default(), &OneSource).unwrap()
}

fn current(progress: CellProgress) -> Current {
    Current {
        cell: 0,
        attempt: 1,
        stage: Stage::Collecting,
        parameters: Vec::new(),
        timeline: vec![
            StageEntry { stage: Stage::EmptyingQueue, since: at(-30) },
            StageEntry { stage: Stage::Collecting, since: at(20) },
        ],
        progress,
        live: None,
    }
}

/// A task that was dispatched at second 0, by when it started and ended.
fn task(started: i64, finished: i64, state: TaskState) -> TaskRecord {
    TaskRecord {
        pulp_created: at(0),
        unblocked_at: None,
        started_at: Some(at(started)),
        finished_at: Some(at(finished)),
        state,
        error_description: (state == TaskState::Failed).then(|| "no space left".to_owned()),
    }
}

/// Four tasks, one after the other, of a second each.
fn four() -> Vec<TaskRecord> {
    (1..=4).map(|second| task(second, second + 1, TaskState::Completed)).collect()
}

/// A generator that dispatched so many tasks, two a request.
fn generator(tasks: u64, stopped: StopReason) -> GeneratorResult {
    let sent = tasks.div_ceil(2);
    let requests = RequestFigures { sent, succeeded: sent, ..RequestFigures::default() };
    let load = PulpLoad { requests, tasks_dispatched: tasks, largest_yield: 2 };
    GeneratorResult {
        version: RESULT_VERSION,
        pod_name: "generator-0".to_owned(),
        pod_uid: "uid-of-generator-0".to_owned(),
        started_at: at(0),
        finished_at: at(2),
        elapsed_microseconds: 2_000_000,
        stopped,
        counts: load.counts(),
        histograms: load.histograms(),
        failures: load.requests.failures,
        start: None,
        work: None,
    }
}

fn complete(tasks: u64) -> GeneratorResult {
    generator(tasks, StopReason::AllTasksDispatched)
}

/// The same, and a request after it that timed out.
fn with_failed_request(mut generator: GeneratorResult) -> GeneratorResult {
    let mut load = PulpLoad::of(&generator);
    load.requests.sent += 1;
    load.requests.failures.record(Phase::AwaitAnswer, FailureClass::Timeout, "no answer within 60 s");
    generator.counts = load.counts();
    generator.failures = load.requests.failures;
    generator
}

fn detail(
    plan: &Plan,
    progress: CellProgress,
    tasks: &[TaskRecord],
    foreign: &[ForeignTask],
    generators: &[GeneratorResult],
) -> CellDetail {
    let foreign = ForeignTasks::Read(foreign.to_vec());
    measured_of(plan, progress, Some(Remains { tasks: tasks.to_vec(), foreign }), generators)
}

fn measured_of(
    plan: &Plan,
    progress: CellProgress,
    remains: Option<Remains>,
    generators: &[GeneratorResult],
) -> CellDetail {
    let pulp = PulpSeen { remains, ..Pulp::NotAsked.into() };
    let evidence = Evidence { pulp: &pulp, generators, workers: 2, sources: &[], earlier: &[] };
    let address = CellAddress { test_uid: "3f1c".to_owned(), cell: 0, attempt: 1 };
    measure(plan, &plan.cells[0], &current(progress), &evidence, address.correlation_id(), at(25))
}

fn measured(tasks: &[TaskRecord], generators: &[GeneratorResult]) -> CellResult {
    summarized(&detail(&plan(), CellProgress::default(), tasks, &[], generators).figures)
}

/// Outcome, verdict, reason and message of a cell.
fn judged(result: &CellResult) -> (CellOutcome, Verdict, &str, &str) {
    let CellResult { outcome, verdict, reason, message, .. } = result;
    (*outcome, *verdict, reason.as_deref().unwrap_or_default(), message.as_deref().unwrap_or_default())
}

fn assert_doubted(result: &CellResult, doubt: &str) {
    assert_eq!(judged(result), (CellOutcome::Completed, Verdict::Invalid, "FiguresNotTrusted", doubt));
    assert_eq!(result.tasks_submitted, Some(4), "the figures are kept");
}

#[test]
fn a_cell_that_met_every_criterion_has_passed() {
    assert_eq!(
        measured(&four(), &[complete(4)]),
        CellResult {
            cell: 0,
            repeat: 1,
            attempt: 1,
            parameters: vec![CellParameter { name: "workers".to_owned(), value: "2".to_owned() }],
            outcome: CellOutcome::Completed,
            verdict: Verdict::Passed,
            reason: None,
            message: None,
            requests: Some(2),
            requests_failed: Some(0),
            tasks_submitted: Some(4),
            tasks_completed: Some(4),
            tasks_failed: Some(0),
            tasks_per_second: Some("1.000".to_owned()),
            success_ratio: Some("1.0000".to_owned()),
            wait: Some(DurationsMilliseconds { mean: 2_500, p50: 2_000, p95: 4_000, p99: 4_000, max: 4_000 }),
            total: Some(DurationsMilliseconds {
                mean: 3_500,
                p50: 3_000,
                p95: 5_000,
                p99: 5_000,
                max: 5_000
            }),
            started_at: at(-30),
            finished_at: at(25),
            observed: None,
            observations: Vec::new(),
        }
    );
}

#[test]
fn a_cell_that_nothing_was_dispatched_in_has_no_figures() {
    let failure = Some("timeouts.scale passed".to_owned());
    let progress = CellProgress {
        failure,
        failure_reason: Some("WorkersNotOnline".to_owned()),
        ..CellProgress::default()
    };
    let result = summarized(&detail(&plan(), progress, &[], &[], &[]).figures);
    assert_eq!(
        judged(&result),
        (CellOutcome::Incomplete, Verdict::Failed, "WorkersNotOnline", "timeouts.scale passed")
    );
    assert_eq!((result.requests, result.requests_failed), (None, None));
    assert_eq!((result.tasks_submitted, result.tasks_per_second, result.wait), (Some(0), None, None));
}

#[test]
fn instants_in_the_wrong_order_make_the_figures_untrustworthy() {
    let mut tasks = four();
    tasks[0].started_at = Some(at(-1));
    assert_doubted(
        &measured(&tasks, &[complete(4)]),
        "1 task has a start before its dispatch or an end before its start: clocks differ",
    );
}

#[test]
fn fewer_tasks_than_answers_said_make_the_figures_untrustworthy() {
    let doubt = "Pulp has 4 tasks of this cell, but its answers said 5";
    assert_doubted(&measured(&four(), &[complete(5)]), doubt);
    assert_doubted(&measured(&four(), &[with_failed_request(complete(5))]), doubt);
    assert_doubted(&measured(&four(), &[complete(3), complete(2)]), doubt);
}

#[test]
fn more_tasks_than_answers_said_are_trusted_only_when_a_request_failed() {
    let five = [four(), vec![task(5, 6, TaskState::Completed)]].concat();
    let contradiction = measured(&five, &[complete(4)]);
    assert_eq!(judged(&contradiction).3, "Pulp has 5 tasks of this cell, but its answers said 4");
    assert_eq!(contradiction.verdict, Verdict::Invalid);
    let explained = measured(&five, &[with_failed_request(complete(4))]);
    assert_eq!(
        (explained.verdict, explained.requests, explained.requests_failed),
        (Verdict::Passed, Some(3), Some(1))
    );
    assert_eq!(
        explained.observations,
        ["1 of 3 requests failed (timeout while awaiting the answer, first: no answer within 60 s)"]
    );
}

#[test]
fn a_saturated_generator_makes_the_figures_untrustworthy() {
    let work = OwnWork {
        cpu_microseconds: 1_950_000,
        cpu_capacity_millicores: 1_000,
        cpu_limited: true,
        cpu_periods: 20,
        cpu_periods_throttled: 0,
        lag: LatencySummary::default(),
        most_unsent: 1,
    };
    let saturated = GeneratorResult { work: Some(work), ..complete(4) };
    assert_doubted(
        &measured(&four(), &[saturated]),
        "the load generator generator-0 was saturated: it used 97 % of the 1000 millicores of its limit",
    );
}

#[test]
fn how_well_several_generators_started_together_is_reported() {
    let started = |uncertainty_microseconds, lateness_microseconds| GeneratorResult {
        start: Some(StartFigures { uncertainty_microseconds, lateness_microseconds }),
        ..complete(2)
    };
    let report = |generators: &[GeneratorResult]| {
        let mut detail = detail(&plan(), CellProgress::default(), &four(), &[], generators);
        assert_eq!(detail.generators.len(), generators.len());
        tasks_of(&mut detail.figures).requests.clone().unwrap().start
    };
    let worst = StartReport { max_uncertainty_microseconds: 900, max_lateness_microseconds: 1_200 };
    assert_eq!(report(&[started(900, 300), started(100, 1_200)]), Some(worst));
    assert_eq!(report(&[started(900, 300)]), None);
    assert_eq!(report(&[complete(2), complete(2)]), None);
}

#[test]
fn all_doubts_are_told_and_those_of_the_way_come_first() {
    let progress =
        CellProgress { invalid: vec!["the replicas were changed".to_owned()], ..CellProgress::default() };
    let others = [foreign("purge", 2, 1_000)];
    let result = summarized(&detail(&plan(), progress, &four(), &others, &[complete(4)]).figures);
    assert_doubted(
        &result,
        "the replicas were changed; 1 task not of this run took 1.0 s of worker time, 20.000 %, \
         more than maxForeignWorkPercent (1): purge",
    );
}

#[test]
fn a_failure_weighs_more_than_a_doubt() {
    let progress = CellProgress {
        failure: Some("a load generator was lost".to_owned()),
        invalid: vec!["the replicas were changed".to_owned()],
        ..CellProgress::default()
    };
    let result = summarized(&detail(&plan(), progress, &four(), &[foreign("purge", 2, 1_000)], &[]).figures);
    assert_eq!(
        judged(&result),
        (CellOutcome::Incomplete, Verdict::Failed, "CellFailed", "a load generator was lost")
    );
}

#[test]
fn an_overshoot_is_observed_and_no_fault() {
    let six = [four(), vec![task(5, 6, TaskState::Completed), task(6, 7, TaskState::Completed)]].concat();
    let result = measured(&six, &[complete(6)]);
    assert_eq!((result.verdict, result.tasks_submitted), (Verdict::Passed, Some(6)));
    assert_eq!(
        result.observations,
        ["6 tasks dispatched for 4 wanted: up to 2 a request, some under way at the end"]
    );
}

#[test]
fn a_dispatch_that_is_not_complete_fails_the_cell_and_says_why() {
    let two = four().into_iter().take(2).collect::<Vec<_>>();
    for (stopped, words) in [
        (StopReason::DeadlineExceeded, "2 of 4 tasks were dispatched: timeouts.dispatch passed"),
        (
            StopReason::TooManyFailures,
            "2 of 4 tasks were dispatched: too many requests failed one after the other",
        ),
        (StopReason::Terminated, "2 of 4 tasks were dispatched: the generator was ended"),
        (StopReason::AllTasksDispatched, "2 of 4 tasks were dispatched: the generator stopped early"),
    ] {
        let result = measured(&two, &[generator(2, stopped)]);
        let expected = (CellOutcome::Incomplete, Verdict::Failed, "DispatchIncomplete", words);
        assert_eq!(judged(&result), expected);
    }
}

#[test]
fn a_criterion_that_is_not_met_fails_the_cell() {
    let mut tasks = four();
    tasks[3] = task(4, 12, TaskState::Failed);
    let result = measured(&tasks, &[complete(4)]);
    let words = "tasks.successRatio is 0.7500, at least 1 is wanted; \
                 tasks.total.maxMilliseconds is 12000.000, at most 10000 is wanted";
    assert_eq!(judged(&result), (CellOutcome::Completed, Verdict::Failed, "CriterionNotMet", words));
    assert_eq!(result.observations, ["1 of 4 tasks failed: no space left"]);
}

#[test]
fn a_criterion_without_a_figure_cannot_be_judged() {
    // Workers of type redis never note when a task was unblocked.
    let plan = plan_with(&json!([{"metric": "tasks.unblockedWait.p99Milliseconds", "atMost": "1"}]));
    let result = summarized(&detail(&plan, CellProgress::default(), &four(), &[], &[complete(4)]).figures);
    let words = "the criterion on tasks.unblockedWait.p99Milliseconds has no figure to judge";
    assert_eq!(judged(&result), (CellOutcome::Completed, Verdict::Invalid, "CriterionWithoutFigure", words));
}

#[test]
fn a_criterion_that_is_not_met_weighs_more_than_one_without_a_figure() {
    let plan = plan_with(&json!([
        {"metric": "tasks.unblockedWait.p99Milliseconds", "atMost": "1"},
        {"metric": "tasks.perSecond", "atLeast": "2"},
    ]));
    let result = summarized(&detail(&plan, CellProgress::default(), &four(), &[], &[complete(4)]).figures);
    assert_eq!(judged(&result).3, "tasks.perSecond is 1.000, at least 2 is wanted");
}

#[test]
fn canceled_tasks_are_observed() {
    let mut tasks = four();
    tasks[3] = task(4, 5, TaskState::Canceled);
    assert_eq!(measured(&tasks, &[complete(4)]).observations, ["1 of 4 tasks was canceled"]);
}

#[test]
fn generators_are_reported_together() {
    let mut late = with_failed_request(generator(1, StopReason::DeadlineExceeded));
    (late.started_at, late.finished_at) = (at(1), at(9));
    let mut detail = detail(&plan(), CellProgress::default(), &four(), &[], &[complete(3), late]);
    let requests = tasks_of(&mut detail.figures).requests.clone().unwrap();
    assert_eq!((requests.generators, requests.sent, requests.succeeded), (2, 4, 3));
    assert_eq!((requests.tasks_dispatched, requests.largest_yield, requests.overshoot), (4, 2, 0));
    assert_eq!((requests.started_at, requests.finished_at), (at(0), at(9)));
    assert_eq!(requests.stopped, StopReason::DeadlineExceeded);
    assert_eq!(detail.request_figures.unwrap().sent, 4);
}

#[test]
fn what_goes_into_the_status_is_bounded() {
    let mut report = detail(&plan(), CellProgress::default(), &four(), &[], &[complete(4)]).figures;
    report.observations = vec!["ä".repeat(5_000); 100];
    assert_eq!(summarized(&report).observations, vec!["ä".repeat(LONGEST_OBSERVATION); MOST_OBSERVATIONS]);
}

#[test]
fn the_status_of_64_cells_stays_below_100_kb_whatever_servers_say() {
    let mut report =
        detail(&plan(), CellProgress::default(), &[task(1, 2, TaskState::Completed)], &[], &[]).figures;
    report.message = Some("x".repeat(10_000));
    report.observations = vec!["y".repeat(10_000); 50];
    report.parameters = vec![CellParameter { name: "n".repeat(40), value: "10000".to_owned() }; 2];
    let results = vec![summarized(&report); 64];
    let bytes = serde_json::to_vec(&results).unwrap().len();
    assert!(bytes < 100_000, "{bytes} bytes");
}
