//! From what a cell left behind to its figures and its verdict.

use jiff::Timestamp;
use throughput_crds::{
    CellOutcome, CellParameter, CellProgress, CellResult, Current, DurationsMilliseconds, Verdict,
};
use throughput_model::figures::{TaskFigures, queue_over_time};
use throughput_model::generator::{GeneratorResult, RequestFigures, StopReason};
use throughput_model::percentile::Distribution;
use throughput_model::task::TaskRecord;
use uuid::Uuid;

use crate::criteria::{Figures, Judgement};
use crate::decide::ABORTED;
use crate::matrix::Cell;
use crate::plan::Plan;
use crate::report::{CellDetail, CellReport, GeneratorReport, RequestReport, SCHEMA_VERSION, StartReport};
use crate::saturation;

/// The status holds 64 cells in less than 100 kB: what is longer is in the report.
const LONGEST_MESSAGE: usize = 200;
const LONGEST_OBSERVATION: usize = 120;
const MOST_OBSERVATIONS: usize = 2;

/// What a cell left behind.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// What Pulp says of the tasks with the cell's correlation id.
    pub tasks: &'a [TaskRecord],
    /// Tasks of others that were dispatched or at work between the first and the last instant of the cell's.
    pub foreign_tasks: u64,
    /// What the generators delivered.
    pub generators: &'a [GeneratorResult],
    /// The workers' replicas in this cell.
    pub workers: u32,
}

/// Computes a cell's figures and judges them.
pub fn measure(
    plan: &Plan,
    cell: &Cell,
    current: &Current,
    evidence: &Evidence<'_>,
    correlation_id: Uuid,
    now: Timestamp,
) -> CellDetail {
    let tasks = TaskFigures::of(evidence.tasks);
    let merged = merge(evidence.generators);
    let requests = merged.as_ref().map(|figures| request_report(plan, evidence.generators, figures));
    let doubts = doubts(current, evidence, &tasks);
    let (outcome, verdict, reason, message) = judge(plan, current, &doubts, &tasks, requests.as_ref());
    CellDetail {
        schema_version: SCHEMA_VERSION,
        figures: CellReport {
            cell: cell.index,
            repeat: cell.repeat,
            attempt: current.attempt,
            parameters: parameters(cell),
            correlation_id,
            outcome,
            verdict,
            reason,
            message,
            workers: evidence.workers,
            tasks_wanted: plan.tasks,
            observations: observations(requests.as_ref(), &tasks, plan.tasks, &current.progress),
            requests,
            tasks,
            processes: current.progress.processes,
            nudges: current.progress.nudges.clone(),
            cleanup: current.progress.cleanup.clone(),
            timeline: current.timeline.clone(),
            finished_at: now,
        },
        queue: queue_over_time(evidence.tasks),
        request_figures: merged,
        generators: evidence.generators.iter().map(generator_report).collect(),
    }
}

/// A cell's parameters as the status shows them.
pub fn parameters(cell: &Cell) -> Vec<CellParameter> {
    cell.parameters
        .iter()
        .map(|(name, value)| CellParameter { name: name.clone(), value: value.clone() })
        .collect()
}

fn merge(generators: &[GeneratorResult]) -> Option<RequestFigures> {
    let (first, rest) = generators.split_first()?;
    let mut merged = first.requests.clone();
    for generator in rest {
        merged.merge(&generator.requests);
    }
    Some(merged)
}

fn request_report(plan: &Plan, generators: &[GeneratorResult], merged: &RequestFigures) -> RequestReport {
    let tasks_dispatched: u64 = generators.iter().map(|generator| generator.tasks_dispatched).sum();
    RequestReport {
        generators: u32::try_from(generators.len()).unwrap_or(u32::MAX),
        sent: merged.sent,
        succeeded: merged.succeeded,
        failures: merged.failures.clone(),
        tasks_dispatched,
        largest_yield: generators.iter().map(|generator| generator.largest_yield).max().unwrap_or_default(),
        overshoot: tasks_dispatched.saturating_sub(plan.tasks),
        stopped: generators
            .iter()
            .map(|generator| generator.stopped)
            .find(|stopped| *stopped != StopReason::TargetReached)
            .unwrap_or(StopReason::TargetReached),
        started_at: generators.iter().map(|generator| generator.started_at).min().unwrap_or_default(),
        finished_at: generators.iter().map(|generator| generator.finished_at).max().unwrap_or_default(),
        latency: merged.latency.summary(),
        failed_latency: merged.failed_latency.summary(),
        start: start_report(generators),
        own_work: saturation::work_report(generators),
    }
}

/// How well the generators started together; with one there is nothing to be late for.
fn start_report(generators: &[GeneratorResult]) -> Option<StartReport> {
    let starts: Vec<_> = generators.iter().filter_map(|generator| generator.start).collect();
    if generators.len() < 2 {
        return None;
    }
    Some(StartReport {
        max_uncertainty_microseconds: starts.iter().map(|start| start.uncertainty_microseconds).max()?,
        max_lateness_microseconds: starts.iter().map(|start| start.lateness_microseconds).max()?,
    })
}

fn generator_report(generator: &GeneratorResult) -> GeneratorReport {
    GeneratorReport {
        pod_name: generator.pod_name.clone(),
        pod_uid: generator.pod_uid.clone(),
        started_at: generator.started_at,
        elapsed_microseconds: generator.elapsed_microseconds,
        stopped: generator.stopped,
        sent: generator.requests.sent,
        tasks_dispatched: generator.tasks_dispatched,
        start: generator.start,
        own_work: generator.work,
    }
}

/// Why the figures cannot be trusted.
fn doubts(current: &Current, evidence: &Evidence<'_>, tasks: &TaskFigures) -> Vec<String> {
    let mut doubts = current.progress.invalid.clone();
    if evidence.foreign_tasks > 0 {
        doubts.push(format!(
            "{} tasks that are not of this run were dispatched while its tasks were counted",
            evidence.foreign_tasks
        ));
    }
    if tasks.negative_durations > 0 {
        doubts.push(format!(
            "{} tasks have a start before their dispatch or an end before their start: clocks differ",
            tasks.negative_durations
        ));
    }
    doubts.extend(saturation::doubts(evidence.generators));
    let dispatched: u64 = evidence.generators.iter().map(|generator| generator.tasks_dispatched).sum();
    let failed_requests = evidence.generators.iter().any(|generator| generator.requests.failures.total() > 0);
    // A request that failed may have dispatched tasks all the same, so more tasks than answers is then no
    // contradiction. Fewer always is.
    if !evidence.generators.is_empty()
        && (tasks.submitted < dispatched || (tasks.submitted > dispatched && !failed_requests))
    {
        doubts.push(format!(
            "Pulp has {} tasks of this cell, but its answers said {dispatched}",
            tasks.submitted
        ));
    }
    doubts
}

type Judged = (CellOutcome, Verdict, Option<String>, Option<String>);

fn judge(
    plan: &Plan,
    current: &Current,
    doubts: &[String],
    tasks: &TaskFigures,
    requests: Option<&RequestReport>,
) -> Judged {
    let because = |outcome, verdict, reason: &str, message: String| {
        (outcome, verdict, Some(reason.to_owned()), Some(message))
    };
    if let Some(failure) = &current.progress.failure {
        let reason = current.progress.failure_reason.as_deref().unwrap_or("CellFailed");
        let verdict = if reason == ABORTED { Verdict::Aborted } else { Verdict::Failed };
        return because(CellOutcome::Incomplete, verdict, reason, failure.clone());
    }
    if let Some(doubt) = doubts.first() {
        let message = if doubts.len() == 1 { doubt.clone() } else { doubts.join("; ") };
        return because(CellOutcome::Completed, Verdict::Invalid, "FiguresNotTrusted", message);
    }
    let short = requests.filter(|requests| requests.tasks_dispatched < plan.tasks);
    if let Some(requests) = short {
        let message = format!(
            "{} of {} tasks were dispatched: {}",
            requests.tasks_dispatched,
            plan.tasks,
            stop_words(requests.stopped)
        );
        return because(CellOutcome::Incomplete, Verdict::Failed, "DispatchIncomplete", message);
    }
    let figures = Figures {
        tasks,
        requests_sent: requests.map(|requests| requests.sent),
        requests_failed: requests.map(|requests| requests.failures.total()),
        request_latency: requests.map(|requests| requests.latency),
    };
    judge_criteria(plan, &figures)
}

fn judge_criteria(plan: &Plan, figures: &Figures<'_>) -> Judged {
    let (mut not_met, mut no_figure) = (Vec::new(), Vec::new());
    for criterion in &plan.criteria {
        match criterion.judge(figures) {
            Judgement::Met => {}
            Judgement::NotMet(words) => not_met.push(words),
            Judgement::NoFigure(words) => no_figure.push(words),
        }
    }
    let completed = CellOutcome::Completed;
    match (not_met.is_empty(), no_figure.is_empty()) {
        (false, _) => {
            (completed, Verdict::Failed, Some("CriterionNotMet".to_owned()), Some(not_met.join("; ")))
        }
        (true, false) => (
            completed,
            Verdict::Invalid,
            Some("CriterionWithoutFigure".to_owned()),
            Some(no_figure.join("; ")),
        ),
        (true, true) => (completed, Verdict::Passed, None, None),
    }
}

fn stop_words(reason: StopReason) -> &'static str {
    match reason {
        StopReason::TargetReached => "the generator stopped early",
        StopReason::DeadlineExceeded => "timeouts.dispatch passed",
        StopReason::TooManyFailures => "too many requests failed one after the other",
        StopReason::Terminated => "the generator was ended",
    }
}

/// What was seen, each with its evidence.
fn observations(
    requests: Option<&RequestReport>,
    tasks: &TaskFigures,
    wanted: u64,
    progress: &CellProgress,
) -> Vec<String> {
    let mut observations = Vec::new();
    if !progress.nudges.is_empty() {
        observations.push(format!(
            "nudged {} times: the workers were online and started nothing for 10 s each time",
            progress.nudges.len()
        ));
    }
    if let Some(cleanup) = &progress.cleanup {
        let left = cleanup.left + cleanup.created.saturating_sub(cleanup.asked);
        if left > 0 {
            let refusal =
                cleanup.refusal.as_ref().map(|words| format!(", first: {words}")).unwrap_or_default();
            observations.push(format!(
                "{left} of {} resources that the tasks made are left{refusal}",
                cleanup.created
            ));
        }
    }
    if let Some(requests) = requests {
        if requests.overshoot > 0 {
            observations.push(format!(
                "{} tasks dispatched for {wanted} wanted: up to {} a request, some under way at the end",
                requests.tasks_dispatched, requests.largest_yield
            ));
        }
        for (class, failures) in requests.failures.by_class() {
            let sample =
                failures.samples.first().map(|sample| format!(", first: {sample}")).unwrap_or_default();
            observations
                .push(format!("{} of {} requests failed ({class:?}{sample})", failures.count, requests.sent));
        }
    }
    if tasks.failed > 0 {
        let sample = tasks.error_samples.first().map(|sample| format!(": {sample}")).unwrap_or_default();
        observations.push(format!("{} of {} tasks failed{sample}", tasks.failed, tasks.submitted));
    }
    if tasks.canceled > 0 {
        observations.push(format!("{} of {} tasks were canceled", tasks.canceled, tasks.submitted));
    }
    observations
}

/// The figures of a cell as the status shows them.
pub fn summarized(report: &CellReport) -> CellResult {
    let requests = report.requests.as_ref();
    CellResult {
        cell: report.cell,
        repeat: report.repeat,
        attempt: report.attempt,
        parameters: report.parameters.clone(),
        outcome: report.outcome,
        verdict: report.verdict,
        reason: report.reason.clone(),
        message: report.message.as_deref().map(|message| bounded(message, LONGEST_MESSAGE)),
        requests: requests.map(|requests| requests.sent),
        requests_failed: requests.map(|requests| requests.failures.total()),
        tasks_submitted: Some(report.tasks.submitted),
        tasks_completed: Some(report.tasks.completed),
        tasks_failed: Some(report.tasks.failed),
        tasks_per_second: report.tasks.tasks_per_second.clone(),
        success_ratio: report.tasks.success_ratio.clone(),
        wait: report.tasks.wait.map(milliseconds),
        total: report.tasks.total.map(milliseconds),
        started_at: report.timeline.first().map_or(report.finished_at, |entry| entry.since),
        finished_at: report.finished_at,
        observations: report
            .observations
            .iter()
            .take(MOST_OBSERVATIONS)
            .map(|words| bounded(words, LONGEST_OBSERVATION))
            .collect(),
    }
}

fn bounded(words: &str, characters: usize) -> String {
    words.chars().take(characters).collect()
}

fn milliseconds(distribution: Distribution) -> DurationsMilliseconds {
    let rounded = |microseconds: u64| (microseconds + 500) / 1_000;
    DurationsMilliseconds {
        mean: rounded(distribution.mean_microseconds),
        p50: rounded(distribution.p50_microseconds),
        p95: rounded(distribution.p95_microseconds),
        p99: rounded(distribution.p99_microseconds),
        max: rounded(distribution.max_microseconds),
    }
}

#[cfg(test)]
mod tests;
