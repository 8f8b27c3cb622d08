//! Which cell is the best: the one whose headline figure is, among those that are trusted. Pure.

use throughput_model::decimal;

use crate::data::{CellReport, TestReport};
use crate::repeats::is_trusted;

/// The cells by the figure that they are known by, the best last; those without a trusted one first.
pub fn worst_first(report: &TestReport) -> Vec<(u32, Option<String>)> {
    let better = report.facts().headline.better;
    let mut cells: Vec<_> = report.cells.iter().map(|cell| (cell.cell, trusted(cell))).collect();
    cells.sort_by(|(_, one), (_, other)| match (one, other) {
        (Some(one), Some(other)) => better.compare(one, other),
        (one, other) => one.is_some().cmp(&other.is_some()),
    });
    cells
}

/// The figure that the cell is known by, if it is trusted.
fn trusted(cell: &CellReport) -> Option<String> {
    // A report is read back from where people may change it: what is no decimal has no place in an order.
    let decimal = |figure: &String| decimal::parse(figure).is_some();
    cell.headline().filter(|_| is_trusted(cell.outcome, cell.verdict)).filter(decimal)
}

/// The cell with the best trusted figure.
pub fn best(report: &TestReport) -> Option<u32> {
    worst_first(report).pop().and_then(|(cell, figure)| figure.map(|_| cell))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn cells_are_ordered_by_the_figure_that_is_trusted() {
        let (report, _) = fixture::four_cells();
        let cells: Vec<u32> = worst_first(&report).into_iter().map(|(cell, _)| cell).collect();
        assert_eq!((cells, best(&report)), (vec![3, 0, 1, 2], Some(2)));
    }
}
