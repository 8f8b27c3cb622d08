//! Reports for tests.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "this is test code: it stops at the first surprise. Not expected, since lints see less of it as a test"
)]

use jiff::Timestamp;
use serde_json::{Value, json};
use throughput_crds::WorkersOnline;
use throughput_model::figures::{Completions, QueuePoint};
use throughput_model::foreign::{ForeignWork, NamedWork, OtherWork};
use throughput_model::source_report::{Series, SeriesPoint, SourceReport};

use crate::data::{CellDetail, CellReport, TestReport};
use crate::kinds::pulp_tasks::PulpTasksReport;
use crate::timeline::Timelines;

/// What is kept of the tasks of a cell of these reports.
pub fn tasks_of(cell: &mut CellReport) -> &mut PulpTasksReport {
    cell.load.kind_mut().pulp_tasks_mut().unwrap()
}

/// What 14 tasks of others took, of 12 names, one of which is hostile: 31 s of 4,000 s.
pub fn foreign_work() -> ForeignWork {
    let named = |number: u64| NamedWork {
        name: format!("<b>{number}</b>|domain_metrics.count"),
        count: 1,
        worker_microseconds: 4_000_000 - number * 200_000,
    };
    ForeignWork {
        count: 14,
        worker_microseconds: Some(31_000_000),
        own_worker_microseconds: 3_969_000_000,
        max_percent: "1".to_owned(),
        names: (0..10).map(named).collect(),
        others: Some(OtherWork { count: 4, worker_microseconds: 0 }),
    }
}

/// A report of no cells.
pub fn empty_report() -> TestReport {
    TestReport { cells: Vec::new(), ..report() }
}

/// A cell of that report with series: twelve pods and a database, whose words are hostile.
pub fn detail(cell: u32) -> CellDetail {
    let mut figures = report().cells[0].clone();
    figures.cell = cell;
    let sources = vec![
        source("pods", "cpuPercent", (0..12).map(|pod| (format!("pod-{pod}"), pod)).collect(), &json!([])),
        source(
            "postgres",
            "sessions",
            vec![(String::new(), 3)],
            &json!([
                {"title": "Statements", "columns": ["statement"], "rows": [["<script>alert(1)</script>"]]}
            ]),
        ),
    ];
    figures.observations.push("<img src=x onerror=alert(1)>".to_owned());
    figures.sources = sources.iter().map(|source| source.summary.clone()).collect();
    let load = tasks_of(&mut figures);
    load.tasks.first_created_at = load.requests.as_ref().map(|requests| requests.started_at);
    let point = |second| QueuePoint { at_milliseconds: second * 1_000, waiting: second, running: 2 };
    CellDetail {
        schema_version: 1,
        figures,
        workers_online: [(5, 1), (9, 2)].map(workers_online).into(),
        queue: (0..240).map(point).collect(),
        completions: Completions { step_milliseconds: 1_000, counts: vec![1; 200] },
        request_figures: None,
        generators: Vec::new(),
        sources,
        dropped: Vec::new(),
    }
}

fn workers_online((second, workers): (i64, u32)) -> WorkersOnline {
    WorkersOnline { since: Timestamp::from_second(1_767_225_600 - 20 + second).unwrap(), workers }
}

fn source(name: &str, metric: &str, subjects: Vec<(String, i32)>, tables: &Value) -> SourceReport {
    let mut source: SourceReport = serde_json::from_value(json!({
        "source": name, "base": "2026-01-01T00:00:00Z", "tables": tables,
        "shortfalls": [{"reason": "AccessDenied", "message": "</q><script>alert(2)</script>", "count": 2,
            "firstAt": "2026-01-01T00:00:00Z", "lastAt": "2026-01-01T00:00:00Z"}],
        "figures": {format!("{name}.{metric}.max"): 12.5}, "facts": {"version": "<b>16</b>"},
    }))
    .unwrap();
    let series = subjects.into_iter().map(|(subject, value)| {
        let value = f64::from(value);
        let point = |second| SeriesPoint {
            at_milliseconds: i64::from(second) * 1_000,
            min: value,
            mean: value,
            max: value,
        };
        let (metric, points) = (metric.to_owned(), (0_i32..240).map(point).collect());
        Series { metric, subject, step_milliseconds: 1_000, points }
    });
    source.series = series.collect();
    source
}

/// A report of two cells that are repeats of one another.
pub fn repeated_report() -> TestReport {
    let mut again = report().cells.swap_remove(0);
    (again.cell, again.repeat) = (2, 2);
    tasks_of(&mut again).tasks.tasks_per_second = Some("19.000".to_owned());
    report().with(again)
}

/// A report of two cells: one that passed, one whose workers never came.
pub fn report() -> TestReport {
    let empty = json!({
        "submitted": 0, "completed": 0, "failed": 0, "canceled": 0, "unfinished": 0,
        "firstCreatedAt": null, "lastCreatedAt": null, "firstStartedAt": null, "lastFinishedAt": null,
        "windowMicroseconds": null, "tasksPerSecond": null, "dispatchedPerSecond": null, "successRatio": null,
        "wait": null, "unblockedWait": null, "service": null, "total": null, "negativeDurations": 0,
        "errorSamples": [],
    });
    let mut measured = empty.clone();
    measured["submitted"] = json!(200);
    measured["completed"] = json!(199);
    measured["tasksPerSecond"] = json!("18.437");
    measured["wait"] = json!({"count": 200, "meanMicroseconds": 4_123_456, "p50Microseconds": 4_000_000,
        "p95Microseconds": 8_000_000, "p99Microseconds": 9_000_000, "maxMicroseconds": 9_500_000});
    serde_json::from_value(json!({
        "schemaVersion": 1, "namespace": "pulp", "test": "small", "testUid": "1", "operatorVersion": "0",
        "workersAxis": "workers",
        "cells": [
            {"cell": 0, "repeat": 1, "attempt": 1,
             "parameters": [{"name": "workers", "value": "2"}, {"name": "concurrency", "value": "4"}],
             "correlationId": "00000000-0000-0000-0000-000000000000", "outcome": "Completed", "verdict": "Passed",
             "reason": null, "message": null, "workers": 2, "tasksWanted": 200,
             "requests": {"generators": 1, "sent": 4, "succeeded": 4, "failures": [], "tasksDispatched": 200,
                "largestYield": 50, "overshoot": 0, "stopped": "TargetReached",
                "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:10Z",
                "latency": {"count": 4, "meanMicroseconds": 1, "p50Microseconds": 1, "p95Microseconds": 1, "p99Microseconds": 1, "maxMicroseconds": 1},
                "failedLatency": {"count": 0, "meanMicroseconds": 0, "p50Microseconds": 0, "p95Microseconds": 0, "p99Microseconds": 0, "maxMicroseconds": 0}},
             "tasks": measured, "processes": null, "pulpVersions": {"core": "3.123.1", "file": "3.123.1"}, "timeline": [], "finishedAt": "2026-01-01T00:01:00Z",
             "observations": ["1 task failed: \"a | b\""]},
            {"cell": 1, "repeat": 1, "attempt": 1,
             "parameters": [{"name": "workers", "value": "4"}, {"name": "concurrency", "value": "4"}],
             "correlationId": "00000000-0000-0000-0000-000000000000", "outcome": "Incomplete", "verdict": "Failed",
             "reason": "WorkersNotOnline", "message": "3 of 4 workers online", "workers": 4, "tasksWanted": 200,
             "requests": null, "tasks": empty, "processes": null, "timeline": [],
             "finishedAt": "2026-01-01T00:02:00Z", "observations": []},
        ],
    }))
    .unwrap()
}

/// Four cells; the third is the fastest, and the last one's figure is not trusted.
pub fn four_cells() -> (TestReport, Timelines) {
    let (mut report, mut timelines) = (empty_report(), Timelines::default());
    for (cell, tasks_per_second) in (0..).zip(["9.500", "10.000", "18.437", "99.000"]) {
        let mut detail = detail(cell);
        tasks_of(&mut detail.figures).tasks.tasks_per_second = Some(tasks_per_second.to_owned());
        if cell == 3 {
            detail.figures.verdict = throughput_crds::Verdict::Invalid;
        }
        timelines = timelines.with(detail.to_timeline());
        report = report.with(detail.figures);
    }
    (report, timelines)
}
