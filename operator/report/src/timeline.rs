//! What is drawn of a cell over time, bounded, and in less and less detail where room is short. Pure.

mod thin;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use throughput_crds::{StageEntry, WorkersOnline};
use throughput_model::figures::{Completions, QueuePoint};
use throughput_model::source_report::{FARTHEST_MILLISECONDS, Series, SourceReport, Table};

/// The version of the report's JSON. It grows when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// The most subjects of a metric that are drawn by themselves: more lines than colours that can be told apart are none.
pub const MOST_SUBJECTS: usize = 8;

/// The most cells of a report that is read: more than a matrix has.
const MOST_CELLS: usize = 4_096;
/// The most steps of completed tasks, many times as many as are drawn.
const MOST_COUNTS: usize = 100_000;
/// The most tasks that complete in one of them: more than any Pulp has.
const MOST_TASKS: u64 = 1 << 40;

/// What is drawn of all cells: a file of its own beside the report, so that the page can be made anew when a cell is added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timelines {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The cells, in the order of the matrix.
    pub cells: Vec<CellTimeline>,
}

/// What is drawn of one cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CellTimeline {
    /// The position in the matrix, from 0.
    pub cell: u32,
    /// How much of it is here.
    pub detail: Detail,
    /// When each stage began.
    pub stages: Vec<StageEntry>,
    /// When the last stage ended.
    pub finished_at: Timestamp,
    /// When the first task was dispatched: what the queue and the completions count from. Absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_created_at: Option<Timestamp>,
    /// How many workers were online.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers_online: Vec<WorkersOnline>,
    /// The queue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queue: Vec<QueuePoint>,
    /// Completed tasks.
    #[serde(default)]
    pub completions: Completions,
    /// What the sources saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceTimeline>,
}

/// What is drawn of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceTimeline {
    /// The source: `rds`, `pods`.
    pub source: String,
    /// The instant that its series count from.
    pub base: Timestamp,
    /// What changed over time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Series>,
    /// What is told line by line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
}

/// How much of a cell is kept here, most first. The cell's own `ConfigMap` has all of it in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Detail {
    /// All, with at most [`MOST_SUBJECTS`] subjects of each metric by themselves.
    Full,
    /// At most 120 points of each series.
    HalfOfThePoints,
    /// At most 60 points of each series.
    QuarterOfThePoints,
    /// Of each metric one series: the smallest, the mean and the largest of all subjects.
    OneSeriesPerMetric,
    /// No tables.
    WithoutTables,
    /// Only the queue and the completed tasks, and what the sources could not see.
    TasksOnly,
    /// Nothing but the row in the table.
    RowOnly,
}

impl Detail {
    /// The most points of a series.
    fn most_points(self) -> usize {
        match self {
            Self::Full => 240,
            Self::HalfOfThePoints => 120,
            Self::QuarterOfThePoints
            | Self::OneSeriesPerMetric
            | Self::WithoutTables
            | Self::TasksOnly
            | Self::RowOnly => 60,
        }
    }

    /// What is left out, in words for people; nothing where all is there.
    pub fn left_out(self) -> Option<&'static str> {
        match self {
            Self::Full => None,
            Self::HalfOfThePoints => Some("every series has at most 120 points"),
            Self::QuarterOfThePoints => Some("every series has at most 60 points"),
            Self::OneSeriesPerMetric => {
                Some("every series has at most 60 points, and a metric's subjects are drawn as one")
            }
            Self::WithoutTables => Some(
                "every series has at most 60 points, a metric's subjects are drawn as one, and there are no tables",
            ),
            Self::TasksOnly => Some(
                "only the tasks are drawn, with at most 60 points, and the sources' figures are in report.json alone",
            ),
            Self::RowOnly => Some("nothing is drawn"),
        }
    }
}

impl Default for Timelines {
    fn default() -> Self {
        Self { schema_version: SCHEMA_VERSION, cells: Vec::new() }
    }
}

impl Timelines {
    /// Adds a cell, or replaces what an earlier attempt at the same cell left.
    #[must_use]
    pub fn with(mut self, cell: CellTimeline) -> Self {
        self.cells.retain(|other| other.cell != cell.cell);
        self.cells.push(cell);
        self.cells.sort_by_key(|cell| cell.cell);
        self
    }

    /// What is drawn of this cell.
    pub fn of(&self, cell: u32) -> Option<&CellTimeline> {
        self.cells.iter().find(|timeline| timeline.cell == cell)
    }

    /// Whether cells can have been drawn like this: what was stored may have been changed since.
    pub(crate) fn are_possible(&self) -> bool {
        self.cells.len() <= MOST_CELLS && self.cells.iter().all(CellTimeline::is_possible)
    }

    /// All points of all series: what the size of files grows with.
    pub(crate) fn points(&self) -> usize {
        let sources = self.cells.iter().flat_map(|cell| &cell.sources);
        sources.flat_map(|source| &source.series).map(|series| series.points.len()).sum()
    }
}

impl CellTimeline {
    /// Whether its steps are longer than nothing, and all that it tells of lies where it can.
    fn is_possible(&self) -> bool {
        let Completions { step_milliseconds, counts } = &self.completions;
        let series = self.sources.iter().flat_map(|source| &source.series);
        self.queue.iter().all(|point| point.at_milliseconds <= FARTHEST_MILLISECONDS)
            && (counts.is_empty() || is_step(*step_milliseconds))
            && counts.len() <= MOST_COUNTS
            && counts.iter().all(|count| *count <= MOST_TASKS)
            && series.into_iter().all(is_possible)
    }

    /// The same with no more than this much detail. What was left out before does not come back.
    pub fn reduce_to(&mut self, detail: Detail) {
        if detail <= self.detail {
            return;
        }
        self.detail = detail;
        thin::queue(&mut self.queue, detail.most_points());
        thin::completions(&mut self.completions, detail.most_points());
        for source in &mut self.sources {
            source.reduce_to(detail);
        }
        if detail >= Detail::TasksOnly {
            self.sources.clear();
        }
        if detail >= Detail::RowOnly {
            self.workers_online.clear();
            self.queue.clear();
            self.completions = Completions::default();
            self.stages.clear();
        }
    }
}

fn is_possible(series: &Series) -> bool {
    is_step(series.step_milliseconds)
        && series.points.iter().all(|point| point.at_milliseconds.unsigned_abs() <= FARTHEST_MILLISECONDS)
}

fn is_step(milliseconds: u64) -> bool {
    (1..=FARTHEST_MILLISECONDS).contains(&milliseconds)
}

impl SourceTimeline {
    /// What is drawn of what a source saw.
    pub(crate) fn of(report: &SourceReport) -> Self {
        let SourceReport { summary, base, series, tables, documents: _ } = report;
        Self {
            source: summary.source.clone(),
            base: *base,
            series: thin::subjects(series, MOST_SUBJECTS),
            tables: tables.clone(),
        }
    }

    fn reduce_to(&mut self, detail: Detail) {
        if detail >= Detail::OneSeriesPerMetric {
            self.series = thin::subjects(&self.series, 1);
        }
        for series in &mut self.series {
            thin::points(series, detail.most_points());
        }
        if detail >= Detail::WithoutTables {
            self.tables.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_cells_timeline_has_its_stages_its_tasks_and_all_that_sources_saw() {
        let detail = fixture::detail(0);
        let timeline = detail.to_timeline();
        assert_eq!((timeline.cell, timeline.detail), (0, Detail::Full));
        assert_eq!(timeline.stages, detail.figures.timeline);
        assert_eq!(timeline.queue, detail.queue);
        assert_eq!((timeline.workers_online.len(), &timeline.workers_online), (2, &detail.workers_online));
        assert_eq!(timeline.completions, detail.completions);
        assert_eq!(timeline.sources.len(), detail.sources.len());
        assert_eq!(timeline.sources[0].tables, detail.sources[0].tables);
    }

    #[test]
    fn more_pods_than_colours_become_one_series_of_the_others() {
        let timeline = fixture::detail(0).to_timeline();
        let pods = timeline.sources.iter().find(|source| source.source == "pods").unwrap();
        let subjects: Vec<&str> = pods.series.iter().map(|series| series.subject.as_str()).collect();
        let expected = ["pod-11", "pod-10", "pod-9", "pod-8", "pod-7", "pod-6", "pod-5", "all 5 others"];
        assert_eq!(subjects, expected);
    }

    #[test]
    fn each_step_leaves_out_what_it_says() {
        let full = fixture::detail(0).to_timeline();
        let reduced = |detail| {
            let mut timeline = full.clone();
            timeline.reduce_to(detail);
            let longest = timeline.sources.iter().flat_map(|source| &source.series);
            let longest = longest.map(|series| series.points.len()).max().unwrap_or_default();
            let series: usize = timeline.sources.iter().map(|source| source.series.len()).sum();
            let tables: usize = timeline.sources.iter().map(|source| source.tables.len()).sum();
            (timeline.queue.len(), longest, series, tables)
        };
        assert_eq!(reduced(Detail::Full), (240, 240, 9, 1));
        assert_eq!(reduced(Detail::HalfOfThePoints), (120, 120, 9, 1));
        assert_eq!(reduced(Detail::QuarterOfThePoints), (60, 60, 9, 1));
        assert_eq!(reduced(Detail::OneSeriesPerMetric), (60, 60, 2, 1));
        assert_eq!(reduced(Detail::WithoutTables), (60, 60, 2, 0));
        assert_eq!(reduced(Detail::TasksOnly), (60, 0, 0, 0));
        assert_eq!(reduced(Detail::RowOnly), (0, 0, 0, 0));
    }

    #[test]
    fn what_was_left_out_once_does_not_come_back() {
        let mut timeline = fixture::detail(0).to_timeline();
        timeline.reduce_to(Detail::TasksOnly);
        let reduced = timeline.clone();
        timeline.reduce_to(Detail::HalfOfThePoints);
        assert_eq!(timeline, reduced);
    }

    #[test]
    fn a_second_attempt_takes_the_place_of_the_first() {
        let of = |cell| fixture::detail(cell).to_timeline();
        let timelines = Timelines::default().with(of(1)).with(of(0)).with(of(1));
        let cells: Vec<u32> = timelines.cells.iter().map(|cell| cell.cell).collect();
        assert_eq!(cells, [0, 1]);
    }
}
