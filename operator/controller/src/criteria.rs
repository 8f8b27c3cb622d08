//! Criteria: checked when the plan is made, judged when a cell's figures are complete.

use std::cmp::Ordering;

use throughput_crds::Criterion;
use throughput_model::decimal;
use throughput_model::figures::TaskFigures;
use throughput_model::histogram::LatencySummary;
use throughput_model::percentile::Distribution;

use crate::rejection::Rejection;

/// A criterion whose metric exists and whose bound is a decimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedCriterion {
    metric: Metric,
    bound: Bound,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Bound {
    AtLeast(String),
    AtMost(String),
}

/// A figure that a criterion can be about.
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

/// A criterion on a figure that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no figure {0:?} to judge; there are: {known}", known = METRICS.map(|metric| metric.name).join(", "))]
pub struct UnknownMetric(String);

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
const METRICS: [Metric; 33] = {
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
    ];
    let mut all = [plain[0]; 33];
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

fn latency(figures: &Figures<'_>, microseconds: fn(LatencySummary) -> u64) -> Option<String> {
    let summary = figures.request_latency.filter(|summary| summary.count > 0)?;
    milliseconds(microseconds(summary))
}

impl CheckedCriterion {
    /// Checks a criterion of a spec.
    pub fn new(criterion: &Criterion) -> Result<Self, Rejection> {
        let Criterion { metric, at_least, at_most } = criterion;
        let known =
            METRICS.iter().find(|known| known.name == metric).ok_or_else(|| UnknownMetric(metric.clone()))?;
        let bound = match (at_least, at_most) {
            (Some(bound), None) if decimal::parse(bound).is_some() => Bound::AtLeast(bound.clone()),
            (None, Some(bound)) if decimal::parse(bound).is_some() => Bound::AtMost(bound.clone()),
            _ => return Err(Rejection::CriterionBound(metric.clone())),
        };
        Ok(Self { metric: *known, bound })
    }

    /// Judges a cell's figures.
    pub fn judge(&self, figures: &Figures<'_>) -> Judgement {
        let Self { metric: Metric { name, value }, bound } = self;
        let Some(value) = value(figures) else {
            return Judgement::NoFigure(format!("the criterion on {name} has no figure to judge"));
        };
        let (met, words) = match bound {
            Bound::AtLeast(bound) => (
                decimal::compare(&value, bound).is_some_and(|order| order != Ordering::Less),
                format!("{name} is {value}, at least {bound} is wanted"),
            ),
            Bound::AtMost(bound) => (
                decimal::compare(&value, bound).is_some_and(|order| order != Ordering::Greater),
                format!("{name} is {value}, at most {bound} is wanted"),
            ),
        };
        if met { Judgement::Met } else { Judgement::NotMet(words) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn criterion(
        metric: &str,
        at_least: Option<&str>,
        at_most: Option<&str>,
    ) -> Result<CheckedCriterion, Rejection> {
        CheckedCriterion::new(&Criterion {
            metric: metric.to_owned(),
            at_least: at_least.map(str::to_owned),
            at_most: at_most.map(str::to_owned),
        })
    }

    fn judged(criterion: &CheckedCriterion, ratio: Option<&str>) -> Judgement {
        let mut tasks = TaskFigures::of(&[]);
        tasks.success_ratio = ratio.map(str::to_owned);
        let figures =
            Figures { tasks: &tasks, requests_sent: None, requests_failed: None, request_latency: None };
        criterion.judge(&figures)
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
