//! What Pulp answers, and what of its words is quoted.

use throughput_model::failure::LONGEST_SAMPLE;
use throughput_model::figures::{LONGEST_SERIES, TaskFigures, completions_over_time, queue_over_time};
use throughput_model::masking::masked;
use throughput_model::task::TaskRecord;
use throughput_model::workload::PulpEndpoint;
use throughput_pulp::{PulpStatus, fuzzing};

/// How many tasks a page may have, and all pages together.
const LIMIT: usize = 100;
const MOST: u64 = 1_000;

/// Pages of tasks, one a line: they become figures.
pub(crate) fn tasks(input: &[u8]) {
    let pages: Vec<&[u8]> = input.split(|byte| *byte == b'\n').take(16).collect();
    if let Ok((tasks, _)) = fuzzing::tasks_of(&pages, LIMIT, MOST) {
        assert!(tasks.len() as u64 <= MOST);
        figures(&tasks);
    }
    if let Ok((paths, _)) = fuzzing::created_by(&pages, LIMIT, MOST, 4 << 10) {
        assert!(paths.iter().map(String::len).sum::<usize>() <= 4 << 10);
    }
    for page in pages {
        let _ = fuzzing::references(page);
    }
}

fn figures(tasks: &[TaskRecord]) {
    let figures = TaskFigures::of(tasks);
    assert_eq!(figures.submitted, tasks.len() as u64);
    let ended = figures.completed + figures.failed + figures.canceled;
    assert_eq!(ended + figures.unfinished, figures.submitted);
    let text = serde_json::to_string(&figures).unwrap_or_default();
    assert!(serde_json::from_str::<TaskFigures>(&text).is_ok_and(|again| again == figures), "{text}");
    assert!(queue_over_time(tasks).len() <= LONGEST_SERIES);
    let completions = completions_over_time(tasks);
    assert!(completions.counts.len() <= LONGEST_SERIES, "{} steps", completions.counts.len());
}

/// The status, paths that it names, and cookies: one a line.
pub(crate) fn answers(input: &[u8]) {
    let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').take(16).collect();
    for line in &lines {
        if let Ok(PulpStatus { online_workers, versions, .. }) = serde_json::from_slice(line) {
            let _ = (online_workers.len(), versions.len());
        }
        if let Ok(path) = std::str::from_utf8(line)
            && let Ok(endpoint) = serde_json::from_str::<PulpEndpoint>(ENDPOINT)
            && let Ok(Some(asked)) = fuzzing::asked_path(&endpoint, path)
        {
            assert!(asked == path && path.starts_with("/pulp/one/api/v3/"), "{asked} for {path}");
        }
        if let Ok(endpoint) = serde_json::from_slice::<PulpEndpoint>(line) {
            let path = format!("{}api/v3/tasks/1/", endpoint.api_root);
            if let Ok(Some(asked)) = fuzzing::asked_path(&endpoint, &path) {
                assert_eq!(asked, path);
            }
        }
    }
    if let Ok(secrets) = fuzzing::session_secrets(&lines) {
        assert!(secrets.iter().all(|secret| !secret.is_empty()));
    }
}

const ENDPOINT: &str =
    r#"{"baseUrl": "http://pulp-api:24817", "apiRoot": "/pulp/", "domain": "one", "authentication": "None"}"#;

/// A secret in the first line, and the words of a server that may echo it.
pub(crate) fn masking(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or_default();
    let (secret, words) = input.split_at(end);
    let secret = String::from_utf8_lossy(secret).into_owned();
    let text = String::from_utf8_lossy(words).into_owned();
    let secrets = [secret.as_str()];
    let without = masked(&text, &secrets);
    // A mask may stand between the halves of what looks like a secret then.
    if !secret.is_empty() && !secret.contains('*') {
        assert!(!without.contains(&secret), "{secret:?} in {without:?}");
    }
    let quoted = fuzzing::quoted(words, &secrets);
    assert!(quoted.chars().count() <= LONGEST_SAMPLE);
    assert!(!quoted.chars().any(char::is_control));
}
