//! Criteria: checked when the plan is made, judged when a cell's figures are complete.

pub mod repeated;

use std::cmp::Ordering;
use std::collections::BTreeSet;

use throughput_crds::Criterion;
use throughput_model::decimal;
use throughput_model::figures::TaskFigures;
use throughput_model::histogram::LatencySummary;
use throughput_model::observation::{Shortfall, SourceSummary, figure};
use throughput_model::percentile::Distribution;

use crate::plan::rejection::Rejection;
use crate::report::{StartReport, WorkReport};

/// A criterion whose metric exists and whose bound is a decimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedCriterion {
    subject: Subject,
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

/// A figure that a criterion can be about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    /// One that every cell has.
    Own(Metric),
    /// One of a source, by its full name.
    Observed(String),
}

/// A figure that every cell has.
#[derive(Clone, Copy, Debug)]
struct Metric {
    name: &'static str,
    value: fn(&Figures<'_>) -> Option<String>,
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Metric {}

impl Subject {
    fn name(&self) -> &str {
        match self {
            Self::Own(metric) => metric.name,
            Self::Observed(name) => name,
        }
    }

    fn value(&self, figures: &Figures<'_>) -> Option<String> {
        match self {
            Self::Own(metric) => (metric.value)(figures),
            Self::Observed(name) => figure(figures.sources, name).and_then(decimal::of_float),
        }
    }

    /// What the figure's source could not see of it.
    fn shortfall<'a>(&self, figures: &Figures<'a>) -> Option<&'a Shortfall> {
        match self {
            Self::Own(_) => None,
            Self::Observed(name) => figures.sources.iter().find_map(|summary| summary.shortfall_of(name)),
        }
    }
}

/// The figures of a cell, as far as criteria know them.
#[derive(Clone, Copy, Debug)]
pub struct Figures<'a> {
    /// The tasks' figures.
    pub tasks: &'a TaskFigures,
    /// Requests that were sent; `None` when no generator delivered.
    pub requests_sent: Option<u64>,
    /// Requests that failed.
    pub requests_failed: Option<u64>,
    /// The latency of requests that succeeded.
    pub request_latency: Option<LatencySummary>,
    /// How well several generators started together.
    pub start: Option<StartReport>,
    /// How much the generators used of themselves.
    pub own_work: Option<WorkReport>,
    /// What the sources saw.
    pub sources: &'a [SourceSummary],
}

/// How a criterion stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The figure is within the bound.
    Met,
    /// It is not, in a sentence.
    NotMet(String),
    /// There is no figure to judge, in a sentence.
    NoFigure(String),
}

/// What several criteria come to: one that is not met weighs more than one that cannot be judged.
impl FromIterator<Judgement> for Judgement {
    fn from_iter<I: IntoIterator<Item = Self>>(judgements: I) -> Self {
        let (mut not_met, mut no_figure) = (Vec::new(), Vec::new());
        for judgement in judgements {
            match judgement {
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

/// A criterion on a figure that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no figure {metric:?} to judge; there are: {known}")]
pub struct UnknownMetric {
    metric: String,
    known: String,
}

impl UnknownMetric {
    /// With the figures that there are: all that every cell has, and of the sources those which begin alike.
    fn new(metric: &str, observed: &BTreeSet<String>) -> Self {
        let source = metric.split('.').next().unwrap_or_default();
        let of_source: Vec<&str> = observed
            .iter()
            .map(String::as_str)
            .filter(|name| name.split('.').next() == Some(source))
            .collect();
        let known = if of_source.is_empty() {
            let own = METRICS.iter().map(|metric| metric.name).collect::<Vec<_>>().join(", ");
            let repeated = repeated::names().join(", ");
            format!("{own}; {repeated}; and those of the sources that observe names")
        } else {
            of_source.join(", ")
        };
        Self { metric: metric.to_owned(), known }
    }
}

/// A figure for each of these members of a summary of durations.
macro_rules! durations {
    ($name:literal, $figure:ident, [$(($statistic:literal, $member:ident)),+ $(,)?]) => {
        [$(Metric {
            name: concat!($name, ".", $statistic, "Milliseconds"),
            value: |figures| $figure(figures, |summary| summary.$member),
        }),+]
    };
}

/// The same for all five members, of the tasks' durations.
macro_rules! task_durations {
    ($name:literal, $field:ident) => {{
        fn figure(figures: &Figures<'_>, microseconds: fn(Distribution) -> u64) -> Option<String> {
            milliseconds(microseconds(figures.tasks.$field?))
        }
        durations!(
            $name,
            figure,
            [
                ("mean", mean_microseconds),
                ("p50", p50_microseconds),
                ("p95", p95_microseconds),
                ("p99", p99_microseconds),
                ("max", max_microseconds),
            ]
        )
    }};
}

const WAIT: [Metric; 5] = task_durations!("tasks.wait", wait);
const UNBLOCKED_WAIT: [Metric; 5] = task_durations!("tasks.unblockedWait", unblocked_wait);
const SERVICE: [Metric; 5] = task_durations!("tasks.service", service);
const TOTAL: [Metric; 5] = task_durations!("tasks.total", total);
const REQUEST_LATENCY: [Metric; 4] = durations!(
    "requests.latency",
    latency,
    [
        ("mean", mean_microseconds),
        ("p50", p50_microseconds),
        ("p95", p95_microseconds),
        ("p99", p99_microseconds),
    ]
);

/// All figures that criteria can be about.
const METRICS: [Metric; 40] = {
    let plain = [
        Metric { name: "tasks.submitted", value: |figures| Some(figures.tasks.submitted.to_string()) },
        Metric { name: "tasks.completed", value: |figures| Some(figures.tasks.completed.to_string()) },
        Metric { name: "tasks.failed", value: |figures| Some(figures.tasks.failed.to_string()) },
        Metric { name: "tasks.canceled", value: |figures| Some(figures.tasks.canceled.to_string()) },
        Metric { name: "tasks.perSecond", value: |figures| figures.tasks.tasks_per_second.clone() },
        Metric {
            name: "tasks.dispatchedPerSecond",
            value: |figures| figures.tasks.dispatched_per_second.clone(),
        },
        Metric { name: "tasks.successRatio", value: |figures| figures.tasks.success_ratio.clone() },
        Metric { name: "requests.sent", value: |figures| figures.requests_sent.map(|n| n.to_string()) },
        Metric { name: "requests.failed", value: |figures| figures.requests_failed.map(|n| n.to_string()) },
        Metric {
            name: "requests.start.maxUncertaintyMilliseconds",
            value: |figures| milliseconds(figures.start?.max_uncertainty_microseconds),
        },
        Metric {
            name: "requests.start.maxLatenessMilliseconds",
            value: |figures| milliseconds(figures.start?.max_lateness_microseconds),
        },
        Metric {
            name: "requests.ownWork.maxCpuPercent",
            value: |figures| percent(figures.own_work?.max_cpu_permille),
        },
        Metric {
            name: "requests.ownWork.maxThrottledPercent",
            value: |figures| percent(figures.own_work?.max_throttled_permille),
        },
        Metric {
            name: "requests.ownWork.maxLagPercent",
            value: |figures| percent(figures.own_work?.max_lag_permille),
        },
        Metric {
            name: "requests.ownWork.maxLagP99Milliseconds",
            value: |figures| milliseconds(figures.own_work?.max_lag_p99_microseconds),
        },
        Metric {
            name: "requests.ownWork.maxUnsent",
            value: |figures| Some(figures.own_work?.max_unsent.to_string()),
        },
    ];
    let mut all = [plain[0]; 40];
    let groups: [&[Metric]; 6] = [&plain, &REQUEST_LATENCY, &WAIT, &UNBLOCKED_WAIT, &SERVICE, &TOTAL];
    let (mut group, mut next) = (0, 0);
    while group < groups.len() {
        let mut member = 0;
        while member < groups[group].len() {
            all[next] = groups[group][member];
            next += 1;
            member += 1;
        }
        group += 1;
    }
    all
};

fn milliseconds(microseconds: u64) -> Option<String> {
    decimal::ratio(microseconds.into(), 1_000, 3)
}

fn percent(permille: u64) -> Option<String> {
    decimal::ratio(permille.into(), 10, 1)
}

fn latency(figures: &Figures<'_>, microseconds: fn(LatencySummary) -> u64) -> Option<String> {
    let summary = figures.request_latency.filter(|summary| summary.count > 0)?;
    milliseconds(microseconds(summary))
}

impl CheckedCriterion {
    /// Checks a criterion of a spec.
    pub fn new(criterion: &Criterion, observed: &BTreeSet<String>) -> Result<Self, Rejection> {
        let metric = &criterion.metric;
        let subject = match METRICS.iter().find(|known| known.name == metric) {
            Some(known) => Subject::Own(*known),
            None if observed.contains(metric) => Subject::Observed(metric.clone()),
            None => return Err(UnknownMetric::new(metric, observed).into()),
        };
        Ok(Self { subject, bound: Bound::of(criterion)? })
    }

    /// Judges a cell's figures.
    pub fn judge(&self, figures: &Figures<'_>) -> Judgement {
        let Self { subject, bound } = self;
        let (name, shortfall) = (subject.name(), subject.shortfall(figures));
        let Some(value) = subject.value(figures) else {
            let why = shortfall.map(|shortfall| format!(": {}", shortfall.message)).unwrap_or_default();
            return Judgement::NoFigure(format!("the criterion on {name} has no figure to judge{why}"));
        };
        match (bound.passed_by(name, &value), shortfall) {
            (Some(words), _) => Judgement::NotMet(words),
            // What was not seen may have been beyond the bound.
            (None, Some(shortfall)) => Judgement::NoFigure(format!(
                "the criterion on {name} cannot be judged, since its source did not see all of it: {}",
                shortfall.message
            )),
            (None, None) => Judgement::Met,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use jiff::Timestamp;

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
            &BTreeSet::from(["rds.cpuPercent.max".to_owned()]),
        )
    }

    fn judged(criterion: &CheckedCriterion, ratio: Option<&str>) -> Judgement {
        let mut tasks = TaskFigures::of(&[]);
        tasks.success_ratio = ratio.map(str::to_owned);
        criterion.judge(&figures(&tasks, &[]))
    }

    fn figures<'a>(tasks: &'a TaskFigures, sources: &'a [SourceSummary]) -> Figures<'a> {
        Figures {
            tasks,
            requests_sent: None,
            requests_failed: None,
            request_latency: None,
            start: None,
            own_work: None,
            sources,
        }
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
        let tasks = TaskFigures::of(&[]);
        let judged = |cpu, shortfall| criterion.judge(&figures(&tasks, &[rds(cpu, shortfall)]));
        let (none, of_it) = (None, Some(["cpuPercent"].as_slice()));
        assert_eq!(judged(Some(89.5), none), Judgement::Met);
        // What is missing of another metric does not matter to this one.
        assert_eq!(judged(Some(89.5), Some(&["readIops"])), Judgement::Met);
        let beyond = Judgement::NotMet("rds.cpuPercent.max is 93.25, at most 90 is wanted".to_owned());
        assert_eq!(judged(Some(93.25), none), beyond);
        // Beyond the bound is beyond the bound, whatever else there was.
        assert_eq!(judged(Some(93.25), of_it), beyond);
        for unknown in [judged(Some(89.5), of_it), judged(None, of_it)] {
            let Judgement::NoFigure(words) = unknown else { panic!("{unknown:?}") };
            assert!(words.ends_with(": the last minute is missing"), "{words}");
        }
        assert!(matches!(judged(None, none), Judgement::NoFigure(_)));
    }

    #[test]
    fn every_figure_of_the_generators_can_be_judged() {
        let tasks = TaskFigures::of(&[]);
        let start = StartReport { max_uncertainty_microseconds: 980, max_lateness_microseconds: 19_550 };
        let own_work = WorkReport {
            max_cpu_permille: 123,
            max_throttled_permille: 1,
            max_lag_permille: 45,
            max_lag_p99_microseconds: 2_500,
            max_unsent: 7,
        };
        let figures = Figures { start: Some(start), own_work: Some(own_work), ..figures(&tasks, &[]) };
        for (metric, value) in [
            ("requests.start.maxUncertaintyMilliseconds", "0.980"),
            ("requests.start.maxLatenessMilliseconds", "19.550"),
            ("requests.ownWork.maxCpuPercent", "12.3"),
            ("requests.ownWork.maxThrottledPercent", "0.1"),
            ("requests.ownWork.maxLagPercent", "4.5"),
            ("requests.ownWork.maxLagP99Milliseconds", "2.500"),
            ("requests.ownWork.maxUnsent", "7"),
        ] {
            let at_least = criterion(metric, Some("1000000"), None).unwrap();
            let words = format!("{metric} is {value}, at least 1000000 is wanted");
            assert_eq!(at_least.judge(&figures), Judgement::NotMet(words));
        }
    }

    #[test]
    fn a_bound_is_met_by_its_own_value() {
        let at_least = criterion("tasks.successRatio", Some("0.99"), None).unwrap();
        assert_eq!(judged(&at_least, Some("0.9900")), Judgement::Met);
        let at_most = criterion("tasks.successRatio", None, Some("0.99")).unwrap();
        assert_eq!(judged(&at_most, Some("0.9900")), Judgement::Met);
    }

    #[test]
    fn a_figure_outside_of_the_bound_is_quoted_with_it() {
        let criterion = criterion("tasks.successRatio", Some("0.99"), None).unwrap();
        assert_eq!(
            judged(&criterion, Some("0.9899")),
            Judgement::NotMet("tasks.successRatio is 0.9899, at least 0.99 is wanted".to_owned())
        );
    }

    #[test]
    fn a_missing_figure_is_no_failure_of_the_target() {
        let criterion = criterion("tasks.successRatio", Some("0.99"), None).unwrap();
        assert!(matches!(judged(&criterion, None), Judgement::NoFigure(_)));
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

    #[test]
    fn no_metric_stands_twice() {
        for (position, metric) in METRICS.iter().enumerate() {
            assert!(METRICS[position + 1..].iter().all(|other| other.name != metric.name), "{}", metric.name);
        }
    }
}
