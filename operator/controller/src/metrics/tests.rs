//! What a scrape shows, and that the dashboard asks for nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use throughput_core::decide::fixture::{collected, decided, facts, generators, observed, status_at};
use throughput_core::kinds::pulp_tasks::observed::{Counts, OwnTasks, Pulp};
use throughput_core::observed::Job;
use throughput_crds::Stage;
use throughput_model::cell::CellAddress;
use throughput_model::protocol::Progress;
use tokio::time::Instant;

use super::*;

/// A status at this stage, since this second.
fn at(stage: &str, second: u32) -> ThroughputTestStatus {
    let timeline = json!([{"stage": stage, "since": format!("2026-01-01T00:00:{second:02}Z")}]);
    status(json!({
        "startedAt": "2026-01-01T00:00:00Z",
        "current": {"cell": 0, "attempt": 1, "stage": stage, "timeline": timeline},
    }))
}

fn status(value: Value) -> ThroughputTestStatus {
    serde_json::from_value(value).unwrap()
}

fn finished() -> ThroughputTestStatus {
    let mut results = decided(&status_at(0, Stage::Collecting), &collected(), 20).status.results;
    results[0].verdict = Verdict::Invalid;
    let times = json!({"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:59Z"});
    ThroughputTestStatus { results, verdict: Some(Verdict::Failed), ..status(times) }
}

fn dispatching() -> Observed {
    let own = Some(OwnTasks { submitted: 10, unfinished: 4 });
    Observed {
        generators: generators(Job::Active { trouble: None }, 3, Vec::new()),
        pulp: Pulp::Answering(Counts { own, workers_online: Some(2), ..Counts::default() }).into(),
        ..observed()
    }
}

/// The phases, of which one generator of the fixture's test has told how far it is.
fn phases() -> GeneratorPhases {
    let phases = GeneratorPhases::default();
    phases.follow(&facts(), &at("Dispatching", 3), Instant::now(), jiff::Timestamp::now());
    let address = CellAddress { test_uid: facts().uid, cell: 0, attempt: 1 };
    let progress: Progress = serde_json::from_value(serde_json::json!({"counts": {
        "requests.sent": 7, "requests.finished": 6, "requests.failed": 1, "tasks.dispatched": 250,
    }}))
    .unwrap();
    phases.note_progress(&address, 0, progress);
    phases
}

/// What a scrape shows in the middle of a run, when stages have ended already.
fn busy() -> String {
    let metrics = Metrics::default();
    metrics.follow(&facts(), &at("StartingGenerators", 1), &at("Dispatching", 3), &dispatching());
    metrics.text(&phases())
}

/// The lines of a scrape about the fixture's test, without the label that they share.
fn of_the_test(text: &str) -> Vec<String> {
    let label = "{namespace=\"pulp\",test=\"small\"} ";
    text.lines()
        .filter_map(|line| line.split_once(label))
        .map(|(name, value)| format!("{name} {value}"))
        .collect()
}

/// The names of all metrics, as a query names them: histograms by their three parts, counters with `_total`.
fn names(text: &str) -> BTreeSet<String> {
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    kinds
        .flat_map(|(name, kind)| {
            let suffixes: &[&str] = match kind {
                "counter" => &["_total"],
                "histogram" => &["_bucket", "_sum", "_count"],
                "info" => &["_info"],
                _ => &[""],
            };
            suffixes.iter().map(move |suffix| format!("{name}{suffix}"))
        })
        .collect()
}

#[test]
fn a_running_test_is_shown_until_it_is_over() {
    let (metrics, phases) = (Metrics::default(), phases());
    metrics.follow(&facts(), &at("StartingGenerators", 1), &at("Dispatching", 3), &dispatching());
    assert_eq!(
        of_the_test(&metrics.text(&phases)),
        [
            "throughput_operator_test_cells_finished 0",
            "throughput_operator_test_claims_held 2",
            "throughput_operator_test_generators_registered 3",
            "throughput_operator_test_workers_online 2",
            "throughput_operator_test_tasks_submitted 10",
            "throughput_operator_test_tasks_unfinished 4",
            "throughput_operator_test_tasks_dispatched 250",
            "throughput_operator_test_requests_sent 7",
            "throughput_operator_test_requests_failed 1",
        ]
    );
    metrics.follow(&facts(), &at("Restoring", 50), &finished(), &observed());
    let text = metrics.text(&phases);
    assert_eq!(of_the_test(&text), [] as [&str; 0]);
    assert!(text.contains("throughput_operator_running_tests 0\n"), "{text}");
}

#[test]
fn what_has_ended_is_counted_once() {
    let metrics = Metrics::default();
    metrics.follow(&facts(), &at("StartingGenerators", 1), &at("Dispatching", 3), &dispatching());
    metrics.follow(&facts(), &at("Dispatching", 3), &at("Dispatching", 3), &dispatching());
    metrics.follow(&facts(), &at("Restoring", 50), &finished(), &observed());
    metrics.follow(&facts(), &finished(), &finished(), &observed());
    let text = metrics.text(&GeneratorPhases::default());
    for line in [
        "throughput_operator_stage_duration_seconds_sum{stage=\"StartingGenerators\"} 2.0",
        "throughput_operator_stage_duration_seconds_count{stage=\"Restoring\"} 1",
        "throughput_operator_cells_total{verdict=\"Invalid\"} 1",
        "throughput_operator_tests_total{verdict=\"Failed\"} 1",
    ] {
        assert!(text.lines().any(|seen| seen == line), "{line} is missing in {text}");
    }
    assert!(!text.contains("stage=\"Dispatching\""), "it has not been left: {text}");
}

#[test]
fn a_crowd_of_tests_is_counted_and_not_shown_in_full() {
    let metrics = Metrics::default();
    for number in 0..300 {
        let facts = TestFacts { name: format!("test-{number}"), uid: format!("uid-{number}"), ..facts() };
        metrics.follow(&facts, &at("Dispatching", 3), &at("Dispatching", 3), &dispatching());
    }
    let text = metrics.text(&GeneratorPhases::default());
    let shown = text.lines().filter(|line| line.starts_with("throughput_operator_test_claims_held{")).count();
    assert_eq!(shown, 100);
    assert!(text.contains("throughput_operator_running_tests 300\n"), "{text}");
}

#[test]
fn a_test_that_takes_the_name_of_another_keeps_its_gauges() {
    let metrics = Metrics::default();
    let next = TestFacts { uid: "another".to_owned(), ..facts() };
    for facts in [&facts(), &next] {
        metrics.follow(facts, &at("Dispatching", 3), &at("Dispatching", 3), &dispatching());
    }
    metrics.forget(&facts().uid);
    assert_eq!(of_the_test(&metrics.text(&GeneratorPhases::default())).len(), 6);
    metrics.forget(&next.uid);
    assert_eq!(of_the_test(&metrics.text(&GeneratorPhases::default())), [] as [&str; 0]);
}

#[test]
fn what_has_not_happened_yet_is_counted_as_none() {
    let text = Metrics::default().text(&GeneratorPhases::default());
    for line in [
        "throughput_operator_reconciles_total{outcome=\"ok\"} 0",
        "throughput_operator_tests_total{verdict=\"Invalid\"} 0",
        "throughput_operator_kubernetes_request_errors_total{kind=\"forbidden\"} 0",
        "throughput_operator_pulp_requests_total{outcome=\"server_error\"} 0",
    ] {
        assert!(text.lines().any(|seen| seen == line), "{line} is missing in {text}");
    }
}

#[test]
fn errors_are_counted_by_kind() {
    let metrics = Metrics::default();
    metrics.failed("observe", Some("timeout"));
    metrics.failed("apply", None);
    metrics.lost_event();
    let text = metrics.text(&GeneratorPhases::default());
    for line in [
        "throughput_operator_reconciles_total{outcome=\"observe\"} 1",
        "throughput_operator_reconciles_total{outcome=\"apply\"} 1",
        "throughput_operator_kubernetes_request_errors_total{kind=\"timeout\"} 1",
        "throughput_operator_events_lost_total 1",
    ] {
        assert!(text.lines().any(|seen| seen == line), "{line} is missing in {text}");
    }
}

fn chart(file: &str) -> String {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/throughput-operator");
    std::fs::read_to_string(chart.join(file)).unwrap()
}

/// All texts under this key, however deep.
fn texts<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if let (true, Some(text)) = (name == key, member.as_str()) {
                    found.push(text);
                }
                texts(member, key, found);
            }
        }
        Value::Array(members) => members.iter().for_each(|member| texts(member, key, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The words of a text that name one of our metrics.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("throughput_operator_"))
}

#[test]
fn every_metric_that_the_dashboard_asks_for_is_there() {
    let dashboard: Value = serde_json::from_str(&chart("files/dashboard.json")).unwrap();
    let exposed = names(&busy());
    let mut queries = Vec::new();
    for key in ["expr", "query", "definition"] {
        texts(&dashboard, key, &mut queries);
    }
    let asked: BTreeSet<&str> = queries.iter().flat_map(|query| named(query)).collect();
    let unknown: Vec<&&str> = asked.iter().filter(|name| !exposed.contains(**name)).collect();
    assert!(unknown.is_empty(), "the dashboard asks for {unknown:?}, there are {exposed:?}");
    assert!(asked.len() > 10, "the dashboard's queries are read: {asked:?}");
}

#[test]
fn every_metric_stands_in_the_charts_readme() {
    let readme = chart("README.md");
    let told: BTreeSet<&str> = named(&readme).collect();
    let text = busy();
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    for (name, kind) in families {
        let name = match kind {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.to_owned(),
        };
        assert!(told.contains(name.as_str()), "{name} is not in charts/throughput-operator/README.md");
    }
}
