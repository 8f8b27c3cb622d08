//! What is the same for all cells of a kind of load: its figures, and the columns and drawings that show them.

use throughput_crds::{RepeatedCells, TasksPerSecondSpread};

use crate::columns::{Column, RepeatColumn, Table};
use crate::figures::{Figure, Figures};
use crate::unit::Unit;

/// What is the same for all cells of a kind of load.
#[derive(Debug)]
pub struct KindFacts {
    /// All figures of a cell, in the order in which they are listed for people.
    pub figures: &'static [Figure],
    /// The figure that a cell is known by: the best cell has the best of it, and repeats are compared by it.
    pub headline: Figure,
    /// The headline's unit in words, as it stands after a number: `tasks per second`.
    pub headline_words: &'static str,
    /// What the headline figures of a combination's repeats come to: their median, the smallest, the largest, and how far
    /// these two are apart as a ratio of the median.
    pub repeats: [Figure; 4],
    /// The columns of the table of results, from left to right.
    pub columns: &'static [Column],
    /// The columns of the table of repeats, from left to right.
    pub repeat_columns: &'static [RepeatColumn],
    /// What is drawn against that which was varied.
    pub drawings: &'static [Drawing],
}

impl KindFacts {
    /// The columns of a table of cells, from left to right.
    pub fn columns_of(&self, table: Table) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().filter(move |column| column.tables.contains(&table))
    }

    /// The figures of a combination's repeats.
    pub fn figures_of(&self, repeats: &RepeatedCells) -> Figures {
        let TasksPerSecondSpread { median, min, max, spread_ratio } = &repeats.tasks_per_second;
        let mut figures = Figures::default();
        for (figure, value) in self.repeats.iter().zip([median, min, max, spread_ratio]) {
            figures.set(figure.name, Some(value.clone()));
        }
        figures
    }
}

/// A drawing of figures against what was varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// Its title.
    pub title: &'static str,
    /// The unit in which it is drawn. A drawing in seconds is of figures that are named in milliseconds.
    pub unit: Unit,
    /// The figures, the most telling first: where several combinations are drawn, it is the only one.
    pub figures: &'static [DrawnFigure],
}

/// A figure that is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawnFigure {
    /// What tells it from the others of its drawing; empty where it is the only one.
    pub label: &'static str,
    /// Its name.
    pub name: &'static str,
}
