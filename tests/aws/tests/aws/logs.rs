//! Lines of CloudWatch's logs, by pages and by queries.

use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use throughput_aws_tests::{Keys, Setting, minutes_ago, shared};
use throughput_crds::CloudWatchLogs;
use throughput_sources::cloudwatch_logs::{LogGroups, Proceeded, Progress, Search, connect};
use throughput_sources::source::Window;

fn group(name: &str, insights: bool) -> CloudWatchLogs {
    CloudWatchLogs { log_group: name.to_owned(), insights }
}

/// Writes lines into a new log group.
pub(crate) async fn write(setting: &Setting, group: &str, lines: &[(Timestamp, &str)]) {
    let client = aws_sdk_cloudwatchlogs::Client::new(&setting.config().await);
    client.create_log_group().log_group_name(group).send().await.unwrap();
    client.create_log_stream().log_group_name(group).log_stream_name("api-1").send().await.unwrap();
    let events = lines.iter().map(|(at, text)| {
        InputLogEvent::builder().timestamp(at.as_millisecond()).message(*text).build().unwrap()
    });
    let put = client.put_log_events().log_group_name(group).log_stream_name("api-1");
    put.set_log_events(Some(events.collect())).send().await.unwrap();
}

/// All that a search hands out, and how it ended.
async fn all(search: &mut Search, setting: &Setting) -> (Vec<(String, String)>, Progress) {
    let client = connect(&setting.aws, &setting.access()).await.unwrap();
    let mut found = Vec::new();
    loop {
        let take = |line: throughput_sources::cloudwatch_logs::Line<'_>| {
            found.push((line.stream.to_owned(), line.text.to_owned()));
        };
        let progress = search.proceed(&client, take).await.unwrap();
        if progress != Progress::UnderWay {
            return (found, progress);
        }
    }
}

#[tokio::test]
async fn lines_of_a_window_are_found_by_a_term() {
    let stand_in = shared();
    let setting = Setting::new("filtered", stand_in.url(), Keys::OfSecret);
    let window = minutes_ago(20, 15);
    let within = window.start + SignedDuration::from_secs(60);
    let lines = [
        (window.start - SignedDuration::from_secs(60), "WORKER TIMEOUT before"),
        (within, "[CRITICAL] WORKER TIMEOUT (pid:7)"),
        (within, "a request"),
        (window.end + SignedDuration::from_secs(60), "WORKER TIMEOUT after"),
    ];
    write(&setting, "/filtered/api", &lines).await;
    let mut search = Search::new(&group("/filtered/api", false), &["WORKER TIMEOUT"], window);
    let found = all(&mut search, &setting).await;
    let expected = ("api-1".to_owned(), "[CRITICAL] WORKER TIMEOUT (pid:7)".to_owned());
    // moto does not know that any of several terms is enough, and hands out all lines where they are marked so.
    assert!(found.0.contains(&expected), "{found:?}");
    assert!(
        found.0.iter().all(|(_, text)| !text.ends_with("before") && !text.ends_with("after")),
        "{found:?}"
    );
    assert_eq!(found.1, Progress::Complete);
    let requests = stand_in.requests(&setting.key);
    let asked = requests.iter().find(|request| request.operation == "FilterLogEvents").unwrap();
    let expected = json!({
        "logGroupName": "/filtered/api",
        "startTime": window.start.as_millisecond(),
        "endTime": window.end.as_millisecond(),
        "filterPattern": "?\"WORKER TIMEOUT\"",
    });
    assert_eq!(asked.parameters, expected);
}

#[tokio::test]
async fn a_group_that_is_not_there_does_not_hide_the_others() {
    let stand_in = shared();
    let setting = Setting::new("groups", stand_in.url(), Keys::OfSecret);
    let window = minutes_ago(20, 15);
    write(&setting, "/groups/api", &[(window.start, "one"), (window.start, "two")]).await;
    let groups = [group("/groups/api", false), group("/groups/missing", false)];
    let mut groups = LogGroups::new(&groups, &[], &setting.aws, &setting.access());
    let mut found = Vec::new();
    let proceeded = groups.proceed(window, |line| found.push(line.text.to_owned())).await;
    assert_eq!(found, ["one", "two"]);
    assert!(proceeded.is_over);
    let reasons: Vec<&str> = proceeded.failures.iter().map(|failure| failure.reason).collect();
    assert_eq!(reasons, ["NotFound"]);
    let again = groups.proceed(window, |line| found.push(line.text.to_owned())).await;
    assert_eq!((again.is_over, found.len()), (true, 2));
}

#[tokio::test]
async fn lines_that_may_still_be_on_their_way_are_waited_for() {
    let setting = Setting::new("on-their-way", shared().url(), Keys::OfSecret);
    let mut groups = LogGroups::new(&[group("/g", false)], &[], &setting.aws, &setting.access());
    let window = Window { end: Timestamp::now(), ..minutes_ago(3, 0) };
    let proceeded = groups.proceed(window, |_| {}).await;
    assert_eq!(proceeded, Proceeded::default());
    assert!(shared().requests(&setting.key).is_empty());
}

#[tokio::test]
async fn pages_are_read_to_the_last_and_no_line_twice() {
    let stand_in = shared();
    let setting = Setting::new("log-pages", stand_in.url(), Keys::OfSecret);
    let page = |text: &str, token: Option<&str>| {
        let event = json!({"timestamp": 1_700_000_000_000_i64, "message": text, "logStreamName": "api-1"});
        json!({"answer": {"events": [event], "nextToken": token}})
    };
    let throttled = json!({"status": 400, "code": "ThrottlingException", "message": "Rate exceeded"});
    let empty = json!({"answer": {"events": [], "nextToken": "third"}});
    let pages = json!([page("one", Some("second")), throttled, empty, page("two", None)]);
    stand_in.script(&setting.key, "FilterLogEvents", &pages);
    let mut search = Search::new(&group("/g", false), &[], minutes_ago(20, 15));
    let (found, progress) = all(&mut search, &setting).await;
    let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!((texts, progress), (vec!["one", "two"], Progress::Complete));
    let requests = stand_in.requests(&setting.key);
    let tokens: Vec<Option<&str>> =
        requests.iter().map(|request| request.parameters["nextToken"].as_str()).collect();
    assert_eq!(tokens, [None, Some("second"), Some("second"), Some("third")]);
}

#[tokio::test]
async fn a_query_is_started_asked_for_until_it_is_complete_and_told_to_be_cut_off() {
    let stand_in = shared();
    let setting = Setting::new("query", stand_in.url(), Keys::OfSecret);
    stand_in.script(&setting.key, "StartQuery", &json!([{"answer": {"queryId": "q-1"}}]));
    let row = json!([
        {"field": "@timestamp", "value": "2026-01-31 09:05:07.123"},
        {"field": "@logStream", "value": "api-1"},
        {"field": "@message", "value": "WORKER TIMEOUT"},
        {"field": "@ptr", "value": "x"},
    ]);
    let states = json!([
        {"answer": {"status": "Scheduled", "results": []}},
        {"answer": {"status": "Running", "results": [row]}},
        {"answer": {"status": "Complete", "results": [row], "statistics": {"recordsMatched": 5.0}}},
    ]);
    stand_in.script(&setting.key, "GetQueryResults", &states);
    let window = minutes_ago(20, 15);
    let mut search = Search::new(&group("/g", true), &["WORKER TIMEOUT"], window);
    let (found, progress) = all(&mut search, &setting).await;
    assert_eq!(found, [("api-1".to_owned(), "WORKER TIMEOUT".to_owned())]);
    assert_eq!(progress, Progress::LeftOut(4));
    let requests = stand_in.requests(&setting.key);
    let started = &requests.iter().find(|request| request.operation == "StartQuery").unwrap().parameters;
    assert_eq!(
        (&started["startTime"], &started["endTime"]),
        (&json!(window.start.as_second()), &json!(window.end.as_second()))
    );
    let query = started["queryString"].as_str().unwrap();
    assert!(query.contains("| filter @message like /WORKER TIMEOUT/ |"), "{query}");
}

#[tokio::test]
async fn a_query_that_nobody_waits_for_is_stopped() {
    let stand_in = shared();
    let setting = Setting::new("stopped", stand_in.url(), Keys::OfSecret);
    stand_in.script(&setting.key, "StartQuery", &json!([{"answer": {"queryId": "q-2"}}]));
    stand_in.script(
        &setting.key,
        "GetQueryResults",
        &json!([{"answer": {"status": "Running", "results": []}}]),
    );
    stand_in.script(&setting.key, "StopQuery", &json!([{"answer": {"success": true}}]));
    let client = connect(&setting.aws, &setting.access()).await.unwrap();
    let mut search = Search::new(&group("/g", true), &[], minutes_ago(20, 15));
    assert_eq!(search.proceed(&client, |_| {}).await, Ok(Progress::UnderWay));
    search.stop(&client).await.unwrap();
    let requests = stand_in.requests(&setting.key);
    let stopped = requests.iter().find(|request| request.operation == "StopQuery").unwrap();
    assert_eq!(stopped.parameters, json!({"queryId": "q-2"}));
}

#[tokio::test]
async fn a_query_that_fails_and_a_group_that_is_not_there_are_told() {
    let stand_in = shared();
    let setting = Setting::new("failed-query", stand_in.url(), Keys::OfSecret);
    stand_in.script(&setting.key, "StartQuery", &json!([{"answer": {"queryId": "q-3"}}]));
    stand_in.script(
        &setting.key,
        "GetQueryResults",
        &json!([{"answer": {"status": "Failed", "results": []}}]),
    );
    let client = connect(&setting.aws, &setting.access()).await.unwrap();
    let mut search = Search::new(&group("/g", true), &[], minutes_ago(20, 15));
    let error = search.proceed(&client, |_| {}).await.unwrap_err();
    assert_eq!((error.reason, error.message.as_str()), ("QueryFailed", "the query of /g ended as Failed"));
    let mut search = Search::new(&group("/missing", false), &[], minutes_ago(20, 15));
    let error = search.proceed(&client, |_| {}).await.unwrap_err();
    assert_eq!(error.reason, "NotFound");
    assert!(
        error.message.starts_with("reading the log group /missing: ResourceNotFoundException: "),
        "{error}"
    );
}
