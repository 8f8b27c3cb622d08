//! Reports of runs that did not take place, with all kinds of sources and with hostile words.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;
use throughput_crds::WorkersOnline;
use throughput_model::figures::{TaskFigures, completions_over_time, queue_over_time};
use throughput_model::source_report::{Series, Shortfall, SourceReport, SourceSummary, Table};
use throughput_report::data::{CellDetail, CellReport, SCHEMA_VERSION, TestReport};
use throughput_report::timeline::Timelines;
use throughput_test_support::dice::Dice;

use crate::run::{Shape, after, rounded, series, tasks};

/// Words as somebody might write them who wants a browser to do something.
pub const HOSTILE: [&str; 6] = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "</code></td></table><svg onload=document.title='owned'>",
    "\"><style>*{display:none}</style>",
    "javascript:document.title='owned' &lt;b&gt; &amp;",
    "right\u{202E}tfel\u{0}\u{1b}[31m",
];

/// A run's parameters.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Its position in the matrix.
    pub cell: u32,
    /// Its workers.
    pub workers: u32,
    /// Requests at once.
    pub concurrency: u32,
    /// Tasks.
    pub tasks: u32,
    /// Pods of each kind that are watched.
    pub pods: u32,
    /// Metrics of each source besides the usual ones.
    pub more_metrics: u32,
}

/// A report of these runs, with all that is drawn of them.
pub fn report(runs: &[Run]) -> (TestReport, Timelines) {
    let empty = TestReport {
        schema_version: SCHEMA_VERSION,
        namespace: "pulp-perf".to_owned(),
        test: "tasks-10k".to_owned(),
        test_uid: "5a3c0d3e-8f0e-4a53-9d3e-2f7f0d6f7c11".to_owned(),
        operator_version: "0.1.0".to_owned(),
        workers_axis: "workers".to_owned(),
        cells: Vec::new(),
        repeats: Vec::new(),
        lost_cells: Vec::new(),
        timelines: Timelines::default(),
    };
    runs.iter().fold((empty, Timelines::default()), |(report, timelines), run| {
        let detail = detail(*run);
        (report.with(detail.figures.clone()), timelines.with(detail.to_timeline()))
    })
}

/// Six runs: two and four and eight workers, each with two concurrencies.
pub fn usual() -> (TestReport, Timelines) {
    let workers = [5, 10, 20];
    let runs: Vec<Run> = (0_u32..6)
        .zip(workers.iter().flat_map(|workers| [(*workers, 1), (*workers, 10)]))
        .map(|(cell, (workers, concurrency))| Run {
            cell,
            workers,
            concurrency,
            tasks: 6_000,
            pods: 3,
            more_metrics: 0,
        })
        .collect();
    let (mut report, timelines) = report(&runs);
    spoil(&mut report.cells[1]);
    (report, timelines)
}

/// As many runs as a test can have, with as many series as their sources may record.
pub fn largest() -> (TestReport, Timelines) {
    let runs: Vec<Run> = (0_u32..64)
        .map(|cell| Run {
            cell,
            workers: 1 + cell / 2,
            concurrency: 1 + cell % 2 * 9,
            tasks: 10_000,
            pods: 20,
            more_metrics: 20,
        })
        .collect();
    report(&runs)
}

/// A run whose figures are not trusted, with words from outside wherever there may be some.
fn spoil(cell: &mut CellReport) {
    let spoiled = json!({"verdict": "Invalid", "reason": "FiguresNotTrusted", "message": HOSTILE[0]});
    if let (Ok(verdict), Some(message)) =
        (serde_json::from_value(spoiled["verdict"].clone()), spoiled["message"].as_str())
    {
        cell.verdict = verdict;
        cell.reason = Some("FiguresNotTrusted".to_owned());
        cell.message = Some(message.to_owned());
    }
    cell.observations = HOSTILE.map(str::to_owned).to_vec();
    for parameter in &mut cell.parameters {
        if parameter.name != "workers" {
            HOSTILE[1].clone_into(&mut parameter.value);
        }
    }
}

/// All of one run.
pub fn detail(run: Run) -> CellDetail {
    let dice = &mut Dice::new(u64::from(run.cell) + 7);
    let base = after(Timestamp::UNIX_EPOCH, 1_794_000_000.0 + f64::from(run.cell) * 1_200.0);
    let tasks = tasks(base, run.tasks, run.workers, dice);
    let figures = TaskFigures::of(&tasks);
    let end = figures.last_finished_at.unwrap_or(base);
    let seconds = u32::try_from(end.as_second() - base.as_second()).unwrap_or_default() + 20;
    let began = after(base, -15.0);
    let sources = sources(run, began, seconds, dice);
    let queue = queue_over_time(&tasks);
    CellDetail {
        schema_version: SCHEMA_VERSION,
        figures: figures_of(run, base, end, &figures, &sources),
        workers_online: [(-8.0, run.workers - 1), (-3.0, run.workers)]
            .map(|(second, workers)| WorkersOnline { since: after(base, second), workers })
            .into(),
        queue,
        dropped: Vec::new(),
        completions: completions_over_time(&tasks),
        request_figures: None,
        generators: Vec::new(),
        sources,
    }
}

fn figures_of(
    run: Run,
    base: Timestamp,
    end: Timestamp,
    tasks: &TaskFigures,
    sources: &[SourceReport],
) -> CellReport {
    let at = |seconds: f64| after(base, seconds);
    let dispatched = tasks.last_created_at.unwrap_or(base);
    let latency = json!({"count": 100, "meanMicroseconds": 21_000 + 900 * run.concurrency, "p50Microseconds": 19_000 + 800 * run.concurrency,
        "p95Microseconds": 41_000 + 2_000 * run.concurrency, "p99Microseconds": 80_000 + 4_000 * run.workers, "maxMicroseconds": 200_000});
    let value = json!({
        "cell": run.cell, "repeat": 1, "attempt": 1,
        "parameters": [{"name": "workers", "value": run.workers.to_string()}, {"name": "concurrency", "value": run.concurrency.to_string()}],
        "correlationId": "b1f5e0a2-6a51-5d0c-8a3c-3f4f1c0f5b6e", "outcome": "Completed", "verdict": "Passed", "reason": null, "message": null,
        "workers": run.workers, "tasksWanted": run.tasks,
        "requests": {"generators": 1, "sent": 100, "succeeded": 100, "failures": [], "tasksDispatched": run.tasks, "largestYield": 100,
            "overshoot": 0, "stopped": "TargetReached", "startedAt": base, "finishedAt": dispatched, "latency": latency,
            "failedLatency": {"count": 0, "meanMicroseconds": 0, "p50Microseconds": 0, "p95Microseconds": 0, "p99Microseconds": 0, "maxMicroseconds": 0}},
        "tasks": tasks, "processes": {"workers": run.workers, "apiApps": 2, "contentApps": 2},
        "timeline": [
            {"stage": "EmptyingQueue", "since": at(-24.0)}, {"stage": "ScalingWorkers", "since": at(-22.0)},
            {"stage": "StartingGenerators", "since": at(-6.0)}, {"stage": "Dispatching", "since": at(-0.4)},
            {"stage": "Draining", "since": dispatched}, {"stage": "Collecting", "since": after(end, 1.5)}],
        "finishedAt": after(end, 185.0),
        "observations": ["the database's processors were at 96 % (rds.cpuPercent.max)", "more workers than the tasks can use: 20 did no more than 10"],
    });
    let mut report: CellReport =
        serde_json::from_value(value).unwrap_or_else(|error| unreachable!("{error}"));
    report.sources = sources.iter().map(|source| source.summary.clone()).collect();
    report
}

/// All kinds of sources.
fn sources(run: Run, base: Timestamp, seconds: u32, dice: &mut Dice) -> Vec<SourceReport> {
    vec![
        pods(run, base, seconds, dice),
        postgres(run, base, seconds, dice),
        rds(run, base, seconds, dice),
        logs(base, seconds, dice),
        prometheus(run, base, seconds, dice),
        profile(base),
        provenance(base),
    ]
}

fn source(name: &str, base: Timestamp, series: Vec<Series>) -> SourceReport {
    let mut figures: BTreeMap<String, f64> = BTreeMap::new();
    for one in &series {
        let largest = one.points.iter().map(|point| point.max).fold(f64::NEG_INFINITY, f64::max);
        let smallest = one.points.iter().map(|point| point.min).fold(f64::INFINITY, f64::min);
        if largest.is_finite() {
            let known = |statistic: &str| format!("{name}.{}.{statistic}", one.metric);
            figures.entry(known("max")).and_modify(|max| *max = max.max(largest)).or_insert(largest);
            figures.entry(known("min")).and_modify(|min| *min = min.min(smallest)).or_insert(smallest);
        }
    }
    let summary = SourceSummary { source: name.to_owned(), figures, ..SourceSummary::default() };
    SourceReport { summary, base, series, tables: Vec::new(), documents: Vec::new() }
}

fn more(name: &str, run: Run, seconds: u32, subjects: u32, dice: &mut Dice) -> Vec<Series> {
    let mut more = Vec::new();
    for metric in 0..run.more_metrics {
        for subject in 0..subjects {
            let shape = Shape { level: 50.0, swing: 20.0, spread: 5.0 };
            more.push(series(
                &format!("{name}{metric}PerSecond"),
                &format!("{name}-{subject}"),
                shape,
                (seconds, 5),
                dice,
            ));
        }
    }
    more
}

fn pods(run: Run, base: Timestamp, seconds: u32, dice: &mut Dice) -> SourceReport {
    let mut all = Vec::new();
    for (kind, metric, level, swing) in [
        ("api", "api.cpuPercentOfLimit", 62.0, 20.0),
        ("api", "api.memoryBytes", 310_000_000.0, 40_000_000.0),
        ("worker", "workers.cpuPercentOfLimit", 35.0, 12.0),
        ("worker", "workers.memoryBytes", 210_000_000.0, 9_000_000.0),
    ] {
        for pod in 0..run.pods {
            let name = format!("pulp-{kind}-6d9f7c5b8-{pod:05}");
            let shape = Shape { level: level * (1.0 + f64::from(pod) * 0.07), swing, spread: swing / 4.0 };
            all.push(series(metric, &name, shape, (seconds, 15), dice));
        }
    }
    all.extend(more("worker", run, seconds, 8, dice));
    source("pods", base, all)
}

fn postgres(run: Run, base: Timestamp, seconds: u32, dice: &mut Dice) -> SourceReport {
    let shape = |level: f64| Shape { level, swing: level / 2.0, spread: level / 10.0 };
    let mut all = vec![
        series("sessions", "active", shape(14.0), (seconds, 5), dice),
        series("sessions", "idle", shape(30.0), (seconds, 5), dice),
        series("sessions", "idle in transaction", shape(3.0), (seconds, 5), dice),
        series("waitingSessions", "Lock:transactionid", shape(6.0), (seconds, 5), dice),
        series("waitingSessions", "IO:WALSync", shape(2.0), (seconds, 5), dice),
        series("commitsPerSecond", "", shape(420.0), (seconds, 5), dice),
        series("connectMilliseconds", "", shape(9.0), (seconds, 5), dice),
    ];
    // The database was not to be reached for half a minute.
    for series in &mut all {
        series.points.retain(|point| !(60_000..95_000).contains(&point.at_milliseconds));
    }
    all.extend(more("wait", run, seconds, 6, dice));
    let mut source = source("postgres", base, all);
    source.summary.figures.insert("postgres.connectTime.p99Milliseconds".to_owned(), 23.5);
    source.summary.facts.insert("serverVersion".to_owned(), "16.4".to_owned());
    source.summary.facts.insert("maxConnections".to_owned(), HOSTILE[2].to_owned());
    source.summary.shortfalls.push(shortfall("Unreachable", HOSTILE[0], 7, base));
    source.tables.push(Table {
        title: "Statements by total time".to_owned(),
        columns: ["statement", "calls", "total [s]", "mean [ms]"].map(str::to_owned).to_vec(),
        rows: [
            "UPDATE core_task SET state = $1, started_at = $2 WHERE pulp_id = $3",
            "SELECT pulp_id, name, state FROM core_task WHERE state = ANY($1) ORDER BY pulp_created LIMIT $2",
            HOSTILE[1],
            HOSTILE[3],
        ]
        .iter()
        .zip([60.2_f64, 31.7, 2.0, 0.1])
        .map(|(statement, total)| {
            vec![(*statement).to_owned(), "12034".to_owned(), rounded(total).to_string(), "0.9".to_owned()]
        })
        .collect(),
    });
    source
}

fn rds(run: Run, base: Timestamp, seconds: u32, dice: &mut Dice) -> SourceReport {
    // CloudWatch's minutes begin where the clock's do.
    let minute = after(base, -f64::from(i32::try_from(base.as_second().rem_euclid(60)).unwrap_or_default()));
    let shape = |level: f64| Shape { level, swing: level / 3.0, spread: level / 6.0 };
    let mut all: Vec<Series> = [
        ("cpuPercent", 68.0),
        ("databaseConnections", 64.0),
        ("freeableMemoryBytes", 3.1e9),
        ("writeOperationsPerSecond", 820.0),
        ("readLatencySeconds", 0.0007),
    ]
    .into_iter()
    .map(|(metric, level)| series(metric, "", shape(level), (seconds + 60, 60), dice))
    .collect();
    // A minute never came.
    for series in &mut all {
        series.points.retain(|point| point.at_milliseconds != 120_000);
    }
    all.extend(more("rds", run, seconds, 1, dice));
    let mut source = source("rds", minute, all);
    source.summary.shortfalls.push(shortfall(
        "MetricsIncomplete",
        "1 of 7 minutes did not come in 300 s",
        1,
        base,
    ));
    source.summary.facts.insert("class".to_owned(), "db.m6g.large".to_owned());
    source
}

fn logs(base: Timestamp, seconds: u32, dice: &mut Dice) -> SourceReport {
    let minute = after(base, -f64::from(i32::try_from(base.as_second().rem_euclid(60)).unwrap_or_default()));
    let mut all = Vec::new();
    for (pattern, level) in [
        ("workerTimeoutPerMinute", 2.0),
        ("databaseTimeoutPerMinute", 9.0),
        ("outOfMemoryPerMinute", 0.0),
        ("http5xxPerMinute", 4.0),
    ] {
        let mut one = series(pattern, "", Shape { level, swing: level, spread: 0.0 }, (seconds, 60), dice);
        for point in &mut one.points {
            let whole = point.mean.floor();
            (point.min, point.mean, point.max) = (whole, whole, whole);
        }
        all.push(one);
    }
    let mut source = source("logs", minute, all);
    source.tables.push(Table {
        title: "Samples".to_owned(),
        columns: ["pattern", "pod", "line"].map(str::to_owned).to_vec(),
        rows: HOSTILE
            .iter()
            .map(|line| {
                vec!["workerTimeout".to_owned(), "pulp-api-6d9f7c5b8-00000".to_owned(), (*line).to_owned()]
            })
            .chain([vec![
                "workerTimeout".to_owned(),
                "pulp-api-6d9f7c5b8-00001".to_owned(),
                "[2026-11-22 09:00:12 +0000] [1] [CRITICAL] WORKER TIMEOUT (pid:41)".to_owned(),
            ]])
            .collect(),
    });
    source
}

fn prometheus(run: Run, base: Timestamp, seconds: u32, dice: &mut Dice) -> SourceReport {
    let shape = Shape { level: 0.4, swing: 0.2, spread: 0.05 };
    let mut all = vec![series("apiQueueSeconds", HOSTILE[4], shape, (seconds, 15), dice)];
    all.extend(more("query", run, seconds, 8, dice));
    source("prometheus", base, all)
}

fn profile(base: Timestamp) -> SourceReport {
    let mut source = source("profile", base, Vec::new());
    source.tables.push(Table {
        title: "Functions by their own time".to_owned(),
        columns: ["function", "share [%]"].map(str::to_owned).to_vec(),
        rows: [("execute (django/db/backends/utils.py)", "31.2"), ("loads (json/__init__.py)", "12.9")]
            .map(|(function, share)| vec![function.to_owned(), share.to_owned()])
            .to_vec(),
    });
    source
}

fn provenance(base: Timestamp) -> SourceReport {
    let mut source = source("provenance", base, Vec::new());
    for (name, value) in
        [("pulp-api.image", "pulp@sha256:4f0c2b"), ("pulpcore.version", "3.123.0"), ("node.kernel", "6.1")]
    {
        source.summary.facts.insert(name.to_owned(), value.to_owned());
    }
    source
}

fn shortfall(reason: &str, message: &str, count: u64, at: Timestamp) -> Shortfall {
    Shortfall {
        reason: reason.to_owned(),
        message: message.to_owned(),
        metrics: None,
        count,
        first_at: at,
        last_at: after(at, 35.0),
    }
}
