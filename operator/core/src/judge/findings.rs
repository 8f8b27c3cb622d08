//! What was seen of a cell, in a sentence each, with its evidence: the rules by which figures become words.
//!
//! Nothing here is guessed: a rule speaks only of figures that are there. The most telling ones come first, since the
//! status has room for two: in which order, the kind of load says.

use throughput_model::counted::{counted, counted_as};
use throughput_model::source_report::{SourceReport, SourceSummary, Table};
use throughput_model::window::Window;

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

/// A rule: what it has to say of a cell, in a sentence each.
pub type Rule = fn(&Seen<'_>) -> Vec<String>;

/// What the rules look at.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The cell's figures.
    pub cell: &'a CellReport,
    /// The cells that were measured before.
    pub earlier: &'a [CellReport],
    /// The name of the parameter that is the main target's replicas; empty where there is none.
    pub workers_axis: &'a str,
    /// What the sources saw.
    pub sources: &'a [SourceReport],
    /// When the cell's tasks were dispatched and worked on.
    pub window: Option<Window>,
}

/// What was seen, each with its evidence.
pub fn observations(rules: &[Rule], seen: &Seen<'_>) -> Vec<String> {
    rules.iter().flat_map(|rule| rule(seen)).collect()
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

pub(crate) fn database_busy(seen: &Seen<'_>) -> Vec<String> {
    seen.beyond(&["rds.cpuPercent.max"], BUSY_CPU_PERCENT, |value| {
        format!("the database's processors were {value} % busy")
    })
}

pub(crate) fn database_connections(seen: &Seen<'_>) -> Vec<String> {
    let figures = ["postgres.connectionsPercentOfMax.max", "rds.databaseConnectionsPercentOfMax.max"];
    seen.beyond(&figures, MANY_CONNECTIONS_PERCENT, |value| {
        format!("the database had {value} % of the connections that it takes")
    })
}

pub(crate) fn waiting_on_locks(seen: &Seen<'_>) -> Vec<String> {
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

pub(crate) fn out_of_memory(seen: &Seen<'_>) -> Vec<String> {
    of_pods(seen, ".outOfMemoryKills.total", 0.0, |group, value| {
        format!("{} of {group} ran out of memory", counted(value, "container"))
    })
}

pub(crate) fn restarts(seen: &Seen<'_>) -> Vec<String> {
    of_pods(seen, ".restarts.total", 0.0, |group, value| {
        format!("{} of containers of {group}", counted(value, "restart"))
    })
}

pub(crate) fn throttled(seen: &Seen<'_>) -> Vec<String> {
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

pub(crate) fn timeouts(seen: &Seen<'_>) -> Vec<String> {
    let of_kind = seen.figures_between("logs.", ".count").filter(|(kind, count)| {
        *count > 0.0 && kind.to_ascii_lowercase().contains("timeout") && *kind != "timeouts"
    });
    let kinds: Vec<String> = of_kind.map(|(kind, count)| format!("{} {kind}", number(count))).collect();
    if kinds.is_empty() {
        return Vec::new();
    }
    vec![format!("time-outs in the logs: {} {}", kinds.join(", "), seen.evidence("logs.timeouts.count"))]
}

pub(crate) fn other_resources(seen: &Seen<'_>) -> Vec<String> {
    let first = seen.table("provenance", "Resources that differ").and_then(|table| table.rows.first());
    let first = first.map(|row| format!(", first: {}", row.join(" "))).unwrap_or_default();
    seen.beyond(&["provenance.differences"], 0.0, |value| {
        let resources = counted_as(value, "resource of containers is", "resources of containers are");
        format!("{resources} not as expected{first}")
    })
}

pub(crate) fn profiled(seen: &Seen<'_>) -> Vec<String> {
    let words = "processes were profiled meanwhile: not to be compared with cells that were not";
    is_profiled(&seen.cell.sources).then(|| words.to_owned()).into_iter().collect()
}

/// Whether processes were profiled while the cell was measured.
pub fn is_profiled(sources: &[SourceSummary]) -> bool {
    let samples = sources.iter().find_map(|summary| summary.figures.get("profile.samples"));
    samples.is_some_and(|samples| *samples > 0.0)
}

pub(crate) fn incomplete(seen: &Seen<'_>) -> Vec<String> {
    let summaries = seen.cell.sources.iter();
    summaries
        .filter_map(|summary| {
            let first = summary.shortfalls.first()?;
            Some(format!("{} is incomplete: {}: {}", summary.source, first.reason, first.message))
        })
        .collect()
}

/// A figure as people read it.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests;
