//! From what a cell left behind to its figures and its verdict.

use jiff::Timestamp;
use throughput_crds::{CellObserved, CellOutcome, CellResult, Current, DurationsMilliseconds, Verdict};
use throughput_model::counted::{agreeing, counted};
use throughput_model::figures::{TaskFigures, completions_over_time, queue_over_time};
use throughput_model::generator::{GeneratorResult, RequestFigures, StopReason};
use throughput_model::percentile::Distribution;
use throughput_model::pulp_load::{PulpLoad, REQUESTS_SENT, TASKS_MOST_A_REQUEST, tasks_dispatched};
use throughput_model::source_report::{SourceReport, SourceSummary};
use throughput_model::task::TaskRecord;
use throughput_report::data::{
    CellDetail, CellReport, GeneratorReport, RequestReport, SCHEMA_VERSION, StartReport,
};
use throughput_report::figures::Figures;
use uuid::Uuid;

use crate::judge::findings::{self, Seen};
use crate::judge::{doubts, saturation};
use crate::plan::Plan;
use crate::plan::criteria::CriteriaOutcome;
use crate::plan::matrix::{Cell, parameters};
use crate::reason::Reason;
use crate::stage::window;

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
    /// What the sources saw.
    pub sources: &'a [SourceReport],
    /// The cells that were measured before.
    pub earlier: &'a [CellReport],
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
    let merged = merge(evidence.generators);
    let requests = merged.as_ref().map(|figures| request_report(plan, evidence.generators, figures));
    let tasks = TaskFigures::of(evidence.tasks);
    let doubts = doubts::all(current, evidence, &tasks);
    let sources: Vec<SourceSummary> = evidence.sources.iter().map(|report| report.summary.clone()).collect();
    let judgement = judge(plan, current, &doubts, &tasks, requests.as_ref(), &sources);
    let Judgement { outcome, verdict, reason, message } = judgement;
    let mut figures = CellReport {
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
        observations: Vec::new(),
        sources,
        requests,
        tasks,
        processes: current.progress.processes,
        pulp_versions: current.progress.pulp_versions.clone(),
        nudges: current.progress.nudges.clone(),
        cleanup: current.progress.cleanup.clone(),
        timeline: current.timeline.clone(),
        finished_at: now,
    };
    figures.observations = observations(plan, current, evidence, &figures);
    figures.sources.iter_mut().for_each(leave_out_what_never_happened);
    detail(figures, current, evidence, merged)
}

fn observations(plan: &Plan, current: &Current, evidence: &Evidence<'_>, cell: &CellReport) -> Vec<String> {
    findings::observations(&Seen {
        cell,
        earlier: evidence.earlier,
        workers_axis: &plan.scale[plan.workers].name,
        sources: evidence.sources,
        window: window(current),
    })
}

/// The figures with all that is kept beside them.
fn detail(
    figures: CellReport,
    current: &Current,
    evidence: &Evidence<'_>,
    request_figures: Option<RequestFigures>,
) -> CellDetail {
    CellDetail {
        schema_version: SCHEMA_VERSION,
        figures,
        sources: evidence.sources.to_vec(),
        dropped: Vec::new(),
        workers_online: current.progress.workers_online.clone(),
        queue: queue_over_time(evidence.tasks),
        completions: completions_over_time(evidence.tasks),
        request_figures,
        generators: evidence.generators.iter().map(generator_report).collect(),
    }
}

fn merge(generators: &[GeneratorResult]) -> Option<RequestFigures> {
    let (first, rest) = generators.split_first()?;
    let mut merged = PulpLoad::of(first).requests;
    for generator in rest {
        merged.merge(&PulpLoad::of(generator).requests);
    }
    Some(merged)
}

/// The tasks that the answers to all generators say were dispatched.
pub(super) fn all_dispatched(generators: &[GeneratorResult]) -> u64 {
    generators.iter().map(tasks_dispatched).fold(0, u64::saturating_add)
}

fn request_report(plan: &Plan, generators: &[GeneratorResult], merged: &RequestFigures) -> RequestReport {
    let tasks_dispatched = all_dispatched(generators);
    let yields = generators.iter().map(|generator| generator.counts.count(TASKS_MOST_A_REQUEST));
    RequestReport {
        generators: u32::try_from(generators.len()).unwrap_or(u32::MAX),
        sent: merged.sent,
        succeeded: merged.succeeded,
        failures: merged.failures.clone(),
        tasks_dispatched,
        largest_yield: yields.max().unwrap_or_default(),
        overshoot: tasks_dispatched.saturating_sub(plan.tasks),
        stopped: generators
            .iter()
            .map(|generator| generator.stopped)
            .find(|stopped| *stopped != StopReason::AllTasksDispatched)
            .unwrap_or(StopReason::AllTasksDispatched),
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
        sent: generator.counts.count(REQUESTS_SENT),
        tasks_dispatched: tasks_dispatched(generator),
        start: generator.start,
        own_work: generator.work,
    }
}

/// What a cell's figures amount to, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Judgement {
    outcome: CellOutcome,
    verdict: Verdict,
    /// In one word; absent for what has passed.
    reason: Option<String>,
    /// For people; absent for what has passed.
    message: Option<String>,
}

impl Judgement {
    fn passed() -> Self {
        Self { outcome: CellOutcome::Completed, verdict: Verdict::Passed, reason: None, message: None }
    }

    /// A cell that was followed to its end, and did not pass.
    fn completed(verdict: Verdict, reason: &str, message: String) -> Self {
        let (reason, message) = (Some(reason.to_owned()), Some(message));
        Self { outcome: CellOutcome::Completed, verdict, reason, message }
    }

    /// A cell that was not followed to its end.
    fn incomplete(verdict: Verdict, reason: &str, message: String) -> Self {
        Self { outcome: CellOutcome::Incomplete, ..Self::completed(verdict, reason, message) }
    }
}

fn judge(
    plan: &Plan,
    current: &Current,
    doubts: &[String],
    tasks: &TaskFigures,
    requests: Option<&RequestReport>,
    sources: &[SourceSummary],
) -> Judgement {
    if let Some(failure) = &current.progress.failure {
        let reason = current.progress.failure_reason.as_deref().unwrap_or(Reason::CellFailed.as_str());
        let verdict = if reason == Reason::Aborted.as_str() { Verdict::Aborted } else { Verdict::Failed };
        return Judgement::incomplete(verdict, reason, failure.clone());
    }
    if !doubts.is_empty() {
        return Judgement::completed(Verdict::Invalid, Reason::FiguresNotTrusted.as_str(), doubts.join("; "));
    }
    let short = requests.filter(|requests| requests.tasks_dispatched < plan.tasks);
    if let Some(requests) = short {
        let message = format!(
            "{} of {} {} dispatched: {}",
            requests.tasks_dispatched,
            counted(plan.tasks, "task"),
            agreeing(requests.tasks_dispatched, "was", "were"),
            stop_words(requests.stopped)
        );
        return Judgement::incomplete(Verdict::Failed, Reason::DispatchIncomplete.as_str(), message);
    }
    judge_criteria(plan, &Figures::of(tasks, requests).with_sources(sources), sources)
}

fn judge_criteria(plan: &Plan, figures: &Figures, sources: &[SourceSummary]) -> Judgement {
    match plan.criteria.iter().map(|criterion| criterion.judge(figures, sources)).collect() {
        CriteriaOutcome::Met => Judgement::passed(),
        CriteriaOutcome::NotMet(words) => {
            Judgement::completed(Verdict::Failed, Reason::CriterionNotMet.as_str(), words)
        }
        CriteriaOutcome::NoFigure(words) => {
            Judgement::completed(Verdict::Invalid, Reason::CriterionWithoutFigure.as_str(), words)
        }
    }
}

fn stop_words(reason: StopReason) -> &'static str {
    match reason {
        StopReason::AllTasksDispatched => "the generator stopped early",
        StopReason::DeadlineExceeded => "timeouts.dispatch passed",
        StopReason::TooManyFailures => "too many requests failed one after the other",
        StopReason::Terminated => "the generator was ended",
    }
}

/// Takes the rates of log lines that never came out of a summary: of 64 cells they would be most of the report. Their
/// counts stay, which say the same, and so do the series in the cell's own details.
fn leave_out_what_never_happened(summary: &mut SourceSummary) {
    summary.figures.retain(|name, value| !(name.contains("PerMinute.") && value.abs() < f64::EPSILON));
}

/// The few figures of the sources that matter most.
fn observed(sources: &[SourceSummary]) -> Option<CellObserved> {
    if sources.is_empty() {
        return None;
    }
    let largest = |wanted: &dyn Fn(&str) -> bool| {
        let figures = sources.iter().flat_map(|summary| &summary.figures);
        figures.filter(|(name, _)| wanted(name)).map(|(_, value)| *value).reduce(f64::max)
    };
    let named = |names: &'static [&'static str]| largest(&move |name| names.contains(&name));
    let total = |suffix: &str| {
        let figures = sources.iter().flat_map(|summary| &summary.figures);
        figures.filter(|(name, _)| name.ends_with(suffix)).map(|(_, value)| *value).reduce(|a, b| a + b)
    };
    Some(CellObserved {
        database_cpu_percent_max: named(&["rds.cpuPercent.max"]).and_then(one_decimal),
        database_connections_max: named(&["rds.databaseConnections.max", "postgres.connections.max"])
            .and_then(whole),
        blocked_sessions_max: named(&["postgres.blockedSessions.max"]).and_then(whole),
        timeouts: named(&["logs.timeouts.count"]).and_then(whole),
        restarts: total(".restarts.total").and_then(whole),
        pod_cpu_percent_of_limit_max: largest(&|name| name.ends_with(".cpuPercentOfLimit.max"))
            .and_then(one_decimal),
        profiled: findings::is_profiled(sources),
        incomplete: sources
            .iter()
            .filter(|summary| !summary.is_complete())
            .map(|summary| summary.source.clone())
            .collect(),
    })
}

fn one_decimal(value: f64) -> Option<String> {
    (value.is_finite() && value >= 0.0).then(|| format!("{value:.1}"))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, checked")]
fn whole(value: f64) -> Option<u64> {
    (value.is_finite() && (0.0..1e15).contains(&value)).then(|| value.round() as u64)
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
        tasks_per_second: report.headline(),
        success_ratio: report.tasks.success_ratio.clone(),
        wait: report.tasks.wait.map(milliseconds),
        total: report.tasks.total.map(milliseconds),
        started_at: report.timeline.first().map_or(report.finished_at, |entry| entry.since),
        finished_at: report.finished_at,
        observed: observed(&report.sources),
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
