//! Performance Insights, which moto does not know: its answers are scripted.

use serde_json::{Value, json};
use throughput_aws_tests::{Keys, Setting, StandIn, instance, minutes_ago, settle, shared};
use throughput_sources::recording::Recording;
use throughput_sources::source::{Settled, Window};

fn prepared(test: &str, stand_in: &StandIn) -> Setting {
    let mut setting = Setting::new(test, stand_in.url(), Keys::OfSecret);
    setting.rds.performance_insights = true;
    setting
}

fn described(name: &str, is_on: bool) -> Value {
    json!([{"xml": format!(
        "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance>\
         <DBInstanceIdentifier>{name}</DBInstanceIdentifier><DbiResourceId>db-ABC</DbiResourceId>\
         <PerformanceInsightsEnabled>{is_on}</PerformanceInsightsEnabled>\
         </DBInstance></DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>"
    )}])
}

fn load(window: Window, event: Option<&str>, values: &[Value]) -> Value {
    let first = window.start.as_second();
    let points: Vec<Value> = (0..)
        .zip(values)
        .map(|(second, value)| json!({"Timestamp": first + second, "Value": value}))
        .collect();
    let mut key = json!({"Metric": "db.load.avg"});
    if let Some(event) = event {
        key["Dimensions"] = json!({"db.wait_event.name": event, "db.wait_event.type": "Lock"});
    }
    json!({"Key": key, "DataPoints": points})
}

#[tokio::test]
async fn the_load_is_told_by_wait_event_and_by_statement() {
    let stand_in = shared();
    let setting = prepared("load", stand_in);
    let window = minutes_ago(3, 1);
    stand_in.script(&setting.key, "DescribeDBInstances", &described("load", true));
    instance::put(&setting, "CPUUtilization", &[window.start], [1.0, 1.0]).await;
    let pages = json!([
        {"answer": {"MetricList": [load(window, None, &[json!(3.5)])], "NextToken": "more"}},
        {"answer": {"MetricList": [
            load(window, Some("transactionid"), &[json!(1.5), json!(2.5)]),
            load(window, Some("CPU"), &[json!(1.0)]),
        ]}},
    ]);
    stand_in.script(&setting.key, "GetResourceMetrics", &pages);
    let statements = json!([{"answer": {"Keys": [
        {"Dimensions": {"db.sql_tokenized.statement": "UPDATE core_task SET state = ?"}, "Total": 1.25},
    ]}}]);
    stand_in.script(&setting.key, "DescribeDimensionKeys", &statements);
    let mut recording = Recording::new("rds", window.start);
    let mut source = setting.source();
    settle(source.as_mut(), window, &mut recording).await;

    let report = recording.report();
    let of_waits = report.series.iter().filter(|series| series.metric == "dbLoadByWait");
    let of_waits: Vec<(&str, usize, u64)> = of_waits
        .map(|series| (series.subject.as_str(), series.points.len(), series.step_milliseconds))
        .collect();
    assert_eq!(of_waits, [("CPU", 1, 1_000), ("transactionid", 2, 1_000)]);
    let table = report.tables.iter().find(|table| table.title == "Statements by database load").unwrap();
    assert_eq!(table.rows, [["1.25", "UPDATE core_task SET state = ?"]]);

    let requests = stand_in.requests(&setting.key);
    let asked = requests.iter().find(|request| request.operation == "GetResourceMetrics").unwrap();
    assert_eq!(asked.service, "pi");
    let parameters = &asked.parameters;
    assert_eq!((&parameters["ServiceType"], &parameters["Identifier"]), (&json!("RDS"), &json!("db-ABC")));
    assert_eq!(parameters["PeriodInSeconds"], 1, "a short window is read by seconds");
    let query = json!([{"Metric": "db.load.avg", "GroupBy": {"Group": "db.wait_event", "Limit": 10}}]);
    assert_eq!(parameters["MetricQueries"], query);
}

#[tokio::test]
async fn an_instance_without_performance_insights_is_told_and_not_waited_for() {
    let stand_in = shared();
    let setting = prepared("off", stand_in);
    stand_in.script(&setting.key, "DescribeDBInstances", &described("off", false));
    let window = minutes_ago(20, 19);
    instance::put(&setting, "CPUUtilization", &[window.start], [1.0, 1.0]).await;
    let mut recording = Recording::new("rds", window.start);
    let mut source = setting.source();
    assert_eq!(settle(source.as_mut(), window, &mut recording).await, Settled::Complete);
    let told = recording.shortfalls().iter().find(|shortfall| shortfall.reason == "PerformanceInsightsOff");
    assert_eq!(told.unwrap().message, "Performance Insights is not enabled for off");
    assert!(!stand_in.requests(&setting.key).iter().any(|request| request.service == "pi"));
}
