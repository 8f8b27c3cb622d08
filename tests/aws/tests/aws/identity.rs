//! Whose rights are used.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use throughput_aws_tests::{Keys, Setting, TOKEN, instance, minutes_ago, settle, shared};
use throughput_sources::recording::Recording;

const ROLE: &str = "arn:aws:iam::123456789012:role/reads-metrics";
/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:1";
const URL: &str = "TEST_STAND_IN_URL";

#[tokio::test]
async fn a_role_is_assumed_once_with_the_keys_and_its_own_keys_are_used_from_then_on() {
    let stand_in = shared();
    let mut setting = Setting::new("role", stand_in.url(), Keys::OfSecret);
    setting.aws.role_arn = Some(ROLE.to_owned());
    instance::create(&setting).await;
    let window = minutes_ago(10, 5);
    let mut recording = Recording::new("rds", window.start);
    let mut source = setting.source();
    source.begin(&mut recording).await.unwrap();
    settle(source.as_mut(), window, &mut recording).await;
    let own = stand_in.requests(&setting.key);
    // The test's own requests made the instance.
    let makes = |operation: &str| operation.starts_with("Create") || operation.starts_with("Modify");
    let own: Vec<_> = own.iter().filter(|request| !makes(&request.operation)).collect();
    let [assumed] = &own[..] else { panic!("{own:?}") };
    assert_eq!((assumed.operation.as_str(), assumed.token.as_deref()), ("AssumeRole", Some(TOKEN)));
    assert_eq!(assumed.parameters["RoleArn"], ROLE);
    assert_eq!(assumed.parameters["RoleSessionName"], "throughput-perf-tasks-10k");
    let all = stand_in.all_requests();
    let of_role = all.iter().find(|request| {
        request.operation == "DescribeDBInstances" && request.parameters["DBInstanceIdentifier"] == "role"
    });
    let of_role = of_role.unwrap();
    assert!(of_role.key.starts_with("ASIA") && of_role.token.is_some(), "{of_role:?}");
    assert_eq!(recording.fact("instance"), Some("role"));
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_told_in_the_words_of_sts() {
    let stand_in = shared();
    let mut setting = Setting::new("role-denied", stand_in.url(), Keys::OfSecret);
    setting.aws.role_arn = Some(ROLE.to_owned());
    let message = format!("User: perf is not authorized to perform: sts:AssumeRole on resource: {ROLE}");
    let refusal = json!([{"status": 403, "code": "AccessDenied", "message": message}]);
    stand_in.script(&setting.key, "AssumeRole", &refusal);
    let mut recording = Recording::new("rds", minutes_ago(10, 5).start);
    setting.source().begin(&mut recording).await.unwrap();
    let [shortfall] = recording.shortfalls() else { panic!("{:?}", recording.shortfalls()) };
    assert_eq!(shortfall.reason, "AccessDenied");
    assert!(shortfall.message.contains(&message), "{}", shortfall.message);
}

#[tokio::test]
async fn a_secret_for_something_else_is_not_used() {
    let stand_in = shared();
    let setting = Setting::new("other-secret", stand_in.url(), Keys::OfSecretForOther);
    let mut recording = Recording::new("rds", minutes_ago(10, 5).start);
    let error = setting.source().begin(&mut recording).await.unwrap_err();
    assert_eq!(error.reason, "SecretNotPermitted");
    assert!(error.message.ends_with("perf.pulpproject.org/for=aws"), "{error}");
    assert!(stand_in.requests(&setting.key).is_empty());
}

#[tokio::test]
async fn a_pod_with_a_web_identity_reads_with_its_role() {
    instance::create(&Setting::new("own-identity", shared().url(), Keys::OfOperator)).await;
    let token = std::env::temp_dir().join(format!("throughput-web-identity-{}", std::process::id()));
    std::fs::write(&token, "a.web.identity").unwrap();
    let report = as_operator(&[
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ENDPOINT_URL_STS", shared().url()),
    ]);
    std::fs::remove_file(&token).unwrap();
    assert_eq!(report["facts"]["instance"], "own-identity", "{report}");
    assert_eq!(report["shortfalls"], Value::Null, "{report}");
}

#[tokio::test]
async fn a_service_of_roles_that_is_not_there_is_told_as_such() {
    let mut setting = Setting::new("role-unreachable", shared().url(), Keys::OfSecret);
    setting.aws.role_arn = Some(ROLE.to_owned());
    setting.aws.endpoints.sts = Some(NOBODY.to_owned());
    let mut recording = Recording::new("rds", minutes_ago(10, 5).start);
    setting.source().begin(&mut recording).await.unwrap();
    assert_eq!(recording.shortfalls()[0].reason, "Unreachable");
}

#[test]
fn without_any_credentials_that_is_what_is_told() {
    for environment in [("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", NOBODY)]
    {
        let started = Instant::now();
        let report = as_operator(&[environment]);
        assert_eq!(report["shortfalls"][0]["reason"], "NoCredentials", "{report}");
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}

/// What the operator's own identity sees, in a process with this environment and no other.
fn as_operator(environment: &[(&str, &str)]) -> Value {
    let Output { stdout, stderr, status } = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "identity::the_operators_own_identity", "--ignored", "--nocapture"])
        .env_clear()
        .envs(environment.iter().copied())
        .env(URL, shared().url())
        .output()
        .unwrap();
    let text = String::from_utf8(stdout).unwrap();
    let report = text.lines().find_map(|line| line.split_once("report: "));
    let Some((_, report)) = report else { panic!("{status}\n{text}\n{}", String::from_utf8_lossy(&stderr)) };
    serde_json::from_str(report).unwrap()
}

#[tokio::test]
#[ignore = "run by other tests, as a process of its own"]
async fn the_operators_own_identity() {
    let Ok(url) = std::env::var(URL) else { return };
    let setting = Setting::new("own-identity", &url, Keys::OfOperator);
    let mut recording = Recording::new("rds", minutes_ago(10, 5).start);
    setting.source().begin(&mut recording).await.unwrap();
    println!("report: {}", serde_json::to_string(&recording.report().summary).unwrap());
}
