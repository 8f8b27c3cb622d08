//! Lines of logs, patterns, and what is kept of both, for tests/fuzz alone.
#![expect(clippy::missing_panics_doc, reason = "stopping at the first surprise is what they are for")]

use std::collections::BTreeSet;
use std::sync::OnceLock;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use throughput_crds::{BuiltInPatterns, LogPattern, ObserveLogs};

use super::containers::{Container, containers};
use super::ledger::Ledger;
use super::lines::{LONGEST_LINE, Lines, timed};
use super::patterns::Patterns;
use super::state::State;
use crate::fuzzing::{check, empty, is_whole, read, split_last_line, window};

fn observed(patterns: Vec<LogPattern>) -> ObserveLogs {
    ObserveLogs {
        pods: Vec::new(),
        cloud_watch: Vec::new(),
        built_in: vec![BuiltInPatterns::Pulp, BuiltInPatterns::PostgreSql],
        patterns,
    }
}

/// Those that are built in, and one with a group.
fn usual() -> Option<&'static Patterns> {
    static USUAL: OnceLock<Option<Patterns>> = OnceLock::new();
    let own = || LogPattern { name: "slow".to_owned(), regex: r"took (\d+) (\w+)".to_owned() };
    USUAL.get_or_init(|| Patterns::of(&observed(vec![own()])).ok()).as_ref()
}

/// The lines of a stream that comes in pieces of this many bytes.
fn cut(input: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let (mut lines, mut cut) = (Lines::default(), Vec::new());
    for chunk in input.chunks(piece.max(1)) {
        lines.push(chunk, |line| cut.push(line.to_vec()));
    }
    cut.push(lines.rest().to_vec());
    cut
}

/// A container's log, whose last line tells the window: the same lines in whatever pieces they come.
pub fn lines(input: &[u8]) {
    let (log, last) = split_last_line(input);
    let lines = cut(log, log.len());
    assert_eq!(lines, cut(log, log.len() / 3 + 1), "lines depend on how they come");
    assert!(lines.iter().all(|line| line.len() <= LONGEST_LINE));
    let Some(patterns) = usual() else { return };
    let mut recording = empty("logs");
    let mut state = State::new(Timestamp::UNIX_EPOCH, &recording);
    let all = watched();
    state.know(&all);
    for container in &all {
        let mut resumption = state.position(container).resume(0);
        for line in &lines {
            let line = String::from_utf8_lossy(line);
            if let Some((at, text)) = timed(&line).filter(|(at, _)| resumption.is_new(*at)) {
                state.take(patterns, container, 0, (at, text));
            }
        }
        state.ledger.heard();
        state.is_torn(container, Timestamp::MAX);
        state.skip(container, Timestamp::MAX);
    }
    let mut written = state.ledger.clone();
    written.absorb(&state.ledger);
    write(&written, patterns, last, &mut recording);
    state.tell(&mut recording);
    check(&recording);
    assert!(recording.report().tables.iter().all(is_whole));
}

/// What the source keeps for its next life, with the window in the last line: it goes on with it.
pub fn stored(input: &[u8]) {
    let (stored, last) = split_last_line(input);
    let Some(state) = read::<State>(stored).filter(State::is_possible) else { return };
    let Some(patterns) = usual() else { return };
    let mut recording = empty("logs");
    let mut state = state.taken_up_again();
    let before = state.ledger.clone();
    state.know(&watched());
    for container in state.open() {
        state.started(&container, i32::MAX);
        for at in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            let is_new = state.position(&container).resume(1).is_new(at);
            state.take(patterns, &container, 1, (at, "took 5 s: WORKER TIMEOUT (pid:1)"));
            let _ = (is_new, state.position(&container).second());
        }
        state.skip(&container, Timestamp::MIN);
        state.is_torn(&container, Timestamp::MIN);
        state.is_not_read(&container, "gone".to_owned());
        state.is_gone(&container);
    }
    let mut written = Ledger::new(&recording);
    written.absorb(&before);
    written.absorb(&state.ledger);
    write(&written, patterns, last, &mut recording);
    write(&state.ledger, patterns, last, &mut recording);
    state.tell(&mut recording);
    let kept = recording.remember("state", &state);
    assert!(kept.is_ok());
    check(&recording);
}

fn write(ledger: &Ledger, patterns: &Patterns, last: &[u8], recording: &mut crate::recording::Recording) {
    for is_complete in [false, true] {
        ledger.write(patterns, window(last), is_complete, recording);
    }
}

fn watched() -> BTreeSet<Container> {
    let pod = json!({"metadata": {"name": "pulp-worker-1", "uid": "6a23"}, "spec": {"containers": [{"name": "worker"}]}});
    let pod: Option<Pod> = serde_json::from_value(pod).ok();
    containers(pod.iter(), None).collect()
}

/// Regular expressions of a test's author, one a line, and a log line last.
pub fn patterns(input: &[u8]) {
    let (own, line) = split_last_line(input);
    let own = String::from_utf8_lossy(own).into_owned();
    let own = own.lines().take(3).zip(["one", "two", "three"]);
    let own = own.map(|(regex, name)| LogPattern { name: name.to_owned(), regex: regex.to_owned() });
    let observed = ObserveLogs { built_in: Vec::new(), ..observed(own.collect()) };
    if let Err(mistake) = Patterns::check(&observed) {
        assert!(mistake.to_string().chars().count() < 1_000);
        return;
    }
    let compiled = Patterns::of(&observed);
    assert!(compiled.is_ok(), "what was accepted is not compiled");
    let Ok(compiled) = compiled else { return };
    let recording = empty("logs");
    let mut ledger = Ledger::new(&recording);
    ledger.note(&compiled, Timestamp::UNIX_EPOCH, "pod", &String::from_utf8_lossy(line));
}
