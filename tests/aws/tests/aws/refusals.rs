//! What AWS refuses is told at once, in its own words, and never waited for.

use serde_json::json;
use throughput_aws_tests::{Keys, Setting, instance, minutes_ago, settle, shared};
use throughput_sources::recording::Recording;
use throughput_sources::source::Settled;

fn shortfalls(recording: &Recording) -> Vec<(String, String)> {
    recording
        .shortfalls()
        .iter()
        .map(|shortfall| (shortfall.reason.clone(), shortfall.message.clone()))
        .collect()
}

#[tokio::test]
async fn missing_rights_are_known_before_the_first_task() {
    let stand_in = shared();
    let setting = Setting::new("denied", stand_in.url(), Keys::OfSecret);
    let denied = |action: &str| {
        let message = format!("User: arn:aws:iam::1:user/perf is not authorized to perform: {action}");
        json!([{"status": 403, "code": "AccessDenied", "message": message}])
    };
    stand_in.script(&setting.key, "DescribeDBInstances", &denied("rds:DescribeDBInstances"));
    stand_in.script(&setting.key, "GetMetricData", &denied("cloudwatch:GetMetricData"));
    let window = minutes_ago(10, 5);
    let mut recording = Recording::new("rds", window.start);
    let mut source = setting.source();
    source.begin(&mut recording).await.unwrap();
    let expected = "describing the RDS instance denied: AccessDenied: User: arn:aws:iam::1:user/perf is not authorized to perform: rds:DescribeDBInstances";
    assert_eq!(shortfalls(&recording), [("AccessDenied".to_owned(), expected.to_owned())]);
    let settled = settle(source.as_mut(), window, &mut recording).await;
    assert_eq!(settled, Settled::Complete, "what is refused is not waited for");
}

#[tokio::test]
async fn without_the_right_to_describe_the_metrics_are_still_read() {
    let stand_in = shared();
    let setting = Setting::new("half-denied", stand_in.url(), Keys::OfSecret);
    instance::create(&setting).await;
    let denied = json!([{"status": 403, "code": "AccessDenied", "message": "no"}]);
    stand_in.script(&setting.key, "DescribeDBInstances", &denied);
    let window = minutes_ago(20, 19);
    instance::put(&setting, "CPUUtilization", &[minute_of(window.start)], [1.0, 3.0]).await;
    let mut recording = Recording::new("rds", window.start);
    let mut source = setting.source();
    assert_eq!(settle(source.as_mut(), window, &mut recording).await, Settled::Complete);
    assert_eq!(recording.report().summary.figures["rds.cpuPercent.max"].to_string(), "3");
    assert_eq!(shortfalls(&recording)[0].0, "AccessDenied");
    let summary = recording.report().summary;
    assert_eq!(summary.shortfall_of("rds.cpuPercent.max"), None, "a criterion on it can be judged");
    assert!(summary.shortfall_of("rds.databaseConnectionsPercentOfMax.max").is_some());
}

#[tokio::test]
async fn an_instance_that_is_not_there_is_told_and_not_waited_for() {
    let stand_in = shared();
    let setting = Setting::new("missing", stand_in.url(), Keys::OfSecret);
    let window = minutes_ago(10, 5);
    let mut recording = Recording::new("rds", window.start);
    let mut source = setting.source();
    source.begin(&mut recording).await.unwrap();
    assert_eq!(
        shortfalls(&recording),
        [(
            "InstanceNotFound".to_owned(),
            "describing the RDS instance missing: DBInstanceNotFound: DBInstance missing not found."
                .to_owned()
        )]
    );
    assert_eq!(settle(source.as_mut(), window, &mut recording).await, Settled::Complete);
}

#[tokio::test]
async fn each_refusal_has_a_reason_of_its_own() {
    let stand_in = shared();
    for (number, (status, code, reason)) in [
        (403, "ExpiredToken", "ExpiredToken"),
        (403, "InvalidClientTokenId", "CredentialsRefused"),
        (403, "SignatureDoesNotMatch", "CredentialsRefused"),
        (400, "Throttling", "Throttled"),
        (500, "InternalFailure", "Unavailable"),
        (400, "InvalidParameterValue", "Refused"),
    ]
    .into_iter()
    .enumerate()
    {
        let setting = Setting::new(&format!("reason-{number}"), stand_in.url(), Keys::OfSecret);
        let refusal = json!([{"status": status, "code": code, "message": "its own words"}]);
        stand_in.script(&setting.key, "DescribeDBInstances", &refusal);
        let mut recording = Recording::new("rds", minutes_ago(10, 5).start);
        setting.source().begin(&mut recording).await.unwrap();
        let words = format!("describing the RDS instance reason-{number}: {code}: its own words");
        assert_eq!(shortfalls(&recording), [(reason.to_owned(), words)]);
    }
}

fn minute_of(at: jiff::Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap()
}
