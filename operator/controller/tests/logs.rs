//! The program's log, as another program reads it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::process::Command;

use serde_json::Value;

/// Runs the program where there is no API server, and returns its log.
fn log(format: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_throughput-operator"))
        .args(["restore", "--namespace", "perf", "--pod-name", "hook-0", "--log-format", format])
        .env_clear()
        .env("KUBECONFIG", "/nonexistent/kubeconfig")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "what is said is said in the log");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_line_of_a_json_log_is_an_object_with_instant_level_origin_and_words() {
    let log = log("json");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.last().unwrap();
    let at: jiff::Timestamp = last["timestamp"].as_str().unwrap().parse().unwrap();
    assert!(at <= jiff::Timestamp::now());
    assert_eq!(
        (last["level"].as_str(), last["target"].as_str(), last["message"].as_str()),
        (Some("ERROR"), Some("throughput_operator"), Some("ended"))
    );
    assert!(last["error"].as_str().unwrap().starts_with("cannot find the API server"), "{last}");
}

#[test]
fn a_log_for_people_says_the_same() {
    let log = log("text");
    assert!(log.contains("cannot find the API server"), "{log}");
}
