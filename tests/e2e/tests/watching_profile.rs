//! py-spy beside real containers, under every level of Pod Security.
#![expect(clippy::unwrap_used, reason = "test code stops at the first surprise")]

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::DeleteParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use throughput_e2e_tests::profiling::{Bench, HIDDEN, Program, is_done, look_until, source};
use throughput_sources::recording::Recording;
use throughput_test_support::sources::{begin, reasons, settle};

const SOON: Duration = Duration::from_mins(1);

/// What Pod Security's level *restricted* wants of a pod, and of a container.
fn restricted() -> (Value, Value) {
    let pod = json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    let container = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    (pod, container)
}

fn root() -> Value {
    json!({"runAsUser": 0, "runAsGroup": 0})
}

/// That there is a profile of the busy program.
fn assert_profiled(recording: &Recording, pod: &str) {
    assert_eq!(reasons(recording), [] as [String; 0], "{recording:#?}");
    let report = recording.report();
    let (samples, errors) =
        (report.summary.figures["profile.samples"], report.summary.figures["profile.errors"]);
    println!("figure profile.samples {samples}");
    println!("figure profile.errors {errors}");
    assert!(samples > 20.0, "{samples} samples");
    assert!(report.summary.facts.contains_key("profiled"));
    let busiest: Vec<&str> = report.tables[0].rows.iter().take(3).map(|row| row[0].as_str()).collect();
    assert!(busiest.contains(&"work_for"), "{busiest:?}");
    let names: Vec<&str> = report.documents.iter().map(|document| document.name.as_str()).collect();
    assert_eq!(names, [format!("{pod}.folded"), format!("{pod}.speedscope.json"), format!("{pod}.svg")]);
    for document in &report.documents {
        println!("figure bytes of {} {}", document.name, document.text.len());
        assert!(document.text.contains("work_for"), "{}", document.name);
        assert!(!document.text.contains(HIDDEN), "{} shows a command line", document.name);
    }
}

#[tokio::test]
async fn a_restricted_pod_is_profiled_without_any_capability() {
    let bench = Bench::enter("restricted", "restricted").await;
    let (mut pod, container) = restricted();
    pod["runAsUser"] = 700.into();
    pod["runAsGroup"] = 700.into();
    bench.start("api", Program::Gunicorn, pod, container).await;
    let recording = bench.profile("api", json!({})).await;
    assert_profiled(&recording, "api");
    assert_eq!(bench.profilers("api").await, 1);
    let context = bench.security_context("api").await;
    assert_eq!((&context["runAsUser"], &context["capabilities"]), (&json!(700), &json!({"drop": ["ALL"]})));
    // In what the profiler wrote there is no command line either, nor in what the operator keeps.
    assert!(!serde_json::to_string(&recording).unwrap().contains(HIDDEN));
    let log = bench.cluster.kubectl(&["logs", "api", "--all-containers"], "").await.unwrap();
    assert!(!log.contains(HIDDEN));
    bench.leave().await;
}

#[tokio::test]
async fn a_user_that_only_the_image_knows_is_found_out() {
    let bench = Bench::enter("unknown-user", "restricted").await;
    let (pod, container) = restricted();
    bench.start("api", Program::Gunicorn, pod, container).await;
    assert_profiled(&bench.profile("api", json!({})).await, "api");
    assert_eq!(bench.profilers("api").await, 2, "one finds out, one profiles");
    assert_eq!(bench.security_context("api").await["runAsUser"], 700);
    bench.leave().await;
}

#[tokio::test]
async fn sys_ptrace_is_refused_where_pods_are_restricted_before_anything_is_started() {
    let bench = Bench::enter("refused", "restricted").await;
    let (pod, container) = restricted();
    bench.start("api", Program::Gunicorn, pod, container).await;
    let mut recording = Recording::new("profile", Timestamp::now());
    let mut source = source("api", json!({"capabilities": "SysPtrace"}), &bench.access());
    begin(source.as_mut(), &mut recording).await;
    assert_eq!(reasons(&recording), ["PodSecurity"], "{recording:#?}");
    settle(source.as_mut(), &mut recording).await;
    assert_eq!((reasons(&recording).len(), bench.profilers("api").await), (1, 0));
    // The level may change between the rehearsal and the profile.
    bench.enforce("privileged").await;
    let mut later =
        throughput_e2e_tests::profiling::source("api", json!({"capabilities": "SysPtrace"}), &bench.access());
    let mut recording = Recording::new("profile", Timestamp::now());
    begin(later.as_mut(), &mut recording).await;
    assert_eq!(reasons(&recording), [] as [String; 0]);
    bench.enforce("restricted").await;
    look_until(later.as_mut(), &mut recording, SOON, is_done).await;
    assert_eq!(reasons(&recording), ["PodSecurity"], "{recording:#?}");
    bench.leave().await;
}

#[tokio::test]
async fn a_container_without_python_is_told_as_such() {
    let bench = Bench::enter("no-python", "restricted").await;
    let (mut pod, container) = restricted();
    pod["runAsUser"] = 700.into();
    pod["runAsGroup"] = 700.into();
    bench.start("sleeper", Program::Sleep, pod, container).await;
    let recording = bench.profile("sleeper", json!({})).await;
    assert_eq!(reasons(&recording), ["NoPython"], "{recording:#?}");
    bench.leave().await;
}

#[tokio::test]
async fn what_one_pod_refuses_leaves_the_profile_of_another() {
    let bench = Bench::enter("two-pods", "restricted").await;
    let (mut pod, container) = restricted();
    pod["runAsUser"] = 700.into();
    pod["runAsGroup"] = 700.into();
    bench.start("api", Program::Gunicorn, pod.clone(), container.clone()).await;
    bench.start("sleeper", Program::Sleep, pod, container).await;
    let recording =
        bench.profile("api", json!({"selector": {"matchLabels": {"profiled": "yes"}}, "pods": 2})).await;
    assert_eq!(reasons(&recording), ["NoPython"], "{recording:#?}");
    let report = recording.report();
    assert!(report.summary.figures["profile.samples"] > 20.0);
    assert_eq!((report.tables.len(), report.documents.len()), (1, 3));
    bench.leave().await;
}

#[tokio::test]
async fn a_target_with_capabilities_is_closed_to_a_profiler_without_them() {
    let bench = Bench::enter("baseline", "baseline").await;
    bench.start("api", Program::Gunicorn, root(), json!({})).await;
    let recording = bench.profile("api", json!({})).await;
    assert_eq!(reasons(&recording), ["CapabilityMismatch"], "{recording:#?}");
    // Without them it is open, whatever its user.
    let dropped = json!({"capabilities": {"drop": ["ALL"]}});
    bench.start("dropped", Program::Gunicorn, root(), dropped).await;
    assert_profiled(&bench.profile("dropped", json!({})).await, "dropped");
    bench.leave().await;
}

#[tokio::test]
async fn sys_ptrace_opens_every_target_where_it_is_permitted() {
    let bench = Bench::enter("privileged", "privileged").await;
    bench.start("root", Program::Gunicorn, root(), json!({})).await;
    assert_profiled(&bench.profile("root", json!({"capabilities": "SysPtrace"})).await, "root");
    bench.start("user", Program::Gunicorn, json!({"runAsUser": 700, "runAsGroup": 700}), json!({})).await;
    assert_profiled(&bench.profile("user", json!({"capabilities": "SysPtrace"})).await, "user");
    bench.leave().await;
}

#[tokio::test]
async fn whoever_lacks_the_right_or_the_image_is_told_which() {
    let bench = Bench::enter("lacking", "restricted").await;
    let (pod, container) = restricted();
    bench.start("api", Program::Gunicorn, pod, container).await;
    let mut access = bench.access();
    access.installation.profile = false;
    assert_eq!(reasons_of(&access).await, ["ProfileNotPermitted"]);
    let mut access = bench.access();
    access.installation.profiler_image = None;
    assert_eq!(reasons_of(&access).await, ["ProfilerNotInstalled"]);
    let mut access = bench.access();
    access.client = as_reader(&bench).await;
    assert_eq!(reasons_of(&access).await, ["RBAC"]);
    let mut access = bench.access();
    access.installation.profiler_image = Some("localhost/throughput/profiler:no-such-tag".to_owned());
    assert_eq!(reasons_of(&access).await, ["ImageNotAvailable"]);
    bench.leave().await;
}

/// What becomes of a profile of `api` with this access.
async fn reasons_of(access: &throughput_sources::access::Access) -> Vec<String> {
    let mut recording = Recording::new("profile", Timestamp::now());
    let mut source = source("api", json!({}), access);
    begin(source.as_mut(), &mut recording).await;
    look_until(source.as_mut(), &mut recording, SOON, is_done).await;
    settle(source.as_mut(), &mut recording).await;
    reasons(&recording)
}

/// Somebody who may read the namespace, and change nothing.
async fn as_reader(bench: &Bench) -> Client {
    let arguments = ["create", "rolebinding", "reader", "--clusterrole=view", "--user=reader"];
    bench.cluster.kubectl(&arguments, "").await.unwrap();
    let kubeconfig = Kubeconfig::read_from(&bench.cluster.kubeconfig).unwrap();
    let mut config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.auth_info.impersonate = Some("reader".to_owned());
    Client::try_from(config).unwrap()
}

#[tokio::test]
async fn another_operator_goes_on_with_a_profile_and_a_pod_that_goes_ends_it() {
    let bench = Bench::enter("restart", "restricted").await;
    let (mut pod, container) = restricted();
    pod["runAsUser"] = 700.into();
    pod["runAsGroup"] = 700.into();
    bench.start("api", Program::Gunicorn, pod.clone(), container.clone()).await;
    let access = bench.access();
    let mut first = source("api", json!({"duration": "10s"}), &access);
    let mut recording = Recording::new("profile", Timestamp::now());
    begin(first.as_mut(), &mut recording).await;
    first.look(&mut recording).await.unwrap();
    drop(first);
    let stored = serde_json::to_string(&recording).unwrap();
    let mut recording: Recording = serde_json::from_str(&stored).unwrap();
    let mut second = source("api", json!({"duration": "10s"}), &access);
    begin(second.as_mut(), &mut recording).await;
    look_until(second.as_mut(), &mut recording, SOON, is_done).await;
    settle(second.as_mut(), &mut recording).await;
    assert_profiled(&recording, "api");
    assert_eq!(bench.profilers("api").await, 1, "it was found, not started once more");

    bench.start("leaving", Program::Gunicorn, pod, container).await;
    let mut third = source("leaving", json!({"duration": "10m"}), &access);
    let mut recording = Recording::new("profile", Timestamp::now());
    begin(third.as_mut(), &mut recording).await;
    third.look(&mut recording).await.unwrap();
    bench.cluster.api::<Pod>().delete("leaving", &DeleteParams::default()).await.unwrap();
    settle(third.as_mut(), &mut recording).await;
    assert_eq!(reasons(&recording), ["PodGone"], "{recording:#?}");
    bench.leave().await;
}
