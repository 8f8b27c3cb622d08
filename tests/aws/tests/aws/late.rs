//! CloudWatch's minutes come two or three minutes late, or not at all.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use throughput_aws_tests::{
    Keys, Minute, Setting, StandIn, instance, metric_answer, minutes_ago, settle, shared,
};
use throughput_model::source_report::Shortfall;
use throughput_sources::recording::Recording;
use throughput_sources::source::{Settled, Source, Window};

fn minutes(window: Window, count: i64) -> Vec<Minute> {
    let first = window.start.as_second().div_euclid(60) * 60;
    let of = |minute: i64| Timestamp::from_second(first + 60 * minute).unwrap();
    (0..count).map(|minute| (of(minute), [50.0, 40.0, 60.0])).collect()
}

fn coverage(recording: &Recording) -> f64 {
    recording.report().summary.figures["rds.coveragePercent"]
}

fn reasons(recording: &Recording) -> Vec<&str> {
    recording.shortfalls().iter().map(|shortfall| shortfall.reason.as_str()).collect()
}

async fn prepared(test: &str, stand_in: &StandIn) -> (Setting, Box<dyn Source>, Recording) {
    let setting = Setting::new(test, stand_in.url(), Keys::OfSecret);
    instance::create(&setting).await;
    let source = setting.source();
    (setting, source, Recording::new("rds", Timestamp::now() - SignedDuration::from_mins(5)))
}

#[tokio::test]
async fn it_is_asked_again_until_the_last_minute_is_there() {
    let stand_in = shared();
    let (setting, mut source, mut recording) = prepared("late", stand_in).await;
    let window = minutes_ago(4, 0);
    let answers = json!([
        metric_answer(0, "Complete", &minutes(window, 2), None),
        metric_answer(0, "PartialData", &minutes(window, 3), None),
        metric_answer(0, "Complete", &minutes(window, 4), None),
    ]);
    stand_in.script(&setting.key, "GetMetricData", &answers);
    for expected in [50.0, 75.0] {
        let settled = settle(source.as_mut(), window, &mut recording).await;
        let Settled::Again(wait) = settled else { panic!("it is not complete yet") };
        assert!((Duration::from_secs(10)..Duration::from_mins(1)).contains(&wait));
        assert!((coverage(&recording) - expected).abs() < 0.1);
        assert_eq!(reasons(&recording), ["MetricsIncomplete"]);
    }
    assert_eq!(settle(source.as_mut(), window, &mut recording).await, Settled::Complete);
    assert!((coverage(&recording) - 100.0).abs() < f64::EPSILON);
    assert_eq!(reasons(&recording), Vec::<&str>::new());
    assert_eq!(recording.report().series[0].points.len(), 4);
}

#[tokio::test]
async fn a_minute_that_does_not_come_is_a_gap_and_never_a_zero() {
    let stand_in = shared();
    let (setting, mut source, mut recording) = prepared("gap", stand_in).await;
    let window = minutes_ago(34, 30);
    let mut there = minutes(window, 4);
    there.remove(1);
    stand_in.script(&setting.key, "GetMetricData", &json!([metric_answer(0, "Complete", &there, None)]));
    assert_eq!(settle(source.as_mut(), window, &mut recording).await, Settled::Complete);
    let report = recording.report();
    assert_eq!(report.series[0].points.len(), 3);
    assert_eq!(report.summary.figures["rds.cpuPercent.min"].to_string(), "40");
    let [Shortfall { reason, message, .. }] = &report.summary.shortfalls[..] else {
        panic!("{:?}", report.summary.shortfalls)
    };
    assert_eq!(reason, "MetricsIncomplete");
    assert!(message.starts_with("CloudWatch has 75 % of the points: minutes between "), "{message}");
}

#[tokio::test]
async fn what_is_complete_in_the_middle_of_throttling_is_complete() {
    let stand_in = shared();
    let (setting, mut source, mut recording) = prepared("throttled-once", stand_in).await;
    let window = minutes_ago(34, 30);
    let throttled = json!({"status": 400, "code": "Throttling", "message": "Rate exceeded"});
    let answer = metric_answer(0, "Complete", &minutes(window, 4), None);
    stand_in.script(&setting.key, "GetMetricData", &json!([throttled, throttled, answer]));
    assert_eq!(settle(source.as_mut(), window, &mut recording).await, Settled::Complete);
    assert_eq!(reasons(&recording), Vec::<&str>::new());
}

#[tokio::test]
async fn lasting_throttling_is_told_and_taken_back_once_it_ends() {
    let stand_in = shared();
    let (setting, mut source, mut recording) = prepared("throttled", stand_in).await;
    let window = minutes_ago(34, 30);
    let throttled = json!({"status": 400, "code": "Throttling", "message": "Rate exceeded"});
    stand_in.script(&setting.key, "GetMetricData", &json!([throttled]));
    for _ in 0..2 {
        assert!(matches!(settle(source.as_mut(), window, &mut recording).await, Settled::Again(_)));
    }
    let [Shortfall { reason, message, count, .. }] = recording.shortfalls() else {
        panic!("{:?}", recording.shortfalls())
    };
    assert_eq!((reason.as_str(), *count), ("Throttled", 2));
    assert_eq!(message, "reading metrics from CloudWatch: Throttling: Rate exceeded");
    let answer = metric_answer(0, "Complete", &minutes(window, 4), None);
    stand_in.script(&setting.key, "GetMetricData", &json!([answer]));
    assert_eq!(settle(source.as_mut(), window, &mut recording).await, Settled::Complete);
    assert_eq!(reasons(&recording), Vec::<&str>::new());
}

#[tokio::test]
async fn a_service_that_dies_in_mid_run_is_told_and_asked_again() {
    let mut stand_in = StandIn::start();
    let (_, mut source, mut recording) = prepared("dying", &stand_in).await;
    source.begin(&mut recording).await.unwrap();
    assert_eq!(recording.shortfalls(), []);
    stand_in.kill();
    let settled = settle(source.as_mut(), minutes_ago(34, 30), &mut recording).await;
    assert!(matches!(settled, Settled::Again(_)));
    assert_eq!(reasons(&recording), ["Unreachable"]);
    assert!(recording.fact("instanceClass").is_some(), "what was known stays known");
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_given_up_within_the_time_that_a_call_has() {
    let stand_in = shared();
    let (setting, mut source, mut recording) = prepared("silent", stand_in).await;
    stand_in.script(&setting.key, "GetMetricData", &json!([{"silence": 30}]));
    let settled = settle(source.as_mut(), minutes_ago(34, 30), &mut recording);
    let settled = tokio::time::timeout(Duration::from_secs(20), settled).await.unwrap();
    assert!(matches!(settled, Settled::Again(_)));
    assert_eq!(reasons(&recording), ["DeadlineExceeded"]);
}
