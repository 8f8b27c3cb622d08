//! What was seen of a cell, in a sentence each, with its evidence: the rules by which figures become words.
//!
//! Nothing here is guessed: a rule speaks only of figures that are there. The most telling ones come first, since the
//! status has room for two.

use throughput_model::counted::{agreeing, counted, counted_as, times};
use throughput_model::decimal;
use throughput_model::failure::FailureGroup;
use throughput_model::figures::TaskFigures;
use throughput_model::source_report::{SourceReport, SourceSummary, Table};
use throughput_model::window::Window;

use throughput_report::best::is_trusted;
use throughput_report::data::CellReport;

/// A database's processors that are busier than this are what limits it, in percent.
const BUSY_CPU_PERCENT: f64 = 90.0;
/// Beyond this share of its connections a database refuses some soon, in percent.
const MANY_CONNECTIONS_PERCENT: f64 = 80.0;
/// Pulp's workers wait for each other's locks all the time, for hundredths of a second. Only longer ones are worth a word,
/// and those of many sessions: one and more at any time.
const LONG_LOCK_WAIT_SECONDS: f64 = 1.0;
/// A container that is stopped in more than this share of periods is slowed down, in percent.
const OFTEN_THROTTLED_PERCENT: f64 = 5.0;
/// Twice the workers that bring less than this are more than the tasks can use, in thousandths.
const FLAT_GROWTH_PERMILLE: u128 = 1_100;

/// What the rules look at.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The cell's figures.
    pub cell: &'a CellReport,
    /// The cells that were measured before.
    pub earlier: &'a [CellReport],
    /// The name of the workers' parameter.
    pub workers_axis: &'a str,
    /// What the sources saw.
    pub sources: &'a [SourceReport],
    /// When the cell's tasks were dispatched and worked on.
    pub window: Option<Window>,
}

/// The rules, in the order in which they speak.
const RULES: [fn(&Seen<'_>) -> Vec<String>; 15] = [
    nudged,
    requests_failed,
    tasks_failed,
    database_busy,
    database_connections,
    waiting_on_locks,
    out_of_memory,
    restarts,
    timeouts,
    throttled,
    more_workers_than_tasks_can_use,
    other_resources,
    profiled,
    incomplete,
    left_behind,
];

/// What was seen, each with its evidence.
pub fn observations(seen: &Seen<'_>) -> Vec<String> {
    RULES.iter().flat_map(|rule| rule(seen)).collect()
}

impl Seen<'_> {
    fn figure(&self, name: &str) -> Option<f64> {
        self.sources.iter().find_map(|report| report.summary.figures.get(name).copied())
    }

    /// All figures whose name begins and ends like this, each with what is between.
    fn figures_between<'b>(
        &'b self,
        prefix: &'b str,
        suffix: &'b str,
    ) -> impl Iterator<Item = (&'b str, f64)> {
        let figures = self.sources.iter().flat_map(|report| &report.summary.figures);
        figures
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?.strip_suffix(suffix)?, *value)))
    }

    fn table(&self, source: &str, title: &str) -> Option<&Table> {
        let report = self.sources.iter().find(|report| report.summary.source == source)?;
        report.tables.iter().find(|table| table.title == title)
    }

    /// The figure and the window that a sentence is from.
    fn evidence(&self, figure: &str) -> String {
        let Some(Window { start, end }) = self.window else {
            return format!("({figure})");
        };
        format!("({figure}, {} to {} UTC)", start.strftime("%H:%M:%S"), end.strftime("%H:%M:%S"))
    }

    /// A sentence for the first of these figures that is beyond its bound.
    fn beyond(&self, figures: &[&str], bound: f64, words: impl Fn(&str) -> String) -> Vec<String> {
        let beyond =
            figures.iter().find_map(|name| Some((name, self.figure(name).filter(|value| *value > bound)?)));
        beyond
            .map(|(name, value)| format!("{} {}", words(&number(value)), self.evidence(name)))
            .into_iter()
            .collect()
    }
}

fn nudged(seen: &Seen<'_>) -> Vec<String> {
    let nudges = seen.cell.nudges.len();
    let each = agreeing(nudges, "", " each time");
    let words =
        format!("nudged {}: the workers were online and started nothing for 10 s{each}", times(nudges));
    (nudges > 0).then_some(words).into_iter().collect()
}

fn requests_failed(seen: &Seen<'_>) -> Vec<String> {
    let Some(requests) = &seen.cell.requests else {
        return Vec::new();
    };
    let mut words = Vec::new();
    if requests.overshoot > 0 {
        words.push(format!(
            "{} dispatched for {} wanted: up to {} a request, some under way at the end",
            counted(requests.tasks_dispatched, "task"),
            seen.cell.tasks_wanted,
            requests.largest_yield
        ));
    }
    for FailureGroup { phase, class, count, samples } in requests.failures.groups() {
        let sample = samples.first().map(|sample| format!(", first: {sample}")).unwrap_or_default();
        let sent = counted(requests.sent, "request");
        let (class, phase) = (class.as_str(), phase.as_str());
        words.push(format!("{count} of {sent} failed ({class} while {phase}{sample})"));
    }
    words
}

fn tasks_failed(seen: &Seen<'_>) -> Vec<String> {
    let TaskFigures { submitted, failed, canceled, error_samples, .. } = &seen.cell.tasks;
    let submitted = counted(submitted, "task");
    let mut words = Vec::new();
    if *failed > 0 {
        let sample = error_samples.first().map(|sample| format!(": {sample}")).unwrap_or_default();
        words.push(format!("{failed} of {submitted} failed{sample}"));
    }
    if *canceled > 0 {
        let were = agreeing(canceled, "was", "were");
        words.push(format!("{canceled} of {submitted} {were} canceled"));
    }
    words
}

fn database_busy(seen: &Seen<'_>) -> Vec<String> {
    seen.beyond(&["rds.cpuPercent.max"], BUSY_CPU_PERCENT, |value| {
        format!("the database's processors were {value} % busy")
    })
}

fn database_connections(seen: &Seen<'_>) -> Vec<String> {
    let figures = ["postgres.connectionsPercentOfMax.max", "rds.databaseConnectionsPercentOfMax.max"];
    seen.beyond(&figures, MANY_CONNECTIONS_PERCENT, |value| {
        format!("the database had {value} % of the connections that it takes")
    })
}

fn waiting_on_locks(seen: &Seen<'_>) -> Vec<String> {
    let what = seen.table("postgres", "Lock waits").and_then(|table| table.rows.first());
    let what = what.and_then(|row| row.first()).map(|lock| format!(" on {lock}")).unwrap_or_default();
    let seconds = seen.figure("postgres.longestBlockedSeconds.max");
    let often = seen.figure("postgres.blockedSessions.mean").is_some_and(|mean| mean >= 1.0);
    if seconds.is_some_and(|seconds| seconds < LONG_LOCK_WAIT_SECONDS) && !often {
        return Vec::new();
    }
    let seconds = seconds.map(|seconds| format!(", up to {} s", number(seconds)));
    seen.beyond(&["postgres.blockedSessions.max"], 0.0, |value| {
        format!(
            "up to {} of the database waited for a lock{what}{}",
            counted(value, "session"),
            seconds.as_deref().unwrap_or_default()
        )
    })
}

fn out_of_memory(seen: &Seen<'_>) -> Vec<String> {
    of_pods(seen, ".outOfMemoryKills.total", 0.0, |group, value| {
        format!("{} of {group} ran out of memory", counted(value, "container"))
    })
}

fn restarts(seen: &Seen<'_>) -> Vec<String> {
    of_pods(seen, ".restarts.total", 0.0, |group, value| {
        format!("{} of containers of {group}", counted(value, "restart"))
    })
}

fn throttled(seen: &Seen<'_>) -> Vec<String> {
    of_pods(seen, ".throttledPeriodsPercent.max", OFTEN_THROTTLED_PERCENT, |group, value| {
        format!("containers of {group} were stopped by their processor limit in up to {value} % of periods")
    })
}

/// A sentence for each group of pods whose figure is beyond its bound.
fn of_pods(seen: &Seen<'_>, suffix: &str, bound: f64, words: impl Fn(&str, &str) -> String) -> Vec<String> {
    let beyond = seen.figures_between("pods.", suffix).filter(|(_, value)| *value > bound);
    beyond
        .map(|(group, value)| {
            format!("{} {}", words(group, &number(value)), seen.evidence(&format!("pods.{group}{suffix}")))
        })
        .collect()
}

fn timeouts(seen: &Seen<'_>) -> Vec<String> {
    let of_kind = seen.figures_between("logs.", ".count").filter(|(kind, count)| {
        *count > 0.0 && kind.to_ascii_lowercase().contains("timeout") && *kind != "timeouts"
    });
    let kinds: Vec<String> = of_kind.map(|(kind, count)| format!("{} {kind}", number(count))).collect();
    if kinds.is_empty() {
        return Vec::new();
    }
    vec![format!("time-outs in the logs: {} {}", kinds.join(", "), seen.evidence("logs.timeouts.count"))]
}

/// Twice the workers, and hardly more throughput: the tasks wait for one another, or for something else.
fn more_workers_than_tasks_can_use(seen: &Seen<'_>) -> Vec<String> {
    let others = |cell: &CellReport| -> Vec<(String, String)> {
        let others = cell.parameters.iter().filter(|parameter| parameter.name != seen.workers_axis);
        others.map(|parameter| (parameter.name.clone(), parameter.value.clone())).collect()
    };
    let comparable = |cell: &&CellReport| {
        is_trusted(cell.outcome, cell.verdict)
            && cell.workers > 0
            && cell.workers * 2 <= seen.cell.workers
            && others(cell) == others(seen.cell)
    };
    let fewer = seen.earlier.iter().filter(comparable).max_by_key(|cell| cell.workers);
    let words = fewer.and_then(|fewer| {
        let (before, now) = (fewer.headline()?, seen.cell.headline()?);
        let (least, most) = (thousandths(&before)?, thousandths(&now)?);
        let flat = least > 0 && most * 1_000 < least * FLAT_GROWTH_PERMILLE;
        flat.then(|| {
            format!(
                "{} do {now} tasks per second, {} did {before}: more workers than the tasks can use",
                counted(seen.cell.workers, "worker"),
                fewer.workers
            )
        })
    });
    words.into_iter().collect()
}

fn thousandths(figure: &str) -> Option<u128> {
    let (digits, decimals) = decimal::parse(figure)?;
    Some(digits * 10_u128.pow(3_u32.checked_sub(decimals)?))
}

fn other_resources(seen: &Seen<'_>) -> Vec<String> {
    let first = seen.table("provenance", "Resources that differ").and_then(|table| table.rows.first());
    let first = first.map(|row| format!(", first: {}", row.join(" "))).unwrap_or_default();
    seen.beyond(&["provenance.differences"], 0.0, |value| {
        let resources = counted_as(value, "resource of containers is", "resources of containers are");
        format!("{resources} not as expected{first}")
    })
}

fn profiled(seen: &Seen<'_>) -> Vec<String> {
    let words = "processes were profiled meanwhile: not to be compared with cells that were not";
    is_profiled(&seen.cell.sources).then(|| words.to_owned()).into_iter().collect()
}

/// Whether processes were profiled while the cell was measured.
pub fn is_profiled(sources: &[SourceSummary]) -> bool {
    let samples = sources.iter().find_map(|summary| summary.figures.get("profile.samples"));
    samples.is_some_and(|samples| *samples > 0.0)
}

fn incomplete(seen: &Seen<'_>) -> Vec<String> {
    let summaries = seen.cell.sources.iter();
    summaries
        .filter_map(|summary| {
            let first = summary.shortfalls.first()?;
            Some(format!("{} is incomplete: {}: {}", summary.source, first.reason, first.message))
        })
        .collect()
}

fn left_behind(seen: &Seen<'_>) -> Vec<String> {
    let words = seen.cell.cleanup.as_ref().and_then(|cleanup| {
        let left = cleanup.left + cleanup.created.saturating_sub(cleanup.asked);
        let refusal = cleanup.refusal.as_ref().map(|words| format!(", first: {words}")).unwrap_or_default();
        let created = counted(cleanup.created, "resource");
        let are = agreeing(left, "is", "are");
        let words = format!("{left} of {created} that the tasks made {are} left{refusal}");
        (left > 0).then_some(words)
    });
    words.into_iter().collect()
}

/// A figure as people read it.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests;
