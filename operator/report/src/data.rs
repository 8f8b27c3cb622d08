//! A test's report as data: what is written as `report.json`, and what is kept of each cell beside it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use throughput_crds::{CellOutcome, CellParameter, RepeatedCells, StageEntry, Verdict, WorkersOnline};
use throughput_model::figures::{Completions, QueuePoint};
use throughput_model::generator::{OwnWork, RequestFigures, StartFigures, StopReason};
use throughput_model::source_report::{SourceReport, SourceSummary};
use uuid::Uuid;

use crate::figures::Figures;
use crate::kind_facts::KindFacts;
use crate::kinds::{LoadReport, pulp_tasks};
use crate::repeats::{self, Measured};
pub use crate::timeline::SCHEMA_VERSION;
use crate::timeline::{CellTimeline, Detail, SourceTimeline, Timelines};

/// All that a test measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The test's namespace.
    pub namespace: String,
    /// The test's name.
    pub test: String,
    /// The test's UID.
    pub test_uid: String,
    /// The operator's version.
    pub operator_version: String,
    /// The name of the `scale` entry of Pulp's workers.
    pub workers_axis: String,
    /// The cells that have ended, in the order in which they were measured.
    pub cells: Vec<CellReport>,
    /// What the repeats of each combination came to, where there are repeats.
    #[serde(default)]
    pub repeats: Vec<RepeatedCells>,
    /// The cells that have ended and of which nothing was kept, by their positions: their rows in the status are all
    /// that is left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost_cells: Vec<u32>,
    /// What is drawn of each cell: a file of its own beside `report.json`.
    #[serde(skip)]
    pub timelines: Timelines,
}

/// All figures of one cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CellReport {
    /// The position in the matrix, from 0.
    pub cell: u32,
    /// The repeat of the matrix, from 1.
    pub repeat: u32,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The cell's parameters.
    pub parameters: Vec<CellParameter>,
    /// The correlation id of the cell's tasks: `logging_cid` in Pulp.
    pub correlation_id: Uuid,
    /// How the cell ended.
    pub outcome: CellOutcome,
    /// What its figures amount to.
    pub verdict: Verdict,
    /// Why the verdict is not Passed, in one word.
    pub reason: Option<String>,
    /// Why the verdict is not Passed.
    pub message: Option<String>,
    /// What the load came to, by its kind.
    #[serde(flatten)]
    pub load: LoadReport,
    /// When each stage began.
    pub timeline: Vec<StageEntry>,
    /// When the cell's figures were complete.
    pub finished_at: Timestamp,
    /// What the sources saw, without its series.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceSummary>,
    /// What the operator saw, each with its evidence.
    pub observations: Vec<String>,
}

/// One generator of a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorReport {
    /// Its pod.
    pub pod_name: String,
    /// The UID of its pod.
    pub pod_uid: String,
    /// When it sent its first request, by its clock.
    pub started_at: Timestamp,
    /// From its first request to its last answer.
    pub elapsed_microseconds: u64,
    /// Why it stopped.
    pub stopped: StopReason,
    /// Requests that it sent.
    pub sent: u64,
    /// Tasks that the answers say were dispatched.
    pub tasks_dispatched: u64,
    /// How it kept to the start.
    pub start: Option<StartFigures>,
    /// How much of itself it used.
    pub own_work: Option<OwnWork>,
}

/// What is too large for the test's report and is kept with the cell: series and histograms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CellDetail {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The figures.
    pub figures: CellReport,
    /// How many workers were online in Pulp, each time that it was another number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers_online: Vec<WorkersOnline>,
    /// The queue over time.
    pub queue: Vec<QueuePoint>,
    /// Completed tasks over time.
    #[serde(default)]
    pub completions: Completions,
    /// What the sources saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceReport>,
    /// What there was no room for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// Counts and histograms of requests, ready to be merged with those of other runs.
    pub request_figures: Option<RequestFigures>,
    /// Each generator by itself.
    #[serde(default)]
    pub generators: Vec<GeneratorReport>,
}

impl TestReport {
    /// Adds a cell, or replaces what an earlier attempt at the same cell left.
    #[must_use]
    pub fn with(mut self, cell: CellReport) -> Self {
        self.cells.retain(|other| other.cell != cell.cell);
        self.cells.push(cell);
        self.cells.sort_by_key(|cell| cell.cell);
        let facts = self.facts();
        let measured = self.cells.iter().filter_map(|cell| {
            let figure = cell.headline();
            Measured::trusted(cell.cell, &cell.parameters, (cell.outcome, cell.verdict), figure)
        });
        let better = facts.headline.better;
        self.repeats = repeats::spreads(&repeats::by_combination(measured, better), better);
        self
    }
}

impl TestReport {
    /// The report of a test of which no cell was measured yet: its namespace, name and UID, and the axis of its main
    /// target.
    pub fn empty(namespace: &str, test: &str, test_uid: &str, workers_axis: &str) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            namespace: namespace.to_owned(),
            test: test.to_owned(),
            test_uid: test_uid.to_owned(),
            operator_version: env!("CARGO_PKG_VERSION").to_owned(),
            workers_axis: workers_axis.to_owned(),
            cells: Vec::new(),
            repeats: Vec::new(),
            lost_cells: Vec::new(),
            timelines: Timelines::default(),
        }
    }

    /// That details are lost, in a sentence; `None` where none are.
    pub fn words_on_lost_cells(&self) -> Option<String> {
        let numbers: Vec<String> = self.lost_cells.iter().map(|cell| (cell + 1).to_string()).collect();
        let numbers = (!numbers.is_empty()).then(|| numbers.join(", "))?;
        Some(format!(
            "Not in here: run {numbers}, whose ConfigMaps were deleted or changed. What is left of it is in the test's status."
        ))
    }

    /// What is the same for all of its cells. A report without cells is one of Pulp's tasks, of which nothing was measured.
    pub fn facts(&self) -> &'static KindFacts {
        self.cells.first().map_or(&pulp_tasks::FACTS, |cell| cell.load.kind().facts())
    }
}

impl CellReport {
    /// The figures of the load, by their names.
    pub fn figures(&self) -> Figures {
        self.load.kind().figures()
    }

    /// The figure that the cell is known by, a decimal; `None` where nothing was measured.
    pub fn headline(&self) -> Option<String> {
        self.figures().get(self.load.kind().facts().headline.name).map(str::to_owned)
    }
}

impl CellDetail {
    /// What is drawn of the cell, which was measured just now.
    pub fn to_timeline(&self) -> CellTimeline {
        CellTimeline {
            cell: self.figures.cell,
            detail: Detail::Full,
            stages: self.figures.timeline.clone(),
            finished_at: self.figures.finished_at,
            first_created_at: self
                .figures
                .load
                .kind()
                .pulp_tasks()
                .and_then(|load| load.tasks.first_created_at),
            workers_online: self.workers_online.clone(),
            queue: self.queue.clone(),
            completions: self.completions.clone(),
            sources: self.sources.iter().map(SourceTimeline::of).collect(),
        }
    }
}
