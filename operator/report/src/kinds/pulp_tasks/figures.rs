//! The figures of Pulp's tasks and of the load generators that dispatch them.
//!
//! A new one is a row here, a line in [`figures`], and a row in `docs/reference/figures.md`: tests hold the three together.

use throughput_model::decimal;
use throughput_model::figures::TaskFigures;
use throughput_model::foreign::ForeignWork;
use throughput_model::histogram::LatencySummary;
use throughput_model::percentile::Distribution;

use super::{RequestReport, StartReport, WorkReport};
use crate::figures::{Better, Figure, Figures};
use crate::unit::Unit;

/// The figure that a cell is known by: the best cell has the best of it, and repeats are compared by it.
pub const HEADLINE: Figure =
    Figure { name: "tasks.perSecond", unit: Unit::TASKS_PER_SECOND, better: Better::Higher };

/// A duration, which is better short.
const fn duration(name: &'static str) -> Figure {
    Figure { name, unit: Unit::MILLISECONDS, better: Better::Lower }
}

/// All figures of a cell, in the order in which they are listed for people.
pub const FIGURES: &[Figure] = &[
    Figure { name: "tasks.submitted", unit: Unit::TASKS, better: Better::Higher },
    Figure { name: "tasks.completed", unit: Unit::TASKS, better: Better::Higher },
    Figure { name: "tasks.failed", unit: Unit::TASKS, better: Better::Lower },
    Figure { name: "tasks.canceled", unit: Unit::TASKS, better: Better::Lower },
    Figure { name: "tasks.perSecond", unit: Unit::TASKS_PER_SECOND, better: Better::Higher },
    Figure { name: "tasks.dispatchedPerSecond", unit: Unit::TASKS_PER_SECOND, better: Better::Higher },
    Figure { name: "tasks.successRatio", unit: Unit::RATIO, better: Better::Higher },
    Figure { name: "tasks.foreign.count", unit: Unit::TASKS, better: Better::Lower },
    Figure { name: "tasks.foreign.workerTimePercent", unit: Unit::PERCENT, better: Better::Lower },
    Figure { name: "requests.sent", unit: Unit::REQUESTS, better: Better::Neither },
    Figure { name: "requests.failed", unit: Unit::REQUESTS, better: Better::Lower },
    duration("requests.start.maxUncertaintyMilliseconds"),
    duration("requests.start.maxLatenessMilliseconds"),
    Figure { name: "requests.ownWork.maxCpuPercent", unit: Unit::PERCENT, better: Better::Lower },
    Figure { name: "requests.ownWork.maxThrottledPercent", unit: Unit::PERCENT, better: Better::Lower },
    Figure { name: "requests.ownWork.maxLagPercent", unit: Unit::PERCENT, better: Better::Lower },
    duration("requests.ownWork.maxLagP99Milliseconds"),
    Figure { name: "requests.ownWork.maxUnsent", unit: Unit::REQUESTS, better: Better::Lower },
    duration("requests.latency.meanMilliseconds"),
    duration("requests.latency.p50Milliseconds"),
    duration("requests.latency.p95Milliseconds"),
    duration("requests.latency.p99Milliseconds"),
    duration("tasks.wait.meanMilliseconds"),
    duration("tasks.wait.p50Milliseconds"),
    duration("tasks.wait.p95Milliseconds"),
    duration("tasks.wait.p99Milliseconds"),
    duration("tasks.wait.maxMilliseconds"),
    duration("tasks.unblockedWait.meanMilliseconds"),
    duration("tasks.unblockedWait.p50Milliseconds"),
    duration("tasks.unblockedWait.p95Milliseconds"),
    duration("tasks.unblockedWait.p99Milliseconds"),
    duration("tasks.unblockedWait.maxMilliseconds"),
    duration("tasks.service.meanMilliseconds"),
    duration("tasks.service.p50Milliseconds"),
    duration("tasks.service.p95Milliseconds"),
    duration("tasks.service.p99Milliseconds"),
    duration("tasks.service.maxMilliseconds"),
    duration("tasks.total.meanMilliseconds"),
    duration("tasks.total.p50Milliseconds"),
    duration("tasks.total.p95Milliseconds"),
    duration("tasks.total.p99Milliseconds"),
    duration("tasks.total.maxMilliseconds"),
];

/// What the repeats of a combination come to.
pub const REPEATS: [Figure; 4] = [
    Figure { name: "repeats.tasksPerSecond.median", unit: Unit::TASKS_PER_SECOND, better: Better::Higher },
    Figure { name: "repeats.tasksPerSecond.min", unit: Unit::TASKS_PER_SECOND, better: Better::Higher },
    Figure { name: "repeats.tasksPerSecond.max", unit: Unit::TASKS_PER_SECOND, better: Better::Higher },
    Figure { name: "repeats.tasksPerSecond.spreadRatio", unit: Unit::RATIO, better: Better::Lower },
];

/// The figures of a cell. What was not measured has none.
pub fn figures(
    tasks: &TaskFigures,
    requests: Option<&RequestReport>,
    foreign: Option<&ForeignWork>,
) -> Figures {
    let mut figures = Figures::default();
    add_tasks(&mut figures, tasks);
    if let Some(foreign) = foreign {
        figures.set("tasks.foreign.count", Some(foreign.count.to_string()));
        figures.set("tasks.foreign.workerTimePercent", foreign.worker_time_percent());
    }
    if let Some(requests) = requests {
        add_requests(&mut figures, requests);
    }
    figures
}

fn add_tasks(figures: &mut Figures, tasks: &TaskFigures) {
    figures.set("tasks.submitted", Some(tasks.submitted.to_string()));
    figures.set("tasks.completed", Some(tasks.completed.to_string()));
    figures.set("tasks.failed", Some(tasks.failed.to_string()));
    figures.set("tasks.canceled", Some(tasks.canceled.to_string()));
    figures.set("tasks.perSecond", tasks.tasks_per_second.clone());
    figures.set("tasks.dispatchedPerSecond", tasks.dispatched_per_second.clone());
    figures.set("tasks.successRatio", tasks.success_ratio.clone());
    for (name, durations) in [
        ("tasks.wait", tasks.wait),
        ("tasks.unblockedWait", tasks.unblocked_wait),
        ("tasks.service", tasks.service),
        ("tasks.total", tasks.total),
    ] {
        if let Some(durations) = durations {
            add_durations(figures, name, durations);
        }
    }
}

fn add_durations(figures: &mut Figures, name: &str, durations: Distribution) {
    for (statistic, microseconds) in [
        ("mean", durations.mean_microseconds),
        ("p50", durations.p50_microseconds),
        ("p95", durations.p95_microseconds),
        ("p99", durations.p99_microseconds),
        ("max", durations.max_microseconds),
    ] {
        figures.set(format!("{name}.{statistic}Milliseconds"), milliseconds(microseconds));
    }
}

fn add_requests(figures: &mut Figures, requests: &RequestReport) {
    figures.set("requests.sent", Some(requests.sent.to_string()));
    figures.set("requests.failed", Some(requests.failures.total().to_string()));
    if requests.latency.count > 0 {
        add_latency(figures, requests.latency);
    }
    if let Some(StartReport { max_uncertainty_microseconds, max_lateness_microseconds }) = requests.start {
        figures.set("requests.start.maxUncertaintyMilliseconds", milliseconds(max_uncertainty_microseconds));
        figures.set("requests.start.maxLatenessMilliseconds", milliseconds(max_lateness_microseconds));
    }
    if let Some(work) = requests.own_work {
        add_own_work(figures, work);
    }
}

fn add_latency(figures: &mut Figures, latency: LatencySummary) {
    for (statistic, microseconds) in [
        ("mean", latency.mean_microseconds),
        ("p50", latency.p50_microseconds),
        ("p95", latency.p95_microseconds),
        ("p99", latency.p99_microseconds),
    ] {
        figures.set(format!("requests.latency.{statistic}Milliseconds"), milliseconds(microseconds));
    }
}

fn add_own_work(figures: &mut Figures, work: WorkReport) {
    let WorkReport {
        max_cpu_permille,
        max_throttled_permille,
        max_lag_permille,
        max_lag_p99_microseconds,
        max_unsent,
    } = work;
    figures.set("requests.ownWork.maxCpuPercent", percent(max_cpu_permille));
    figures.set("requests.ownWork.maxThrottledPercent", percent(max_throttled_permille));
    figures.set("requests.ownWork.maxLagPercent", percent(max_lag_permille));
    figures.set("requests.ownWork.maxLagP99Milliseconds", milliseconds(max_lag_p99_microseconds));
    figures.set("requests.ownWork.maxUnsent", Some(max_unsent.to_string()));
}

fn milliseconds(microseconds: u64) -> Option<String> {
    decimal::ratio(microseconds.into(), 1_000, 3)
}

fn percent(permille: u64) -> Option<String> {
    decimal::ratio(permille.into(), 10, 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::FACTS;
    use super::*;
    use crate::fixture;

    /// The tasks and the requests of a cell of which everything was measured.
    fn complete() -> (TaskFigures, RequestReport, ForeignWork) {
        let load = fixture::tasks_of(&mut fixture::report().cells[0]).clone();
        let mut tasks = load.tasks;
        (tasks.unblocked_wait, tasks.service, tasks.total) = (tasks.wait, tasks.wait, tasks.wait);
        tasks.dispatched_per_second = Some("20.000".to_owned());
        tasks.success_ratio = Some("0.9950".to_owned());
        let mut requests = load.requests.unwrap();
        requests.start =
            Some(StartReport { max_uncertainty_microseconds: 980, max_lateness_microseconds: 19_550 });
        requests.own_work = Some(WorkReport {
            max_cpu_permille: 123,
            max_throttled_permille: 1,
            max_lag_permille: 45,
            max_lag_p99_microseconds: 2_500,
            max_unsent: 7,
        });
        (tasks, requests, fixture::foreign_work())
    }

    #[test]
    fn a_cell_of_which_everything_was_measured_has_the_figures_of_the_table() {
        let (tasks, requests, foreign) = complete();
        let figures = figures(&tasks, Some(&requests), Some(&foreign));
        let measured: BTreeSet<&str> = figures.names().collect();
        assert_eq!(measured, FIGURES.iter().map(|figure| figure.name).collect());
        assert_eq!(measured.len(), FIGURES.len(), "no name stands twice");
        assert!(FIGURES.contains(&HEADLINE));
    }

    #[test]
    fn figures_have_the_units_of_their_names() {
        let (tasks, requests, foreign) = complete();
        let figures = figures(&tasks, Some(&requests), Some(&foreign));
        for (name, value) in [
            ("requests.start.maxUncertaintyMilliseconds", "0.980"),
            ("requests.start.maxLatenessMilliseconds", "19.550"),
            ("requests.ownWork.maxCpuPercent", "12.3"),
            ("requests.ownWork.maxThrottledPercent", "0.1"),
            ("requests.ownWork.maxLagPercent", "4.5"),
            ("requests.ownWork.maxLagP99Milliseconds", "2.500"),
            ("requests.ownWork.maxUnsent", "7"),
            ("tasks.foreign.count", "14"),
            ("tasks.foreign.workerTimePercent", "0.775"),
        ] {
            assert_eq!(figures.get(name), Some(value), "{name}");
        }
    }

    #[test]
    fn what_was_not_measured_has_no_figure() {
        let figures = figures(&TaskFigures::of(&[]), None, None);
        let counts = ["tasks.canceled", "tasks.completed", "tasks.failed", "tasks.submitted"];
        assert_eq!(figures.names().collect::<Vec<_>>(), counts);
        let (tasks, mut requests, foreign) = complete();
        requests.latency = LatencySummary::default();
        let unread = ForeignWork { worker_microseconds: None, ..foreign };
        let without = self::figures(&tasks, Some(&requests), Some(&unread));
        assert_eq!(without.get("tasks.foreign.workerTimePercent"), None);
        assert_eq!(without.get("requests.latency.p99Milliseconds"), None);
    }

    #[test]
    fn repeats_have_the_figures_of_their_table() {
        let report = fixture::repeated_report();
        let figures = FACTS.figures_of(&report.repeats[0]);
        let measured: BTreeSet<&str> = figures.names().collect();
        assert_eq!(measured, REPEATS.iter().map(|figure| figure.name).collect());
    }

    #[test]
    fn the_documented_figures_are_those_of_the_tables_with_their_units() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/figures.md");
        let page = std::fs::read_to_string(file).unwrap();
        let documented: Vec<&str> = page
            .lines()
            .filter(|line| {
                ["| `tasks.", "| `requests.", "| `repeats."].iter().any(|start| line.starts_with(start))
            })
            .collect();
        let rows = FIGURES.iter().chain(&REPEATS).map(|Figure { name, unit, better }| {
            let unit = if *unit == Unit::RATIO { "0 to 1".to_owned() } else { unit.symbol() };
            let better = match better {
                Better::Higher => "higher",
                Better::Lower => "lower",
                Better::Neither => "",
            };
            format!("| `{name}` | {unit} | {better} |")
        });
        assert_eq!(documented, rows.collect::<Vec<_>>());
    }
}
