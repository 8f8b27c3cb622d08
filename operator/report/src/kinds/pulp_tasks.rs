//! Tasks that Pulp's workers finish.

pub mod figures;
mod foreign;
mod section;

use std::collections::BTreeMap;

use jiff::Timestamp;
use maud::Markup;
use serde::{Deserialize, Serialize};
use throughput_crds::{CleanupProgress, ProcessCounts};
use throughput_model::failure::Failures;
use throughput_model::figures::TaskFigures;
use throughput_model::foreign::ForeignWork;
use throughput_model::generator::StopReason;
use throughput_model::histogram::LatencySummary;
use throughput_model::source_report;
use uuid::Uuid;

use super::ReportedKind;
use crate::columns::{Align, Column, RepeatColumn, RepeatValue, Table, Value, number, of_repeat};
use crate::figures::Figures;
use crate::kind_facts::{Drawing, DrawnFigure, KindFacts};
use crate::unit::Unit;

/// What is kept of a cell whose load was Pulp's tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PulpTasksReport {
    /// The replicas that the workers had.
    pub workers: u32,
    /// Tasks that were to be dispatched.
    pub tasks_wanted: u64,
    /// What the load generators measured; absent when none delivered.
    pub requests: Option<RequestReport>,
    /// What Pulp says of the tasks.
    pub tasks: TaskFigures,
    /// What tasks of others took of the workers' time meanwhile; absent where the cell's tasks were not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_work: Option<ForeignWork>,
    /// Pulp's processes when the dispatch began.
    pub processes: Option<ProcessCounts>,
    /// The versions of Pulp's components then, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pulp_versions: BTreeMap<String, String>,
    /// When Pulp was sent one more task, since its workers started nothing of a backlog.
    #[serde(default)]
    pub nudges: Vec<Timestamp>,
    /// What became of that which the tasks made, where it was to be deleted.
    #[serde(default)]
    pub cleanup: Option<CleanupProgress>,
}

/// What the load generators of a cell measured, together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestReport {
    /// How many generators delivered.
    pub generators: u32,
    /// Requests that were sent.
    pub sent: u64,
    /// Requests that were answered as they should be.
    pub succeeded: u64,
    /// Requests that failed, by phase and class, with samples.
    pub failures: Failures,
    /// Tasks that the answers say were dispatched.
    pub tasks_dispatched: u64,
    /// The most tasks that one request dispatched.
    pub largest_yield: u64,
    /// Dispatched beyond what was wanted.
    pub overshoot: u64,
    /// Why the generators stopped: the first reason other than having reached the target, if any.
    pub stopped: StopReason,
    /// When the first generator began, by its clock.
    pub started_at: Timestamp,
    /// When the last generator ended, by its clock.
    pub finished_at: Timestamp,
    /// The latency of requests that succeeded.
    pub latency: LatencySummary,
    /// The latency of requests that failed.
    pub failed_latency: LatencySummary,
    /// How well several generators started together; absent with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<StartReport>,
    /// The most that any generator used of itself; absent where none measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_work: Option<WorkReport>,
}

/// How well several generators started together: the worst of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartReport {
    /// How much a generator's knowledge of the start can be off, in either direction.
    pub max_uncertainty_microseconds: u64,
    /// From the start to a generator's first request, as far as the generator knows the start.
    pub max_lateness_microseconds: u64,
}

/// How much the generators used of themselves: the most of any, in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkReport {
    /// Processor time, in thousandths of what the generator could use.
    pub max_cpu_permille: u64,
    /// Periods in which its processor limit stopped it, in thousandths of all.
    pub max_throttled_permille: u64,
    /// Time in which its users waited for the generator, in thousandths of their time.
    pub max_lag_permille: u64,
    /// How late a request was sent, at the 99th percentile.
    pub max_lag_p99_microseconds: u64,
    /// Requests that were due at once and not sent yet.
    pub max_unsent: u64,
}

/// What is the same for all cells of Pulp's tasks.
pub const FACTS: KindFacts = KindFacts {
    figures: figures::FIGURES,
    headline: figures::HEADLINE,
    headline_words: "tasks per second",
    repeats: figures::REPEATS,
    columns: COLUMNS,
    repeat_columns: REPEAT_COLUMNS,
    drawings: DRAWINGS,
};

const COLUMNS: &[Column] = &[
    number("Run", Value::Run),
    number("Pulp-Workers", Value::Workers),
    number("Requests", Value::Figure("requests.sent")),
    number("Tasks Submitted", Value::Figure("tasks.submitted")),
    number("Tasks/Sec Processed", Value::Figure(figures::HEADLINE.name)),
    Column {
        unit: Some(Unit::SECONDS),
        ..number("Avg. Wait", Value::InSeconds("tasks.wait.meanMilliseconds"))
    },
    Column {
        unit: Some(Unit::SECONDS),
        tables: &[Table::Page],
        ..number("P99 Total", Value::InSeconds("tasks.total.p99Milliseconds"))
    },
    Column { align: Align::Left, tables: &[Table::Csv, Table::Page], ..number("Verdict", Value::Verdict) },
    Column { align: Align::Left, ..number("Observations", Value::Observations) },
];

const REPEAT_COLUMNS: &[RepeatColumn] = &[
    RepeatColumn { title: "Parameters", align: Align::Left, value: RepeatValue::Parameters },
    RepeatColumn { title: "Repeats", align: Align::Right, value: RepeatValue::Count },
    of_repeat("Median Tasks/Sec", "repeats.tasksPerSecond.median"),
    of_repeat("Smallest", "repeats.tasksPerSecond.min"),
    of_repeat("Largest", "repeats.tasksPerSecond.max"),
    of_repeat("Spread / Median", "repeats.tasksPerSecond.spreadRatio"),
];

/// A drawing of the percentiles of a duration, of which these are the figures.
macro_rules! percentiles {
    ($title:literal, $duration:literal) => {
        Drawing {
            title: $title,
            unit: Unit::SECONDS,
            figures: &[
                DrawnFigure { label: "p99", name: concat!($duration, ".p99Milliseconds") },
                DrawnFigure { label: "p95", name: concat!($duration, ".p95Milliseconds") },
                DrawnFigure { label: "p50", name: concat!($duration, ".p50Milliseconds") },
            ],
        }
    };
}

const DRAWINGS: &[Drawing] = &[
    Drawing {
        title: "Tasks per second",
        unit: Unit::PER_SECOND,
        figures: &[DrawnFigure { label: "", name: figures::HEADLINE.name }],
    },
    percentiles!("Wait: dispatch to start", "tasks.wait"),
    percentiles!("Total: dispatch to end", "tasks.total"),
    percentiles!("Request latency", "requests.latency"),
];

impl ReportedKind for PulpTasksReport {
    fn facts(&self) -> &'static KindFacts {
        &FACTS
    }

    fn figures(&self) -> Figures {
        figures::figures(&self.tasks, self.requests.as_ref(), self.foreign_work.as_ref())
    }

    fn section(&self, correlation_id: Uuid) -> Markup {
        section::render(self, correlation_id)
    }

    fn tables(&self) -> Vec<source_report::Table> {
        self.foreign_work.as_ref().and_then(foreign::table).into_iter().collect()
    }

    fn workers(&self) -> Option<u32> {
        Some(self.workers)
    }

    fn is_drawn_as_zero(&self, name: &str) -> bool {
        self.requests.is_some() && name.starts_with("requests.")
    }

    fn leave_out_samples(&mut self) {
        if let Some(requests) = &mut self.requests {
            requests.failures.drop_samples();
        }
        self.tasks.error_samples.clear();
        if let Some(work) = &mut self.foreign_work {
            work.keep_names(0);
        }
    }

    fn pulp_tasks(&self) -> Option<&PulpTasksReport> {
        Some(self)
    }

    fn pulp_tasks_mut(&mut self) -> Option<&mut PulpTasksReport> {
        Some(self)
    }
}
