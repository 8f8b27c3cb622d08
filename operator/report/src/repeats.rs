//! What the repeats of a combination of parameters say together. Pure.

use throughput_crds::{CellOutcome, CellParameter, RepeatedCells, TasksPerSecondSpread, Verdict};
use throughput_model::decimal;

use crate::figures::Better;

/// Whether a cell's figure can stand beside others. One that was not followed to its end has a figure too, but of another
/// load.
pub fn is_trusted(outcome: CellOutcome, verdict: Verdict) -> bool {
    outcome == CellOutcome::Completed && verdict != Verdict::Invalid
}

/// A cell with a figure that is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured<'a> {
    /// The position in the matrix.
    pub cell: u32,
    /// The cell's parameters.
    pub parameters: &'a [CellParameter],
    /// The figure that it is known by, a decimal.
    pub figure: String,
}

impl<'a> Measured<'a> {
    /// A cell that ended so with this figure; `None` where it has none, or none that is trusted.
    pub fn trusted(
        cell: u32,
        parameters: &'a [CellParameter],
        (outcome, verdict): (CellOutcome, Verdict),
        figure: Option<String>,
    ) -> Option<Self> {
        let figure = figure.filter(|_| is_trusted(outcome, verdict))?;
        Some(Self { cell, parameters, figure })
    }
}

/// The cells of each combination, the worst first; the combinations in the order of their first cells.
pub fn by_combination<'a>(
    cells: impl IntoIterator<Item = Measured<'a>>,
    better: Better,
) -> Vec<Vec<Measured<'a>>> {
    let mut combinations: Vec<Vec<Measured<'a>>> = Vec::new();
    for cell in cells {
        match combinations.iter_mut().find(|repeats| repeats[0].parameters == cell.parameters) {
            Some(repeats) => repeats.push(cell),
            None => combinations.push(vec![cell]),
        }
    }
    for repeats in &mut combinations {
        repeats.sort_by(|one, other| better.compare(&one.figure, &other.figure));
    }
    combinations
}

/// The best combination's cell in the middle of its repeats: one that was measured, and not the luckiest.
pub fn best<'a>(combinations: &[Vec<Measured<'a>>], better: Better) -> Option<Measured<'a>> {
    let middles = combinations.iter().filter_map(|repeats| repeats.get(repeats.len().checked_sub(1)? / 2));
    middles.max_by(|one, other| better.compare(&one.figure, &other.figure)).cloned()
}

/// The spread of each combination that was measured more than once.
pub fn spreads(combinations: &[Vec<Measured<'_>>], better: Better) -> Vec<RepeatedCells> {
    let repeated = combinations.iter().filter(|repeats| repeats.len() > 1);
    repeated.filter_map(|repeats| spread(repeats, better)).collect()
}

/// How many decimals the figures, the median and the ratio have.
const DECIMALS: u32 = 3;

fn spread(repeats: &[Measured<'_>], better: Better) -> Option<RepeatedCells> {
    let thousandths = |measured: &Measured<'_>| {
        let (digits, decimals) = decimal::parse(&measured.figure)?;
        Some(digits * 10_u128.pow(DECIMALS.checked_sub(decimals)?))
    };
    let (first, last) = (repeats.first()?, repeats.last()?);
    // From worst to best, which is from small to large only where more is better.
    let (min, max) = match better {
        Better::Higher | Better::Neither => (first, last),
        Better::Lower => (last, first),
    };
    let (lower, upper) = (&repeats[(repeats.len() - 1) / 2], &repeats[repeats.len() / 2]);
    let twice_the_median = thousandths(lower)? + thousandths(upper)?;
    let difference = thousandths(max)? - thousandths(min)?;
    let mut cells: Vec<u32> = repeats.iter().map(|measured| measured.cell).collect();
    cells.sort_unstable();
    Some(RepeatedCells {
        parameters: min.parameters.to_vec(),
        cells,
        tasks_per_second: TasksPerSecondSpread {
            median: decimal::ratio(twice_the_median, 2 * 10_u128.pow(DECIMALS), DECIMALS)?,
            min: min.figure.clone(),
            max: max.figure.clone(),
            spread_ratio: decimal::ratio(2 * difference, twice_the_median, DECIMALS)?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(workers: &str) -> Vec<CellParameter> {
        vec![CellParameter { name: "workers".to_owned(), value: workers.to_owned() }]
    }

    fn measured<'a>(cell: u32, parameters: &'a [CellParameter], figure: &str) -> Measured<'a> {
        Measured { cell, parameters, figure: figure.to_owned() }
    }

    #[test]
    fn an_odd_number_of_repeats_has_its_middle_as_median() {
        let two = parameters("2");
        let cell = |cell, figure| measured(cell, &two, figure);
        let spreads = spreads(
            &by_combination([cell(0, "18.400"), cell(2, "9.900"), cell(4, "18.000")], Better::Higher),
            Better::Higher,
        );
        assert_eq!(
            spreads,
            [RepeatedCells {
                parameters: two.clone(),
                cells: vec![0, 2, 4],
                tasks_per_second: TasksPerSecondSpread {
                    median: "18.000".to_owned(),
                    min: "9.900".to_owned(),
                    max: "18.400".to_owned(),
                    spread_ratio: "0.472".to_owned(),
                },
            }]
        );
    }

    #[test]
    fn between_two_repeats_lies_their_mean() {
        let two = parameters("2");
        let cell = |cell, figure| measured(cell, &two, figure);
        let spreads =
            spreads(&by_combination([cell(0, "2.001"), cell(1, "1.000")], Better::Higher), Better::Higher);
        assert_eq!(spreads[0].tasks_per_second.median, "1.501");
    }

    #[test]
    fn a_combination_that_was_measured_once_has_no_spread() {
        let (two, four) = (parameters("2"), parameters("4"));
        let cells = [measured(0, &two, "1"), measured(1, &four, "2")];
        assert_eq!(spreads(&by_combination(cells, Better::Higher), Better::Higher), []);
    }

    #[test]
    fn a_lucky_repeat_does_not_make_its_combination_the_best() {
        let (two, four) = (parameters("2"), parameters("4"));
        let cells = [
            measured(0, &two, "10"),
            measured(1, &four, "12"),
            measured(2, &two, "30"),
            measured(3, &four, "13"),
            measured(4, &two, "11"),
            measured(5, &four, "14"),
        ];
        assert_eq!(
            best(&by_combination(cells, Better::Higher), Better::Higher).map(|measured| measured.cell),
            Some(3)
        );
    }
}
