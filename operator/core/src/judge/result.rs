//! From what a cell left behind to its figures and its verdict.

use jiff::Timestamp;
use throughput_crds::{CellObserved, CellOutcome, CellResult, Current, DurationsMilliseconds, Verdict};
use throughput_model::generator::GeneratorResult;
use throughput_model::percentile::Distribution;
use throughput_model::pulp_load::{REQUESTS_SENT, tasks_dispatched};
use throughput_model::source_report::SourceSummary;
use throughput_report::data::{CellDetail, CellReport, GeneratorReport, SCHEMA_VERSION};
use throughput_report::figures::Figures;
use uuid::Uuid;

use crate::judge::evidence::{Evaluation, Evidence};
use crate::judge::findings::{self, Seen};
use crate::plan::Plan;
use crate::plan::criteria::CriteriaOutcome;
use crate::plan::matrix::{Cell, parameters};
use crate::reason::{Reason, Why};
use crate::stage::window;

/// The status holds 64 cells in less than 100 kB: what is longer is in the report.
const LONGEST_MESSAGE: usize = 200;
const LONGEST_OBSERVATION: usize = 120;
const MOST_OBSERVATIONS: usize = 2;

/// Computes a cell's figures and judges them.
pub fn measure(
    plan: &Plan,
    cell: &Cell,
    current: &Current,
    evidence: &Evidence<'_>,
    correlation_id: Uuid,
    now: Timestamp,
) -> CellDetail {
    let kind = plan.workload.kind();
    let mut evaluation = kind.evaluate(current, evidence);
    // Those that came up while the cell was measured first.
    let doubts: Vec<String> =
        current.progress.invalid.iter().cloned().chain(evaluation.doubts.drain(..)).collect();
    let sources: Vec<SourceSummary> = evidence.sources.iter().map(|report| report.summary.clone()).collect();
    let judgement = judge(plan, current, &doubts, &evaluation, &sources);
    let Judgement { outcome, verdict, reason, message } = judgement;
    let Evaluation { load, doubts: _, short: _, request_figures, queue, completions } = evaluation;
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
        load,
        observations: Vec::new(),
        sources,
        timeline: current.timeline.clone(),
        finished_at: now,
    };
    figures.observations = findings::observations(
        kind.rules(),
        &Seen {
            cell: &figures,
            earlier: evidence.earlier,
            workers_axis: plan.main_axis(),
            sources: evidence.sources,
            window: window(current),
        },
    );
    figures.sources.iter_mut().for_each(leave_out_what_never_happened);
    CellDetail {
        schema_version: SCHEMA_VERSION,
        figures,
        sources: evidence.sources.to_vec(),
        dropped: Vec::new(),
        workers_online: current.progress.workers_online.clone(),
        queue,
        completions,
        request_figures,
        generators: evidence.generators.iter().map(generator_report).collect(),
    }
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
    evaluation: &Evaluation,
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
    if let Some(Why { reason, message }) = &evaluation.short {
        return Judgement::incomplete(Verdict::Failed, reason.as_str(), message.clone());
    }
    judge_criteria(plan, &evaluation.load.kind().figures().with_sources(sources), sources)
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
    let tasks = report.load.kind().pulp_tasks();
    let requests = tasks.and_then(|load| load.requests.as_ref());
    let tasks = tasks.map(|load| &load.tasks);
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
        tasks_submitted: tasks.map(|tasks| tasks.submitted),
        tasks_completed: tasks.map(|tasks| tasks.completed),
        tasks_failed: tasks.map(|tasks| tasks.failed),
        tasks_per_second: report.headline(),
        success_ratio: tasks.and_then(|tasks| tasks.success_ratio.clone()),
        wait: tasks.and_then(|tasks| tasks.wait).map(milliseconds),
        total: tasks.and_then(|tasks| tasks.total).map(milliseconds),
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
