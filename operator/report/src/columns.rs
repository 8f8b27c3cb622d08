//! The columns of the table of results, and those of the table of repeats: one list of each for a kind of load.
//!
//! Markdown, CSV and the page render the columns that stand in them; what differs between them is told here, as a column's
//! [`Column::tables`] and [`Column::unit`], or is a renderer's own way to write a [`Value`].

use throughput_crds::RepeatedCells;
use throughput_model::decimal::seconds;

use crate::data::CellReport;
use crate::figures::{Figures, of_repeats};
use crate::kinds::KindFacts;
use crate::unit::Unit;

/// The text where there is no figure.
pub(crate) const NO_FIGURE: &str = "-";

/// A text, or a dash where there is none.
pub(crate) fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| NO_FIGURE.to_owned())
}

/// A column of the table of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its title.
    pub title: &'static str,
    /// The unit that stands beside each value for people, and in the title for programs; `None` where the title says it.
    pub unit: Option<Unit>,
    /// On which side its texts stand.
    pub align: Align,
    /// What it shows of a cell.
    pub value: Value,
    /// The tables that it stands in.
    pub tables: &'static [Table],
}

/// On which side of their column texts stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// On the left, as words do.
    Left,
    /// On the right, as numbers do.
    Right,
}

/// What a column shows of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// The cell's number, from 1, with those of its parameters that have no column of their own.
    Run,
    /// The replicas of the workers.
    Workers,
    /// The figure of this name, as it is.
    Figure(&'static str),
    /// The figure of this name, which is in milliseconds, in seconds.
    InSeconds(&'static str),
    /// The verdict.
    Verdict,
    /// Why the verdict is what it is, and what was seen.
    Observations,
}

/// A table of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// `report.md`. The verdict stands before its reason, among the observations.
    Markdown,
    /// `report.csv`.
    Csv,
    /// The page.
    Page,
}

const EVERYWHERE: &[Table] = &[Table::Markdown, Table::Csv, Table::Page];

/// A column of numbers in all tables.
pub(crate) const fn number(title: &'static str, value: Value) -> Column {
    Column { title, unit: None, align: Align::Right, value, tables: EVERYWHERE }
}

/// The columns of a table of cells of this kind, from left to right.
pub fn of(facts: &KindFacts, table: Table) -> impl Iterator<Item = &'static Column> {
    facts.columns.iter().filter(move |column| column.tables.contains(&table))
}

impl Column {
    /// The title with the unit, for those who read numbers alone: `Avg. Wait [s]`.
    pub fn title_with_unit(&self) -> String {
        match self.unit {
            Some(unit) => format!("{} [{}]", self.title, unit.symbol()),
            None => self.title.to_owned(),
        }
    }

    /// The unit after a value: ` s`, or nothing.
    pub(crate) fn suffix(&self) -> String {
        self.unit.map(|unit| format!(" {}", unit.symbol())).unwrap_or_default()
    }
}

/// A row of the table of results: a cell with its figures, which are put together once.
pub(crate) struct Row<'a> {
    pub(crate) cell: &'a CellReport,
    workers_axis: &'a str,
    figures: Figures,
}

impl<'a> Row<'a> {
    /// The row of a cell of a report whose workers are this axis of its matrix.
    pub(crate) fn of(cell: &'a CellReport, workers_axis: &'a str) -> Self {
        Self { cell, workers_axis, figures: cell.figures() }
    }

    /// What a value is in words, without its unit; `None` where there is none. How observations are told is the
    /// renderer's own.
    pub(crate) fn text(&self, value: Value, observations: impl Fn(&CellReport) -> String) -> Option<String> {
        match value {
            Value::Run => Some(run(self.cell, self.workers_axis)),
            Value::Workers => self.cell.load.kind().workers().map(|workers| workers.to_string()),
            Value::Figure(name) => self.figures.get(name).map(str::to_owned),
            // To the millisecond.
            Value::InSeconds(name) => {
                self.figures.microseconds(name).map(|microseconds| seconds(microseconds, 3))
            }
            Value::Verdict => Some(format!("{:?}", self.cell.verdict)),
            Value::Observations => Some(observations(self.cell)),
        }
    }
}

/// The cell's number in the table, from 1, with the parameters that have no column of their own.
pub(crate) fn run(cell: &CellReport, workers_axis: &str) -> String {
    let others = cell.parameters.iter().filter(|parameter| parameter.name != workers_axis);
    let others: Vec<String> = others.map(ToString::to_string).collect();
    let number = cell.cell + 1;
    if others.is_empty() { number.to_string() } else { format!("{number} ({})", others.join(", ")) }
}

/// A column of the table of repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepeatColumn {
    /// Its title.
    pub title: &'static str,
    /// On which side its texts stand.
    pub align: Align,
    /// What it shows of a combination.
    pub value: RepeatValue,
}

/// What a column shows of a combination of parameters, over its repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatValue {
    /// The parameters.
    Parameters,
    /// How many repeats there are.
    Count,
    /// The figure of this name.
    Figure(&'static str),
}

/// A column with a figure of the repeats.
pub(crate) const fn of_repeat(title: &'static str, name: &'static str) -> RepeatColumn {
    RepeatColumn { title, align: Align::Right, value: RepeatValue::Figure(name) }
}

impl RepeatColumn {
    /// What the column shows of this combination.
    pub fn text(&self, facts: &KindFacts, repeats: &RepeatedCells) -> String {
        let text = match self.value {
            RepeatValue::Parameters => {
                let parameters: Vec<String> = repeats.parameters.iter().map(ToString::to_string).collect();
                Some(parameters.join(", ")).filter(|text| !text.is_empty())
            }
            RepeatValue::Count => Some(repeats.cells.len().to_string()),
            RepeatValue::Figure(name) => of_repeats(facts, repeats).get(name).map(str::to_owned),
        };
        or_dash(text)
    }
}
