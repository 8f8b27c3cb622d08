use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use throughput_crds::{LogPattern, ObserveLogs};
use throughput_model::source_report::SourceReport;
use throughput_test_support::mutated;

use super::*;
use crate::logs::containers::containers;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn pod(number: usize) -> Pod {
    let name = format!("worker-{number}");
    serde_json::from_value(json!({
        "metadata": {"name": name, "uid": name},
        "spec": {"containers": [{"name": "app"}]},
    }))
    .unwrap()
}

fn of(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<Container> {
    let pods: Vec<Pod> = numbers.into_iter().map(pod).collect();
    containers(&pods, None).collect()
}

fn patterns() -> Patterns {
    Patterns::of(&ObserveLogs {
        pods: Vec::new(),
        cloud_watch: Vec::new(),
        built_in: Vec::new(),
        patterns: vec![LogPattern { name: "tick".to_owned(), regex: "tick".to_owned() }],
    })
    .unwrap()
}

fn reasons(state: &mut State) -> Vec<String> {
    let mut recording = Recording::new("logs", at(0));
    state.tell(&mut recording);
    recording.shortfalls().iter().map(|shortfall| shortfall.reason.clone()).collect()
}

#[test]
fn after_a_restart_of_the_operator_each_line_counts_once() {
    let patterns = patterns();
    let mut recording = Recording::new("logs", at(0));
    let mut state = State::new(at(0), &recording);
    state.know(&of([1]));
    let container = state.open().remove(0);
    let lines: Vec<(Timestamp, &str)> = (0..10).map(|second| (at(second / 2), "tick")).collect();
    let read = |state: &mut State, upto: usize| {
        let mut resumption = state.position(&container).resume(0);
        for (at, text) in &lines[..upto] {
            if resumption.is_new(*at) {
                state.take(&patterns, &container, 0, (*at, text));
            }
        }
    };
    read(&mut state, 7);
    let stored = serde_json::to_string(&state).unwrap();
    assert!(stored.contains(r#""place":{"at":"#), "as operators before this one know it: {stored}");
    let mut state: State = serde_json::from_str::<State>(&stored).unwrap().taken_up_again();
    read(&mut state, 10);
    state.ledger.heard();
    let window = crate::source::Window { start: at(0), end: at(100) };
    state.ledger.write(&patterns, window, true, &mut recording);
    assert_eq!(recording.report().summary.figures.get("logs.tick.count"), Some(&10.0));
}

#[test]
fn what_went_unread_is_told_and_what_was_read_is_not() {
    let mut state = State::new(at(0), &Recording::new("logs", at(0)));
    state.know(&of([1, 2]));
    let open = state.open();
    state.is_read(&open[1], false);
    state.is_not_read(&open[0], "connection refused".to_owned());
    assert_eq!(state.troubles().count(), 1);
    for container in &open {
        state.is_gone(container);
    }
    assert_eq!((reasons(&mut state), state.open()), (vec!["LogLost".to_owned()], Vec::new()));
}

#[test]
fn only_runs_that_nobody_can_show_any_more_are_lost() {
    for (restarts, is_broken, expected) in
        [(1, true, 0), (2, false, 0), (2, true, 1), (3, false, 1), (3, true, 1)]
    {
        let mut state = State::new(at(0), &Recording::new("logs", at(0)));
        state.know(&of([1]));
        let container = state.open().remove(0);
        state.started(&container, 0);
        state.is_read(&container, false);
        if is_broken {
            state.is_not_read(&container, "broken".to_owned());
        }
        state.started(&container, restarts);
        assert_eq!(reasons(&mut state).len(), expected, "{restarts} {is_broken}");
    }
}

#[test]
fn containers_are_bounded_and_those_that_are_gone_make_room() {
    let mut state = State::new(at(0), &Recording::new("logs", at(0)));
    assert!(state.know(&of(0..MOST_CONTAINERS)));
    assert!(!state.know(&of(0..=MOST_CONTAINERS)));
    for container in state.open() {
        state.is_read(&container, true);
    }
    assert!(state.know(&of(1_000..1_010)));
    assert_eq!(state.open().len(), 10);
    let size = serde_json::to_string(&state).unwrap().len();
    assert!(size < 10_000, "{size}");
}

/// Goes on with it as an operator that was started again does, to the end of the cell.
fn go_on(state: State, patterns: &Patterns) {
    let mut state = state.taken_up_again();
    let mut recording = Recording::new("logs", at(0));
    state.know(&of([1, 2]));
    for container in state.open() {
        let mut resumption = state.position(&container).resume(0);
        if resumption.is_new(at(9)) {
            state.take(patterns, &container, 0, (at(9), "tick"));
        }
        state.started(&container, 3);
        state.block_is_read();
        state.is_torn(&container, at(10));
        state.skip(&container, at(11));
        state.is_gone(&container);
    }
    state.tell(&mut recording);
    let mut sum = Ledger::new(&recording);
    sum.heard();
    for second in 0..600 {
        sum.note(patterns, at(second), "worker", "tick");
    }
    sum.absorb(&state.ledger);
    for ledger in [&sum, &state.ledger] {
        ledger.write(patterns, crate::source::Window { start: at(0), end: at(100) }, true, &mut recording);
    }
    serde_json::from_value::<SourceReport>(json!(recording.report())).unwrap();
}

#[test]
fn whatever_was_made_of_the_stored_state_it_is_refused_or_harmless() {
    let patterns = patterns();
    let mut state = State::new(at(0), &Recording::new("logs", at(0)));
    state.know(&of([1]));
    let container = state.open().remove(0);
    state.started(&container, 0);
    state.take(&patterns, &container, 0, (at(1), "tick"));
    state.ledger.heard();
    state.ledger.measured_since(at(1));
    let (mut read, mut refused) = (0, 0);
    for changed in mutated::all_of(&json!(state)) {
        let state = serde_json::from_str::<State>(&changed.to_string()).ok().filter(State::is_possible);
        match state {
            Some(state) => {
                read += 1;
                go_on(state, &patterns);
            }
            None => refused += 1,
        }
    }
    assert!(read > 100 && refused > 100, "{read} were read, {refused} refused");
}
