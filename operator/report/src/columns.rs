//! The columns of the table of results.

use crate::data::CellReport;

/// The cell's workers as the table shows them.
pub(crate) fn workers(cell: &CellReport) -> String {
    cell.workers.to_string()
}

/// The cell's number in the table, from 1, with the parameters that have no column of their own.
pub(crate) fn run(cell: &CellReport, workers_axis: &str) -> String {
    let others = cell.parameters.iter().filter(|parameter| parameter.name != workers_axis);
    let others: Vec<String> = others.map(ToString::to_string).collect();
    let number = cell.cell + 1;
    if others.is_empty() { number.to_string() } else { format!("{number} ({})", others.join(", ")) }
}

/// What the table shows where there is no figure.
pub(crate) const NO_FIGURE: &str = "-";

pub(crate) fn average_wait_seconds(cell: &CellReport) -> Option<String> {
    cell.tasks.wait.map(|wait| throughput_model::decimal::seconds(wait.mean_microseconds, 3))
}
