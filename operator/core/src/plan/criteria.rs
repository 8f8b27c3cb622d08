//! Criteria: checked when the plan is made, judged when a cell's figures are complete.

pub mod repeated;

use std::cmp::Ordering;
use std::collections::BTreeSet;

use throughput_crds::Criterion;
use throughput_model::decimal;
use throughput_model::source_report::SourceSummary;
use throughput_report::figures::{Figure, Figures};
use throughput_report::kind_facts::KindFacts;

use crate::plan::rejection::{Rejection, UnknownMetric};

/// A criterion whose metric exists and whose bound is a decimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedCriterion {
    metric: String,
    bound: Bound,
}

/// What a figure has to reach, or not to exceed: a decimal.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Bound {
    AtLeast(String),
    AtMost(String),
}

impl Bound {
    fn of(criterion: &Criterion) -> Result<Self, Rejection> {
        let Criterion { metric, at_least, at_most } = criterion;
        match (at_least, at_most) {
            (Some(bound), None) if decimal::parse(bound).is_some() => Ok(Self::AtLeast(bound.clone())),
            (None, Some(bound)) if decimal::parse(bound).is_some() => Ok(Self::AtMost(bound.clone())),
            _ => Err(Rejection::CriterionBound(metric.clone())),
        }
    }

    /// `None` for a figure within the bound, else both in a sentence.
    fn passed_by(&self, name: &str, value: &str) -> Option<String> {
        let (within, bound, words) = match self {
            Self::AtLeast(bound) => (Ordering::is_ge as fn(Ordering) -> bool, bound, "at least"),
            Self::AtMost(bound) => (Ordering::is_le as fn(Ordering) -> bool, bound, "at most"),
        };
        let met = decimal::compare(value, bound).is_some_and(within);
        (!met).then(|| format!("{name} is {value}, {words} {bound} is wanted"))
    }
}

/// What a criterion came to, or several together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CriteriaOutcome {
    /// The figure is within the bound.
    Met,
    /// It is not, in a sentence.
    NotMet(String),
    /// There is no figure to judge, in a sentence.
    NoFigure(String),
}

/// What several criteria come to: one that is not met weighs more than one that cannot be judged.
impl FromIterator<CriteriaOutcome> for CriteriaOutcome {
    fn from_iter<I: IntoIterator<Item = Self>>(outcomes: I) -> Self {
        let (mut not_met, mut no_figure) = (Vec::new(), Vec::new());
        for outcome in outcomes {
            match outcome {
                Self::Met => {}
                Self::NotMet(words) => not_met.push(words),
                Self::NoFigure(words) => no_figure.push(words),
            }
        }
        match (not_met.is_empty(), no_figure.is_empty()) {
            (false, _) => Self::NotMet(not_met.join("; ")),
            (true, false) => Self::NoFigure(no_figure.join("; ")),
            (true, true) => Self::Met,
        }
    }
}

impl UnknownMetric {
    /// With the figures that there are: all that every cell has, and of the sources those which begin alike.
    fn new(metric: &str, facts: &KindFacts, observed: &BTreeSet<String>) -> Self {
        let source = metric.split('.').next().unwrap_or_default();
        let of_source: Vec<&str> = observed
            .iter()
            .map(String::as_str)
            .filter(|name| name.split('.').next() == Some(source))
            .collect();
        let known = if of_source.is_empty() {
            let names =
                |figures: &[Figure]| figures.iter().map(|figure| figure.name).collect::<Vec<_>>().join(", ");
            format!(
                "{}; {}; and those of the sources that observe names",
                names(facts.figures),
                names(&facts.repeats)
            )
        } else {
            of_source.join(", ")
        };
        Self { metric: metric.to_owned(), known }
    }
}

impl CheckedCriterion {
    /// Checks a criterion of a spec, on figures of this kind of load or of sources that have these.
    pub fn new(
        criterion: &Criterion,
        facts: &KindFacts,
        observed: &BTreeSet<String>,
    ) -> Result<Self, Rejection> {
        let metric = &criterion.metric;
        if !facts.figures.iter().any(|figure| figure.name == metric) && !observed.contains(metric) {
            return Err(UnknownMetric::new(metric, facts, observed).into());
        }
        Ok(Self { metric: metric.clone(), bound: Bound::of(criterion)? })
    }

    /// Judges a cell's figures, of which those of these sources may be incomplete.
    pub fn judge(&self, figures: &Figures, sources: &[SourceSummary]) -> CriteriaOutcome {
        let Self { metric: name, bound } = self;
        let shortfall = sources.iter().find_map(|summary| summary.shortfall_of(name));
        let Some(value) = figures.get(name) else {
            let why = shortfall.map(|shortfall| format!(": {}", shortfall.message)).unwrap_or_default();
            return CriteriaOutcome::NoFigure(format!("the criterion on {name} has no figure to judge{why}"));
        };
        match (bound.passed_by(name, value), shortfall) {
            (Some(words), _) => CriteriaOutcome::NotMet(words),
            // What was not seen may have been beyond the bound.
            (None, Some(shortfall)) => CriteriaOutcome::NoFigure(format!(
                "the criterion on {name} cannot be judged, since its source did not see all of it: {}",
                shortfall.message
            )),
            (None, None) => CriteriaOutcome::Met,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use throughput_model::figures::TaskFigures;
    use throughput_model::source_report::Shortfall;
    use throughput_report::kinds::pulp_tasks::FACTS;
    use throughput_report::kinds::pulp_tasks::figures::figures;

    use super::*;

    fn criterion(
        metric: &str,
        at_least: Option<&str>,
        at_most: Option<&str>,
    ) -> Result<CheckedCriterion, Rejection> {
        CheckedCriterion::new(
            &Criterion {
                metric: metric.to_owned(),
                at_least: at_least.map(str::to_owned),
                at_most: at_most.map(str::to_owned),
            },
            &FACTS,
            &BTreeSet::from(["rds.cpuPercent.max".to_owned()]),
        )
    }

    fn judged(criterion: &CheckedCriterion, ratio: Option<&str>) -> CriteriaOutcome {
        let mut tasks = TaskFigures::of(&[]);
        tasks.success_ratio = ratio.map(str::to_owned);
        criterion.judge(&figures(&tasks, None, None), &[])
    }

    fn rds(cpu: Option<f64>, shortfall: Option<&[&str]>) -> SourceSummary {
        let missing = Shortfall {
            reason: "MetricsIncomplete".to_owned(),
            message: "the last minute is missing".to_owned(),
            metrics: shortfall.map(|metrics| metrics.iter().map(|metric| (*metric).to_owned()).collect()),
            count: 1,
            first_at: Timestamp::UNIX_EPOCH,
            last_at: Timestamp::UNIX_EPOCH,
        };
        SourceSummary {
            source: "rds".to_owned(),
            shortfalls: if shortfall.is_some() { vec![missing] } else { Vec::new() },
            figures: cpu.map(|cpu| ("rds.cpuPercent.max".to_owned(), cpu)).into_iter().collect(),
            facts: BTreeMap::new(),
        }
    }

    #[test]
    fn the_figures_of_sources_are_judged_only_when_nothing_of_them_is_missing() {
        let criterion = criterion("rds.cpuPercent.max", None, Some("90")).unwrap();
        let judged = |cpu, shortfall| {
            let sources = [rds(cpu, shortfall)];
            criterion.judge(&Figures::default().with_sources(&sources), &sources)
        };
        let (none, of_it) = (None, Some(["cpuPercent"].as_slice()));
        assert_eq!(judged(Some(89.5), none), CriteriaOutcome::Met);
        // What is missing of another metric does not matter to this one.
        assert_eq!(judged(Some(89.5), Some(&["readIops"])), CriteriaOutcome::Met);
        let beyond = CriteriaOutcome::NotMet("rds.cpuPercent.max is 93.25, at most 90 is wanted".to_owned());
        assert_eq!(judged(Some(93.25), none), beyond);
        // Beyond the bound is beyond the bound, whatever else there was.
        assert_eq!(judged(Some(93.25), of_it), beyond);
        for unknown in [judged(Some(89.5), of_it), judged(None, of_it)] {
            let CriteriaOutcome::NoFigure(words) = unknown else { panic!("{unknown:?}") };
            assert!(words.ends_with(": the last minute is missing"), "{words}");
        }
        assert!(matches!(judged(None, none), CriteriaOutcome::NoFigure(_)));
    }

    #[test]
    fn every_figure_of_the_table_can_be_judged() {
        for figure in FACTS.figures {
            assert!(criterion(figure.name, Some("1"), None).is_ok(), "{}", figure.name);
        }
    }

    #[test]
    fn a_bound_is_met_by_its_own_value() {
        let at_least = criterion("tasks.successRatio", Some("0.99"), None).unwrap();
        assert_eq!(judged(&at_least, Some("0.9900")), CriteriaOutcome::Met);
        let at_most = criterion("tasks.successRatio", None, Some("0.99")).unwrap();
        assert_eq!(judged(&at_most, Some("0.9900")), CriteriaOutcome::Met);
    }

    #[test]
    fn a_figure_outside_of_the_bound_is_quoted_with_it() {
        let criterion = criterion("tasks.successRatio", Some("0.99"), None).unwrap();
        assert_eq!(
            judged(&criterion, Some("0.9899")),
            CriteriaOutcome::NotMet("tasks.successRatio is 0.9899, at least 0.99 is wanted".to_owned())
        );
    }

    #[test]
    fn a_missing_figure_is_no_failure_of_the_target() {
        let criterion = criterion("tasks.successRatio", Some("0.99"), None).unwrap();
        assert!(matches!(judged(&criterion, None), CriteriaOutcome::NoFigure(_)));
    }

    #[test]
    fn an_unknown_metric_is_refused_with_the_known_ones() {
        let rejection = criterion("tasks.speed", Some("1"), None).unwrap_err();
        assert!(rejection.to_string().contains("tasks.perSecond"), "{rejection}");
        let rejection = criterion("rds.cpu", Some("1"), None).unwrap_err();
        assert!(rejection.to_string().ends_with("there are: rds.cpuPercent.max"), "{rejection}");
    }

    #[test]
    fn a_criterion_has_exactly_one_bound() {
        assert!(criterion("tasks.perSecond", None, None).is_err());
        assert!(criterion("tasks.perSecond", Some("1"), Some("2")).is_err());
        assert!(criterion("tasks.perSecond", Some("fast"), None).is_err());
    }
}
