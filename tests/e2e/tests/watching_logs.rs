//! The source `logs` against real pods, a real gunicorn and a real API server.
#![expect(clippy::panic, clippy::unwrap_used, reason = "test code stops at the first surprise")]

use std::time::Duration;

use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Client;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use throughput_e2e_tests::cut::Way;
use throughput_e2e_tests::logging::{Watch, Writers, figure, shortfalls, ticking};
use throughput_model::source_report::SourceReport;

/// gunicorn with one worker and a time-out of two seconds, and an application that hangs, fails or answers.
const GUNICORN: &str = r#"
import subprocess, sys, time, urllib.request
open("app.py", "w").write('''
import time
def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/hang":
        time.sleep(60)
    if path == "/fail":
        start_response("503 Service Unavailable", [("Content-Length", "0")])
        return [b""]
    if path == "/raise":
        raise ValueError("on purpose, with password=hunter2")
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
''')
subprocess.Popen([sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:8000", "--workers", "1", "--timeout", "2",
    "--worker-tmp-dir", "/kept", "--no-control-socket", "--access-logfile", "-", "app:app"])
def ask(path):
    try:
        return urllib.request.urlopen("http://127.0.0.1:8000" + path, timeout=30).status
    except Exception as error:
        return repr(error)
while ask("/") != 200:
    time.sleep(0.2)
for path in ["/hang", "/fail", "/raise", "/hang", "/fail", "/"]:
    while ask("/") != 200:
        time.sleep(0.2)
    print("asked", path, ask(path))
print("through")
time.sleep(3600)
"#;

fn ticks() -> Value {
    json!([{"name": "tick", "regex": "^tick [0-9]+$"}])
}

/// Asserts that each of these lines was counted once, and that nothing is said to be missing.
fn assert_ticks(report: &SourceReport, expected: f64) {
    assert_eq!(shortfalls(report), [].into());
    assert_eq!(figure(report, "tick.count"), Some(expected));
    assert_eq!(figure(report, "traceback.count"), Some(0.0), "what was not there is nought");
}

/// How often a part of a log was read in one go.
fn blocks_read(report: &SourceReport) -> u32 {
    report.summary.facts.get("blocksRead").map_or(0, |blocks| blocks.parse().unwrap())
}

/// Looks every second until a part of a log was read in one go: two seconds of it are followed, and a block comes ten
/// later. Where anything about its pod changes meanwhile, it begins anew.
async fn until_a_block_is_read(watch: &mut Watch) {
    for _ in 0..45 {
        watch.look().await;
        if blocks_read(&watch.report()) > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("no block was read: {:?}", watch.report().summary.facts);
}

#[tokio::test]
async fn time_outs_of_a_real_gunicorn_are_counted_with_samples() {
    let writers = Writers::in_new_namespace("watch-logs-gunicorn").await;
    let mut watch = writers.watch(&["gunicorn"], &json!([]), None);
    writers.start("gunicorn", GUNICORN).await;
    watch.begin().await;
    watch.look().await;
    let log = writers.until_written("gunicorn", "through").await;
    watch.look().await;
    let report = watch.settle().await;
    let lines = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(shortfalls(&report), [].into());
    // As many as the log has: on a busy machine other requests may run into the short time-out as well.
    for (name, text) in [
        ("gunicornWorkerTimeout", "WORKER TIMEOUT (pid:"),
        ("timeouts", "WORKER TIMEOUT (pid:"),
        ("traceback", "Traceback (most recent call last)"),
        ("gunicornWorkerExit", "Worker exiting (pid: "),
    ] {
        let expected = u32::try_from(lines(text)).unwrap();
        assert!(expected > 0, "the log has no {text}:\n{log}");
        assert_eq!(figure(&report, &format!("{name}.count")), Some(f64::from(expected)), "{name}:\n{log}");
    }
    assert!(figure(&report, "gunicornWorkerTimeout.count") >= Some(2.0), "{log}");
    assert!(figure(&report, "httpServerError.count") >= Some(2.0), "{log}");
    assert_eq!(figure(&report, "taskFailed.count"), Some(0.0));
    let text = serde_json::to_string(&report.tables).unwrap();
    assert!(text.contains("/fail HTTP/1.1\\\" 503") && text.contains("WORKER TIMEOUT"), "{text}");
    assert!(text.contains("ValueError: on purpose, with password=***"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    writers.remove().await;
}

#[tokio::test]
async fn each_line_counts_once_though_its_container_ends_and_starts_again() {
    let writers = Writers::in_new_namespace("watch-logs-restart").await;
    writers.start("restarting", &ticking(60, 20, 30)).await;
    let mut watch = writers.watch(&["restarting"], &ticks(), None);
    watch.begin().await;
    writers.until_restarted("restarting", 1).await;
    watch.look().await;
    writers.until_restarted("restarting", 2).await;
    writers.until_written("restarting", "through").await;
    assert_ticks(&watch.settle().await, 60.0);
    writers.remove().await;
}

#[tokio::test]
async fn pods_that_come_and_go_in_mid_run_are_read_to_their_last_line() {
    let writers = Writers::in_new_namespace("watch-logs-coming").await;
    let mut watch = writers.watch(&["first", "second", "never"], &ticks(), None);
    watch.begin().await;
    writers.start("first", &ticking(20, 20, 1_000)).await;
    writers.start("second", &ticking(20, 20, 1_000)).await;
    for pod in ["first", "second"] {
        writers.until_written(pod, "tick 5").await;
        watch.look().await;
        writers.until_written(pod, "through").await;
        // A little time to carry the last lines, as between a worker's last task and its end.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    writers.delete("first").await;
    watch.look().await;
    let report = watch.settle().await;
    let missing = shortfalls(&report);
    assert_eq!(missing.get("NoPods"), Some(&"no container of a pod with app=never was there"), "{missing:?}");
    assert_eq!((missing.len(), figure(&report, "tick.count")), (1, Some(40.0)), "{missing:?}");
    writers.remove().await;
}

#[tokio::test]
async fn a_busy_log_is_read_in_blocks_and_followed_to_its_last_line_when_its_pod_goes() {
    let writers = Writers::in_new_namespace("watch-logs-blocks").await;
    let mut watch = writers.watch(&["busy"], &ticks(), None);
    watch.begin().await;
    writers.start("busy", &ticking(1_200, 30, 10_000)).await;
    writers.until_written("busy", "tick 5").await;
    until_a_block_is_read(&mut watch).await;
    writers.until_written("busy", "through").await;
    watch.look().await;
    writers.delete("busy").await;
    watch.look().await;
    assert_ticks(&watch.settle().await, 1_200.0);
    writers.remove().await;
}

/// Lines of so many bytes fill the log's file; from the last megabytes on, each has a tick before it.
fn filling() -> String {
    let (filler_bytes, fillers, ticks, per_second) = (8_000, 750, FILLING_TICKS, 10);
    format!(
        r#"
import time
for _ in range({fillers}):
    print("x" * {filler_bytes})
for number in range({ticks}):
    print("tick", number)
    print("x" * {filler_bytes})
    time.sleep(1 / {per_second})
print("through")
time.sleep(3600)
"#
    )
}

const FILLING_TICKS: u16 = 950;

#[tokio::test]
async fn each_line_counts_once_though_the_kubelet_begins_a_new_file() {
    let writers = Writers::in_new_namespace("watch-logs-rotated").await;
    let mut watch = writers.watch(&["filling"], &ticks(), None);
    watch.begin().await;
    writers.start("filling", &filling()).await;
    writers.until_written("filling", "tick 5").await;
    watch.look().await;
    let log = writers.until_written("filling", "through").await;
    assert!(!log.contains("tick 0\n"), "there is no new file");
    watch.look().await;
    assert!(blocks_read(&watch.report()) > 0, "{:?}", watch.report().summary.facts);
    assert_ticks(&watch.settle().await, f64::from(FILLING_TICKS));
    writers.remove().await;
}

#[tokio::test]
async fn each_line_counts_once_though_the_way_to_the_api_server_is_cut() {
    let writers = Writers::in_new_namespace("watch-logs-cut").await;
    let way = Way::to(&writers.cluster).await;
    let mut watch = writers.watch(&["ticking"], &ticks(), Some(way.client(&writers.cluster).await));
    watch.begin().await;
    writers.start("ticking", &ticking(300, 30, 10_000)).await;
    writers.until_written("ticking", "tick 5").await;
    watch.look().await;
    for tick in ["tick 60\n", "tick 120\n"] {
        writers.until_written("ticking", tick).await;
        watch.look().await;
        way.cut();
        watch.look().await;
        assert!(watch.is_missing("PodsNotListed"), "the way is not cut");
        tokio::time::sleep(Duration::from_secs(1)).await;
        way.open();
    }
    writers.until_written("ticking", "through").await;
    watch.look().await;
    assert_ticks(&watch.settle().await, 300.0);
    writers.remove().await;
}

#[tokio::test]
async fn each_line_counts_once_though_the_operator_is_started_again() {
    let writers = Writers::in_new_namespace("watch-logs-operator").await;
    let mut watch = writers.watch(&["ticking"], &ticks(), None);
    watch.begin().await;
    writers.start("ticking", &ticking(200, 20, 10_000)).await;
    for tick in ["tick 40\n", "tick 80\n"] {
        writers.until_written("ticking", tick).await;
        watch.look().await;
        // What is read from here on is lost with the operator, and read again by the next one.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let later = writers.watch(&["ticking"], &ticks(), None);
        watch.go_on_with(later).await;
    }
    writers.until_written("ticking", "through").await;
    assert_ticks(&watch.settle().await, 200.0);
    writers.remove().await;
}

#[tokio::test]
async fn a_missing_right_is_said_and_no_figure_is_made_up() {
    let writers = Writers::in_new_namespace("watch-logs-rights").await;
    writers.start("ticking", &ticking(5, 20, 1_000)).await;
    writers.until_written("ticking", "through").await;
    let mut watch = writers.watch(&["ticking"], &ticks(), Some(without_logs(&writers).await));
    watch.begin().await;
    watch.look().await;
    let report = watch.settle().await;
    let missing = shortfalls(&report);
    let words = missing.get("LogIncomplete").unwrap();
    assert!(words.contains("pods \"ticking\" is forbidden") && words.contains("pods/log"), "{words}");
    assert!(report.summary.figures.is_empty(), "{:?}", report.summary.figures);
    writers.remove().await;
}

/// A client of somebody who may see pods, but not their logs.
async fn without_logs(writers: &Writers) -> Client {
    let (name, namespace) = ("sees-pods", &writers.cluster.namespace);
    let role: Role = serde_json::from_value(json!({
        "metadata": {"name": name},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}],
    }))
    .unwrap();
    let binding: RoleBinding = serde_json::from_value(json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name}],
    }))
    .unwrap();
    let client = writers.cluster.client.clone();
    let (roles, bindings): (Api<Role>, Api<RoleBinding>) =
        (Api::namespaced(client.clone(), namespace), Api::namespaced(client, namespace));
    roles.create(&PostParams::default(), &role).await.unwrap();
    bindings.create(&PostParams::default(), &binding).await.unwrap();
    let config = Kubeconfig::read_from(&writers.cluster.kubeconfig).unwrap();
    let mut config =
        kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
    config.auth_info.impersonate = Some(name.to_owned());
    Client::try_from(config).unwrap()
}
