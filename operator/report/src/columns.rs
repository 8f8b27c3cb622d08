//! The columns of the table of results, and those of the table of repeats: one list of each for a kind of load.
//!
//! Markdown, CSV and the page render the columns that stand in them; what differs between them is told here, as a column's
//! [`Column::tables`] and [`Column::unit`], or is a renderer's own way to write a [`Value`].

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
