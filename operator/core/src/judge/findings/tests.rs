use std::collections::BTreeMap;

use jiff::Timestamp;
use throughput_model::source_report::Shortfall;
use throughput_report::fixture::{report as reported, tasks_of};

use super::*;
use crate::decide::fixture;

fn report(source: &str, figures: &[(&str, f64)]) -> SourceReport {
    let figures: BTreeMap<String, f64> =
        figures.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    SourceReport {
        summary: SourceSummary { source: source.to_owned(), figures, ..SourceSummary::default() },
        base: Timestamp::UNIX_EPOCH,
        series: Vec::new(),
        tables: Vec::new(),
        documents: Vec::new(),
    }
}

/// A cell of which nothing else is to be said.
fn cell() -> CellReport {
    reported().cells.swap_remove(0)
}

fn said(cell: &CellReport, earlier: &[CellReport], sources: &[SourceReport]) -> Vec<String> {
    let window = Window {
        start: "2026-01-01T14:02:05Z".parse().unwrap(),
        end: "2026-01-01T14:19:31Z".parse().unwrap(),
    };
    let mut cell = cell.clone();
    cell.sources = sources.iter().map(|report| report.summary.clone()).collect();
    let seen = Seen { cell: &cell, earlier, workers_axis: "workers", sources, window: Some(window) };
    observations(fixture::plan().workload.kind().rules(), &seen)
}

#[test]
fn figures_within_their_bounds_are_not_talked_about() {
    let sources = [
        report("rds", &[("rds.cpuPercent.max", 89.9), ("rds.databaseConnectionsPercentOfMax.max", 80.0)]),
        report("pods", &[("pods.api.restarts.total", 0.0), ("pods.api.throttledPeriodsPercent.max", 4.0)]),
        report("logs", &[("logs.gunicornWorkerTimeout.count", 0.0), ("logs.timeouts.count", 0.0)]),
        report(
            "postgres",
            &[
                ("postgres.blockedSessions.max", 1.0),
                ("postgres.blockedSessions.mean", 0.2),
                ("postgres.longestBlockedSeconds.max", 0.04),
            ],
        ),
    ];
    assert_eq!(said(&cell(), &[], &sources), Vec::<String>::new());
}

#[test]
fn each_rule_names_its_figure_and_its_window() {
    let during = "14:02:05 to 14:19:31 UTC)";
    let cases = [
        ("rds", "rds.cpuPercent.max", 97.34, "the database's processors were 97.3 % busy"),
        (
            "postgres",
            "postgres.connectionsPercentOfMax.max",
            81.0,
            "the database had 81 % of the connections that it takes",
        ),
        (
            "postgres",
            "postgres.blockedSessions.max",
            3.0,
            "up to 3 sessions of the database waited for a lock",
        ),
        ("pods", "pods.api.outOfMemoryKills.total", 1.0, "1 container of api ran out of memory"),
        ("pods", "pods.workers.restarts.total", 2.0, "2 restarts of containers of workers"),
        (
            "pods",
            "pods.api.throttledPeriodsPercent.max",
            44.0,
            "containers of api were stopped by their processor limit in up to 44 % of periods",
        ),
        ("provenance", "provenance.differences", 2.0, "2 resources of containers are not as expected"),
    ];
    for (source, figure, value, words) in cases {
        let expected = format!("{words} ({figure}, {during}");
        assert_eq!(said(&cell(), &[], &[report(source, &[(figure, value)])]), [expected]);
    }
}

#[test]
fn time_outs_are_told_by_kind() {
    let logs = report(
        "logs",
        &[
            ("logs.gunicornWorkerTimeout.count", 3.0),
            ("logs.statementTimeout.count", 1.0),
            ("logs.timeouts.count", 4.0),
            ("logs.tracebacks.count", 9.0),
        ],
    );
    let words = "time-outs in the logs: 3 gunicornWorkerTimeout, 1 statementTimeout (logs.timeouts.count, 14:02:05 to 14:19:31 UTC)";
    assert_eq!(said(&cell(), &[], &[logs]), [words]);
}

#[test]
fn the_lock_that_was_waited_for_longest_is_named() {
    let mut postgres = report(
        "postgres",
        &[("postgres.blockedSessions.max", 3.0), ("postgres.longestBlockedSeconds.max", 4.5)],
    );
    let row = vec!["advisory lock 42".to_owned(), "4.5".to_owned()];
    postgres.tables.push(Table {
        title: "Lock waits".to_owned(),
        columns: vec!["Lock".to_owned(), "Longest [s]".to_owned()],
        rows: vec![row],
    });
    let words = "up to 3 sessions of the database waited for a lock on advisory lock 42, up to 4.5 s (postgres.blockedSessions.max, 14:02:05 to 14:19:31 UTC)";
    assert_eq!(said(&cell(), &[], &[postgres]), [words]);
}

#[test]
fn short_waits_of_many_sessions_are_told_too() {
    let figures = [
        ("postgres.blockedSessions.max", 9.0),
        ("postgres.blockedSessions.mean", 3.5),
        ("postgres.longestBlockedSeconds.max", 0.3),
    ];
    let words = "up to 9 sessions of the database waited for a lock, up to 0.3 s (postgres.blockedSessions.max, 14:02:05 to 14:19:31 UTC)";
    assert_eq!(said(&cell(), &[], &[report("postgres", &figures)]), [words]);
}

#[test]
fn what_a_source_did_not_see_is_said() {
    let mut rds = report("rds", &[]);
    rds.summary.shortfalls.push(Shortfall {
        reason: "AccessDenied".to_owned(),
        message: "not authorized to perform: cloudwatch:GetMetricData".to_owned(),
        metrics: None,
        count: 1,
        first_at: Timestamp::UNIX_EPOCH,
        last_at: Timestamp::UNIX_EPOCH,
    });
    let words = "rds is incomplete: AccessDenied: not authorized to perform: cloudwatch:GetMetricData";
    assert_eq!(said(&cell(), &[], &[rds]), [words]);
}

#[test]
fn a_profiled_cell_says_so() {
    let said = said(&cell(), &[], &[report("profile", &[("profile.samples", 222.0)])]);
    assert!(said[0].starts_with("processes were profiled meanwhile"), "{said:?}");
}

#[test]
fn twice_the_workers_that_bring_nothing_are_more_than_the_tasks_can_use() {
    let with = |workers: u32, tasks_per_second: &str| {
        let mut cell = cell();
        tasks_of(&mut cell).workers = workers;
        cell.parameters[0].value = workers.to_string();
        tasks_of(&mut cell).tasks.tasks_per_second = Some(tasks_per_second.to_owned());
        cell
    };
    let words = "4 workers do 19.100 tasks per second, 2 did 18.437: more workers than the tasks can use";
    assert_eq!(said(&with(4, "19.100"), &[with(1, "18.000"), with(2, "18.437")], &[]), [words]);
    for (now, earlier) in [
        (with(4, "30.000"), with(2, "18.437")),
        // Not twice as many.
        (with(3, "18.500"), with(2, "18.437")),
    ] {
        assert_eq!(said(&now, &[earlier], &[]), Vec::<String>::new());
    }
    let mut other_load = with(2, "18.437");
    other_load.parameters[1].value = "8".to_owned();
    assert_eq!(said(&with(4, "18.500"), &[other_load], &[]), Vec::<String>::new());
}
