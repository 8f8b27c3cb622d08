//! Patterns in log groups of CloudWatch, by the whole source `logs`.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use serde_json::{Value, json};
use throughput_aws_tests::{Keys, Setting, minutes_ago, settle, shared};
use throughput_crds::Observe;
use throughput_sources::recording::Recording;
use throughput_sources::source::{Settled, Source, Window};

use crate::logs::write;

/// The source by the way that the operator opens it, with only these log groups.
fn source(setting: &Setting, logs: &Value) -> Box<dyn Source> {
    let logs = serde_json::from_value(logs.clone()).unwrap();
    let observe = Observe { aws: Some(setting.aws.clone()), logs: Some(logs), ..Observe::default() };
    throughput_sources::open::open(&observe, &setting.access()).remove(0)
}

/// What a source writes into a recording from its beginning to its end, as a run asks for it, but without pauses.
async fn watch(mut source: Box<dyn Source>, window: Window, recording: &mut Recording) {
    source.begin(recording).await.unwrap();
    source.look(recording).await.unwrap();
    for _ in 0..10 {
        if settle(source.as_mut(), window, recording).await == Settled::Complete {
            // Asking once more changes nothing.
            assert_eq!(settle(source.as_mut(), window, recording).await, Settled::Complete);
            return;
        }
        let told = recording.shortfalls().iter().any(|shortfall| shortfall.reason == "SearchIncomplete");
        assert!(told, "whoever does not wait for the rest knows that there is one");
    }
    panic!("it is not complete: {:?}", recording.shortfalls());
}

#[tokio::test]
async fn lines_of_log_groups_are_counted_and_shown_once_also_by_an_operator_that_began_again() {
    let stand_in = shared();
    let setting = Setting::new("counted", stand_in.url(), Keys::OfSecret);
    let window = minutes_ago(20, 17);
    let after = |seconds: i64| window.start + SignedDuration::from_secs(seconds);
    let api = [
        (window.start - SignedDuration::from_secs(60), "[CRITICAL] WORKER TIMEOUT (pid:1)"),
        (after(5), "[CRITICAL] WORKER TIMEOUT (pid:7)"),
        (after(6), "a request"),
        (after(65), "[CRITICAL] WORKER TIMEOUT (pid:8)"),
        (after(66), "Traceback (most recent call last):\n  File x\nValueError: password=hidden"),
    ];
    write(&setting, "/counted/api", &api).await;
    write(&setting, "/counted/database", &[(after(7), "2026-01-01 UTC [47] ERROR:  deadlock detected")])
        .await;
    let groups = json!([{"logGroup": "/counted/api"}, {"logGroup": "/counted/database"}]);
    let logs = json!({
        "cloudWatch": groups,
        "builtIn": ["Pulp", "PostgreSql"],
        "patterns": [{"name": "request", "regex": "a request"}],
    });

    let mut recording = Recording::new("logs", window.start);
    watch(source(&setting, &logs), window, &mut recording).await;
    let mut again: Recording = serde_json::from_str(&serde_json::to_string(&recording).unwrap()).unwrap();
    watch(source(&setting, &logs), window, &mut again).await;

    for report in [recording.report(), again.report()] {
        assert_eq!(report.summary.shortfalls, []);
        for (figure, expected) in [
            ("gunicornWorkerTimeout.count", 2.0),
            ("gunicornWorkerTimeoutPerMinute.max", 1.0),
            ("timeouts.count", 2.0),
            ("traceback.count", 1.0),
            ("exception.count", 1.0),
            ("postgresDeadlock.count", 1.0),
            ("request.count", 1.0),
            ("httpServerError.count", 0.0),
            ("lines.count", 7.0),
        ] {
            let figure = format!("logs.{figure}");
            assert_eq!(report.summary.figures.get(&figure), Some(&expected), "{figure}");
        }
        let rows = &report.tables[0].rows;
        let sample = rows.iter().find(|row| row[0] == "gunicornWorkerTimeout").unwrap();
        assert_eq!(sample[2..], ["api-1", "[CRITICAL] WORKER TIMEOUT (pid:7)"]);
        assert!(rows.iter().any(|row| row[3] == "ValueError: password=***"), "{rows:?}");
    }
    let requests = stand_in.requests(&setting.key);
    let mut asked = requests.iter().filter(|request| request.operation == "FilterLogEvents");
    assert!(
        asked.all(|request| request.parameters["filterPattern"].is_null()),
        "of one's own, no text is known"
    );
}

#[tokio::test]
async fn only_lines_with_texts_of_the_patterns_are_asked_for_where_each_has_some() {
    let stand_in = shared();
    let setting = Setting::new("texts", stand_in.url(), Keys::OfSecret);
    let window = minutes_ago(20, 17);
    write(&setting, "/texts/database", &[(window.start, "2026-01-01 UTC [47] PANIC:  no space")]).await;
    let logs = json!({"cloudWatch": [{"logGroup": "/texts/database"}], "builtIn": ["PostgreSql"]});
    let mut recording = Recording::new("logs", window.start);
    watch(source(&setting, &logs), window, &mut recording).await;
    assert_eq!(recording.report().summary.figures.get("logs.postgresCrash.count"), Some(&1.0));
    let requests = stand_in.requests(&setting.key);
    let asked = requests.iter().find(|request| request.operation == "FilterLogEvents").unwrap();
    let filter = asked.parameters["filterPattern"].as_str().unwrap();
    assert!(filter.contains(r#"?"PANIC:  ""#) && filter.contains(r#"?"deadlock detected""#), "{filter}");
}

#[tokio::test]
async fn a_group_that_may_not_be_read_is_told_and_has_no_figures() {
    let stand_in = shared();
    let setting = Setting::new("logs-denied", stand_in.url(), Keys::OfSecret);
    let message = "User: arn:aws:iam::1:user/perf is not authorized to perform: logs:FilterLogEvents";
    let denied = json!([{"status": 400, "code": "AccessDeniedException", "message": message}]);
    stand_in.script(&setting.key, "FilterLogEvents", &denied);
    let window = minutes_ago(20, 17);
    let mut recording = Recording::new("logs", window.start);
    let logs = json!({"cloudWatch": [{"logGroup": "/g"}], "builtIn": ["Pulp"]});
    watch(source(&setting, &logs), window, &mut recording).await;
    let report = recording.report();
    let shortfalls: Vec<(&str, &str)> = report
        .summary
        .shortfalls
        .iter()
        .map(|shortfall| (shortfall.reason.as_str(), shortfall.message.as_str()))
        .collect();
    let words = format!("reading the log group /g: AccessDeniedException: {message}");
    assert_eq!(shortfalls, [("AccessDenied", words.as_str())]);
    assert!(report.summary.figures.is_empty(), "what was not read is a gap and no nought");
    assert_eq!(stand_in.requests(&setting.key).len(), 1, "what is refused is not asked again");
}

#[tokio::test]
async fn keys_that_their_owner_gave_for_something_else_are_not_used_for_logs() {
    let setting = Setting::new("logs-other", shared().url(), Keys::OfSecretForOther);
    let window = minutes_ago(20, 17);
    let mut recording = Recording::new("logs", window.start);
    let logs = json!({"cloudWatch": [{"logGroup": "/g"}], "builtIn": ["Pulp"]});
    watch(source(&setting, &logs), window, &mut recording).await;
    let shortfall = &recording.shortfalls()[0];
    assert_eq!(shortfall.reason, "SecretNotPermitted");
    assert!(shortfall.message.ends_with("perf.pulpproject.org/for=aws"), "{}", shortfall.message);
    assert!(shared().requests(&setting.key).is_empty());
}

#[tokio::test]
async fn a_query_is_stopped_when_the_time_for_it_is_up() {
    let stand_in = shared();
    let setting = Setting::new("time-up", stand_in.url(), Keys::OfSecret);
    stand_in.script(&setting.key, "StartQuery", &json!([{"answer": {"queryId": "q-4"}}]));
    let running = json!([{"answer": {"status": "Running", "results": []}}]);
    stand_in.script(&setting.key, "GetQueryResults", &running);
    stand_in.script(&setting.key, "StopQuery", &json!([{"answer": {"success": true}}]));
    let window = minutes_ago(20, 17);
    let mut recording = Recording::new("logs", window.start);
    let logs = json!({"cloudWatch": [{"logGroup": "/g", "insights": true}], "builtIn": ["Pulp"]});
    let mut source = source(&setting, &logs);
    for _ in 0..2 {
        assert_ne!(settle(source.as_mut(), window, &mut recording).await, Settled::Complete);
    }
    drop(source);
    let stopped = || stand_in.requests(&setting.key).iter().any(|request| request.operation == "StopQuery");
    let until = Instant::now() + Duration::from_secs(20);
    while !stopped() {
        assert!(Instant::now() < until, "the query was not stopped");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(recording.shortfalls()[0].reason, "SearchIncomplete");
}
