//! What the columns show: the rows of the table of results, and those of the table of repeats.

use throughput_crds::RepeatedCells;
use throughput_model::decimal::seconds;

use crate::columns::{RepeatColumn, RepeatValue, Value, or_dash};
use crate::data::CellReport;
use crate::figures::Figures;
use crate::kind_facts::KindFacts;

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

impl RepeatColumn {
    /// What the column shows of this combination.
    pub fn text(&self, facts: &KindFacts, repeats: &RepeatedCells) -> String {
        let text = match self.value {
            RepeatValue::Parameters => {
                let parameters: Vec<String> = repeats.parameters.iter().map(ToString::to_string).collect();
                Some(parameters.join(", ")).filter(|text| !text.is_empty())
            }
            RepeatValue::Count => Some(repeats.cells.len().to_string()),
            RepeatValue::Figure(name) => facts.figures_of(repeats).get(name).map(str::to_owned),
        };
        or_dash(text)
    }
}
