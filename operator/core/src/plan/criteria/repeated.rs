//! Criteria on what the repeats of each combination came to, judged when all cells have ended. Pure.

use throughput_crds::{CellParameter, Criterion, RepeatedCells};
use throughput_report::kind_facts::KindFacts;

use super::{Bound, CriteriaOutcome};
use crate::plan::matrix::Cell;
use crate::plan::rejection::Rejection;

/// A criterion on a figure of the repeats, which every combination has to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatCriterion {
    metric: &'static str,
    bound: Bound,
}

impl RepeatCriterion {
    /// Checks a criterion of a spec whose matrix is measured so many times; `None` for one that is not on repeats.
    ///
    /// # Errors
    /// What is measured once has no repeats; and it needs a bound as every criterion does.
    pub fn new(criterion: &Criterion, repeat: u32, facts: &KindFacts) -> Option<Result<Self, Rejection>> {
        let metric = facts.repeats.iter().find(|known| known.name == criterion.metric)?.name;
        Some(if repeat < 2 {
            Err(Rejection::NoRepeats(criterion.metric.clone()))
        } else {
            Bound::of(criterion).map(|bound| Self { metric, bound })
        })
    }

    /// Judges one combination by its repeats' figures; without a figure from each of them it cannot be judged.
    fn judge(
        &self,
        facts: &KindFacts,
        parameters: &[CellParameter],
        repeat: usize,
        of: Option<&RepeatedCells>,
    ) -> CriteriaOutcome {
        let Self { metric: name, bound } = self;
        let named: Vec<String> = parameters.iter().map(ToString::to_string).collect();
        let place = if named.is_empty() { String::new() } else { format!(" with {}", named.join(" ")) };
        let figures =
            of.filter(|of| of.cells.len() == repeat).map(|of| facts.figures_of(of)).unwrap_or_default();
        let Some(value) = figures.get(name) else {
            return CriteriaOutcome::NoFigure(format!(
                "the criterion on {name} cannot be judged{place}, since not all of the {repeat} repeats have a figure to trust"
            ));
        };
        bound
            .passed_by(&format!("{name}{place}"), value)
            .map_or(CriteriaOutcome::Met, CriteriaOutcome::NotMet)
    }
}

/// Judges every combination of a plan's cells by what the repeats came to.
pub fn judge(
    criteria: &[RepeatCriterion],
    facts: &KindFacts,
    cells: &[Cell],
    repeats: &[RepeatedCells],
) -> CriteriaOutcome {
    let repeat = cells.iter().map(|cell| cell.repeat).max().unwrap_or(1) as usize;
    let combinations = cells.iter().filter(|cell| cell.repeat == 1).map(crate::plan::matrix::parameters);
    combinations
        .flat_map(|parameters| {
            let of = repeats.iter().find(|repeats| repeats.parameters == parameters);
            criteria.iter().map(move |criterion| criterion.judge(facts, &parameters, repeat, of))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use throughput_crds::TasksPerSecondSpread;
    use throughput_report::kinds::pulp_tasks::FACTS;

    use super::*;

    fn criterion(metric: &str, at_most: &str, repeat: u32) -> Option<Result<RepeatCriterion, Rejection>> {
        let at_most = Some(at_most.to_owned());
        RepeatCriterion::new(
            &Criterion { metric: metric.to_owned(), at_least: None, at_most },
            repeat,
            &FACTS,
        )
    }

    fn cells() -> Vec<Cell> {
        let cell = |repeat, workers: &str| Cell {
            index: 0,
            repeat,
            parameters: vec![("workers".to_owned(), workers.to_owned())],
            replicas: [].into(),
            concurrency: 1,
            generators: 1,
            target: 0,
        };
        vec![cell(1, "2"), cell(1, "4"), cell(2, "2"), cell(2, "4")]
    }

    fn repeats(workers: &str, cells: &[u32], spread_ratio: &str) -> RepeatedCells {
        let [median, min, max] = ["18.000", "17.000", "19.000"].map(str::to_owned);
        RepeatedCells {
            parameters: vec![CellParameter { name: "workers".to_owned(), value: workers.to_owned() }],
            cells: cells.to_vec(),
            tasks_per_second: TasksPerSecondSpread {
                median,
                min,
                max,
                spread_ratio: spread_ratio.to_owned(),
            },
        }
    }

    #[test]
    fn every_combination_is_judged() {
        let spread = criterion("repeats.tasksPerSecond.spreadRatio", "0.1", 2).unwrap().unwrap();
        let judged = |two, four| judge(std::slice::from_ref(&spread), &FACTS, &cells(), &[two, four]);
        assert_eq!(judged(repeats("2", &[0, 2], "0.1"), repeats("4", &[1, 3], "0.05")), CriteriaOutcome::Met);
        assert_eq!(
            judged(repeats("2", &[0, 2], "0.1"), repeats("4", &[1, 3], "0.111")),
            CriteriaOutcome::NotMet(
                "repeats.tasksPerSecond.spreadRatio with workers 4 is 0.111, at most 0.1 is wanted"
                    .to_owned()
            )
        );
    }

    #[test]
    fn each_figure_of_the_repeats_can_be_judged() {
        let names = FACTS.repeats.iter().map(|figure| figure.name);
        for (name, value) in names.zip(["18.000", "17.000", "19.000", "0.111"]) {
            let criterion = criterion(name, "0", 2).unwrap().unwrap();
            let of = repeats("2", &[0, 2], "0.111");
            let CriteriaOutcome::NotMet(words) = criterion.judge(&FACTS, &of.parameters, 2, Some(&of)) else {
                panic!("{name}")
            };
            assert_eq!(words, format!("{name} with workers 2 is {value}, at most 0 is wanted"));
        }
    }

    #[test]
    fn fewer_figures_than_repeats_cannot_be_judged() {
        let spread = criterion("repeats.tasksPerSecond.spreadRatio", "0.1", 2).unwrap().unwrap();
        let judged = judge(&[spread], &FACTS, &cells(), &[repeats("2", &[0, 2], "0.1")]);
        let words = "the criterion on repeats.tasksPerSecond.spreadRatio cannot be judged with workers 4, since not all \
            of the 2 repeats have a figure to trust";
        assert_eq!(judged, CriteriaOutcome::NoFigure(words.to_owned()));
    }

    #[test]
    fn what_is_measured_once_has_no_repeats_to_judge() {
        let rejection = criterion("repeats.tasksPerSecond.median", "1", 1).unwrap().unwrap_err();
        assert_eq!(rejection.reason(), "NoRepeats");
        assert!(criterion("tasks.perSecond", "1", 2).is_none());
    }
}
