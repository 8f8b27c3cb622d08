//! What CloudWatch has becomes figures, and nothing else is asked for.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use throughput_aws_tests::instance::{self, EACH_MINUTE};
use throughput_aws_tests::{Keys, Request, Setting, metric_answer, minutes_ago, settle, shared};
use throughput_sources::recording::Recording;
use throughput_sources::source::{Settled, Window};

const FORMULA: &str = "LEAST({DBInstanceClassMemory/9531392},5000)";

/// The minutes that begin within a window, with the one before it.
fn minutes(window: Window) -> Vec<Timestamp> {
    let first = Timestamp::from_second(window.start.as_second().div_euclid(60) * 60).unwrap();
    let minutes = (-1..60).map(|minute| first + SignedDuration::from_mins(minute));
    minutes.take_while(|minute| *minute < window.end).collect()
}

fn question(requests: &[Request]) -> &Request {
    requests.iter().rev().find(|request| request.operation == "GetMetricData").unwrap()
}

#[tokio::test]
async fn minutes_become_figures_with_their_units_and_the_instance_becomes_facts() {
    let stand_in = shared();
    let setting = Setting::new("figures", stand_in.url(), Keys::OfSecret);
    let window = minutes_ago(20, 15);
    instance::create(&setting).await;
    for metric in EACH_MINUTE {
        instance::put(&setting, metric, &minutes(window), [10.0, 30.0]).await;
    }
    let pages = json!([
        instance::parameters(&[("autovacuum", "1")], Some("next")),
        instance::parameters(&[("max_connections", FORMULA)], None),
    ]);
    stand_in.script(&setting.key, "DescribeDBParameters", &pages);

    let mut recording = Recording::new("rds", window.start);
    let mut source = setting.source();
    source.begin(&mut recording).await.unwrap();
    assert_eq!(settle(source.as_mut(), window, &mut recording).await, Settled::Complete);

    let report = recording.report();
    assert_eq!(report.summary.shortfalls, []);
    for (figure, expected) in [
        ("rds.cpuPercent.min", 10.0),
        ("rds.cpuPercent.mean", 20.0),
        ("rds.cpuPercent.max", 30.0),
        ("rds.readLatencyMilliseconds.max", 30_000.0),
        ("rds.freeableMemoryBytes.min", 10.0),
        ("rds.coveragePercent", 100.0),
        ("rds.maxConnections", 1_802.0),
        ("rds.databaseConnectionsPercentOfMax.max", 1.664_82),
    ] {
        assert_eq!(report.summary.figures.get(figure), Some(&expected), "{figure}");
    }
    assert!(!report.summary.figures.contains_key("rds.dbLoad.max"), "what has no points is no figure");
    let facts = &report.summary.facts;
    assert_eq!(facts["instanceClass"], "db.m6g.xlarge");
    assert!(facts["engine"].starts_with("postgres "), "{facts:?}");
    assert!(facts["maxConnections"].starts_with("about 1802, estimated: LEAST("), "{facts:?}");
    let cpu = report.series.iter().find(|series| series.metric == "cpuPercent").unwrap();
    assert_eq!((cpu.step_milliseconds, cpu.points.len()), (60_000, 5));
    assert_eq!(cpu.points[0].at_milliseconds, -1_500, "a minute begins when it does");
}

#[tokio::test]
async fn all_metrics_are_asked_for_in_one_question_in_whole_minutes() {
    let stand_in = shared();
    let mut setting = Setting::new("question", stand_in.url(), Keys::OfSecret);
    setting.rds.metrics = vec!["ReplicaLag".to_owned(), "CPUUtilization".to_owned()];
    let window = minutes_ago(20, 15);
    instance::create(&setting).await;
    let mut recording = Recording::new("rds", window.start);
    let mut source = setting.source();
    settle(source.as_mut(), window, &mut recording).await;

    let requests = stand_in.requests(&setting.key);
    let asked: Vec<&Request> =
        requests.iter().filter(|request| request.operation == "GetMetricData").collect();
    assert_eq!(asked.len(), 1);
    let Request { service, region, parameters, .. } = asked[0];
    assert_eq!((service.as_str(), region.as_str()), ("monitoring", "eu-central-1"));
    // Fifteen minutes before, to know what the instance has points of.
    let start = (window.start.as_second() / 60 - 15) * 60;
    let end = (window.end.as_second() / 60 + 1) * 60;
    assert_eq!(parameters["StartTime"].as_i64(), Some(start));
    assert_eq!(parameters["EndTime"].as_i64(), Some(end));
    assert_eq!(parameters["ScanBy"], "TimestampAscending");
    let queries = parameters["MetricDataQueries"].as_array().unwrap();
    assert_eq!(queries.len(), 19 * 3);
    for query in queries {
        let asked = &query["MetricStat"];
        assert_eq!((asked["Period"].as_i64(), &asked["Metric"]["Namespace"]), (Some(60), &json!("AWS/RDS")));
        let dimensions = json!([{"Name": "DBInstanceIdentifier", "Value": "question"}]);
        assert_eq!(asked["Metric"]["Dimensions"], dimensions);
    }
    for metric in EACH_MINUTE.into_iter().chain(["DBLoad", "BurstBalance", "ReplicaLag"]) {
        let statistics: Vec<&Value> = queries
            .iter()
            .filter(|query| query["MetricStat"]["Metric"]["MetricName"] == metric)
            .map(|query| &query["MetricStat"]["Stat"])
            .collect();
        assert_eq!(statistics, [&json!("Average"), &json!("Minimum"), &json!("Maximum")], "{metric}");
    }
}

#[tokio::test]
async fn an_instance_is_described_once_a_cell_also_by_an_operator_that_began_again() {
    let stand_in = shared();
    let setting = Setting::new("remembered", stand_in.url(), Keys::OfSecret);
    instance::create(&setting).await;
    let window = minutes_ago(20, 15);
    let mut recording = Recording::new("rds", window.start);
    setting.source().begin(&mut recording).await.unwrap();
    let mut recording: Recording = serde_json::from_str(&serde_json::to_string(&recording).unwrap()).unwrap();
    let mut again = setting.source();
    again.begin(&mut recording).await.unwrap();
    settle(again.as_mut(), window, &mut recording).await;
    let requests = stand_in.requests(&setting.key);
    // The test's own request created it.
    let described = requests.iter().filter(|request| request.operation == "DescribeDBInstances");
    assert_eq!(described.count(), 1);
    assert_eq!(recording.fact("instanceClass"), Some("db.m6g.xlarge"));
}

#[tokio::test]
async fn pages_and_partial_data_are_put_together() {
    let stand_in = shared();
    let setting = Setting::new("pages", stand_in.url(), Keys::OfSecret);
    let window = minutes_ago(20, 18);
    let of = minutes(window);
    let pages = json!([
        metric_answer(0, "PartialData", &[(of[1], [5.0, 4.0, 6.0])], Some("more")),
        metric_answer(0, "Complete", &[(of[2], [7.0, 1.0, 9.0])], None),
    ]);
    stand_in.script(&setting.key, "GetMetricData", &pages);
    instance::create(&setting).await;
    let mut recording = Recording::new("rds", window.start);
    let mut source = setting.source();
    assert_eq!(settle(source.as_mut(), window, &mut recording).await, Settled::Complete);
    let figures = recording.report().summary.figures;
    let cpu =
        ["min", "mean", "max"].map(|statistic| figures[&format!("rds.cpuPercent.{statistic}")].to_string());
    assert_eq!(cpu, ["1", "6", "9"]);
    assert_eq!(recording.shortfalls(), []);
    let requests = stand_in.requests(&setting.key);
    assert_eq!(question(&requests).parameters["NextToken"], "more");
}

#[tokio::test]
async fn a_parameter_group_that_does_not_tell_the_most_connections_is_told_where_they_are_judged() {
    let stand_in = shared();
    let window = minutes_ago(20, 18);
    for (name, parameter, words) in [
        ("untold", ("autovacuum", "1"), "untold-parameters has no value of max_connections"),
        (
            "unclear",
            ("max_connections", "{DBInstanceClassMemory/0}"),
            "max_connections is {DBInstanceClassMemory/0}, which is no number of connections",
        ),
    ] {
        let setting = Setting::new(name, stand_in.url(), Keys::OfSecret);
        instance::create(&setting).await;
        instance::put(&setting, "DatabaseConnections", &minutes(window), [1.0, 1.0]).await;
        let answer = json!([instance::parameters(&[parameter], None)]);
        stand_in.script(&setting.key, "DescribeDBParameters", &answer);
        let mut recording = Recording::new("rds", window.start);
        settle(setting.source().as_mut(), window, &mut recording).await;
        let summary = recording.report().summary;
        let shortfall = summary.shortfall_of("rds.databaseConnectionsPercentOfMax.max").unwrap();
        let expected = format!("how many connections the database allows is unknown: {words}");
        assert_eq!((shortfall.reason.as_str(), &shortfall.message), ("MaxConnectionsUnknown", &expected));
        assert!(summary.shortfall_of("rds.databaseConnections.max").is_none(), "{name}");
        assert_eq!(summary.figures.get("rds.databaseConnections.max"), Some(&1.0), "{name}");
    }
}

#[tokio::test]
async fn a_metric_that_was_asked_for_by_name_and_is_not_there_is_told() {
    let stand_in = shared();
    let mut setting = Setting::new("unknown", stand_in.url(), Keys::OfSecret);
    setting.rds.metrics = vec!["BurstBalanze".to_owned()];
    let window = minutes_ago(20, 18);
    instance::create(&setting).await;
    instance::put(&setting, "CPUUtilization", &minutes(window), [1.0, 1.0]).await;
    let mut recording = Recording::new("rds", window.start);
    let mut source = setting.source();
    assert_eq!(settle(source.as_mut(), window, &mut recording).await, Settled::Complete);
    let shortfall = &recording.shortfalls()[0];
    assert_eq!(
        (shortfall.reason.as_str(), shortfall.message.as_str()),
        ("MetricNotPublished", "CloudWatch has no point of BurstBalanze")
    );
}
