//! The state of reading: how far each log is read, and the lines that matched.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::containers::Container;
use super::ledger::Ledger;
use super::patterns::Patterns;
use super::position::Position;
use crate::error::SourceError;
use crate::recording::Recording;

/// The most containers that are known at a time.
const MOST_CONTAINERS: usize = 256;
/// The most shortfalls that wait to be told; the recording counts those with the same reason.
const MOST_SHORTFALLS: usize = 64;

/// The state of reading logs. It is stored with the recording, all of one instant.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    since: Timestamp,
    pub(super) ledger: Ledger,
    logs: BTreeMap<String, Log>,
    /// The selectors that had a pod, by their number.
    pub(super) found: BTreeSet<usize>,
    seconds_skipped: i64,
    #[serde(default)]
    blocks_read: u64,
    #[serde(skip)]
    shortfalls: Vec<SourceError>,
}

/// A container's log.
#[derive(Debug, Serialize, Deserialize)]
struct Log {
    container: Container,
    /// Stored under the name that operators before this one know.
    #[serde(rename = "place")]
    position: Position,
    restarts: Option<i32>,
    is_over: bool,
    /// Why it could not be read at last.
    #[serde(skip)]
    trouble: Option<String>,
}

impl State {
    /// Nothing is known yet; what was written before `since` does not matter.
    pub(super) fn new(since: Timestamp, recording: &Recording) -> Self {
        Self {
            since,
            ledger: Ledger::new(recording),
            logs: BTreeMap::new(),
            found: BTreeSet::new(),
            seconds_skipped: 0,
            blocks_read: 0,
            shortfalls: Vec::new(),
        }
    }

    /// Whether reading can have come to this: whoever stored it may have been somebody else.
    pub(super) fn is_possible(&self) -> bool {
        self.logs.len() <= MOST_CONTAINERS
            && self.logs.iter().all(|(key, log)| log.container.is_possible() && *key == log.container.key())
    }

    /// This one, after the operator was not there for a while.
    pub(super) fn taken_up_again(mut self) -> Self {
        for log in self.logs.values_mut().filter(|log| !log.is_over) {
            log.trouble = Some("it went while the operator was not there".to_owned());
        }
        self
    }

    /// Takes in which containers there are; whether there is room for all of them.
    pub(super) fn know(&mut self, containers: &BTreeSet<Container>) -> bool {
        self.logs.retain(|_, log| !log.is_over || containers.contains(&log.container));
        for container in containers {
            if self.logs.len() < MOST_CONTAINERS {
                let log = || Log {
                    container: container.clone(),
                    position: Position::before(self.since),
                    restarts: None,
                    is_over: false,
                    trouble: Some("it went before anything was read of it".to_owned()),
                };
                self.logs.entry(container.key()).or_insert_with(log);
            }
        }
        containers.iter().all(|container| self.logs.contains_key(&container.key()))
    }

    /// The containers whose logs may grow.
    pub(super) fn open(&self) -> Vec<Container> {
        let open = self.logs.values().filter(|log| !log.is_over);
        open.map(|log| log.container.clone()).collect()
    }

    /// How far a container's log is read.
    pub(super) fn position(&self, container: &Container) -> Position {
        self.logs.get(&container.key()).map_or(Position::before(self.since), |log| log.position)
    }

    /// Takes a new line, which this run of the container wrote at an instant.
    pub(super) fn take(
        &mut self,
        patterns: &Patterns,
        container: &Container,
        run: i32,
        (at, text): (Timestamp, &str),
    ) {
        self.ledger.note(patterns, at, &container.pod, text);
        if let Some(log) = self.logs.get_mut(&container.key()) {
            log.position.advance(at, run);
        }
    }

    /// Notes that between the last line that was read and this instant lines may have been written that nobody has any
    /// more, since the node began a new file meanwhile.
    pub(super) fn is_torn(&mut self, container: &Container, upto: Timestamp) {
        let Some(log) = self.logs.get_mut(&container.key()) else { return };
        let after = log.position.at;
        log.position = log.position.torn();
        let message = format!(
            "the log of {container} was rotated: of what it wrote between {after:.0} and {upto:.0} lines may be missing"
        );
        self.fall_short(SourceError::new("LogLost", message));
    }

    /// Notes how often a container was started again before what is being read of it. Of the runs between this one and
    /// the last that was known only the previous one's log is kept.
    pub(super) fn started(&mut self, container: &Container, restarts: i32) {
        let Some(log) = self.logs.get_mut(&container.key()) else { return };
        let missed = log.restarts.map_or(0, |known| restarts.saturating_sub(known).saturating_sub(1));
        let was_read_to_its_end = log.trouble.is_none();
        log.restarts = Some(restarts);
        if missed > 1 || (missed == 1 && !was_read_to_its_end) {
            let message =
                format!("{container} was started again {missed} times unseen: what it wrote is lost");
            self.fall_short(SourceError::new("LogLost", message));
        }
    }

    /// Notes that a container's log could be read.
    pub(super) fn is_read(&mut self, container: &Container, is_over: bool) {
        if let Some(log) = self.logs.get_mut(&container.key()) {
            log.trouble = None;
            log.is_over = is_over;
        }
    }

    /// Notes that a container's log, which could be read to where it was, is not followed from here on.
    pub(super) fn is_not_followed(&mut self, container: &Container) {
        self.is_not_read(container, "it went while its log was not followed".to_owned());
    }

    /// Notes that a block of a log was read.
    pub(super) fn block_is_read(&mut self) {
        self.blocks_read = self.blocks_read.saturating_add(1);
    }

    /// Notes that a container's log could not be read.
    pub(super) fn is_not_read(&mut self, container: &Container, why: String) {
        if let Some(log) = self.logs.get_mut(&container.key()) {
            log.trouble = Some(why);
        }
    }

    /// Notes that a container's pod is no more. If its log was not read to the end, the rest is lost.
    pub(super) fn is_gone(&mut self, container: &Container) {
        let Some(log) = self.logs.get_mut(&container.key()) else { return };
        log.is_over = true;
        if let Some(trouble) = log.trouble.take() {
            let message = format!("the rest of the log of {container} is lost: {trouble}");
            self.fall_short(SourceError::new("LogLost", message));
        }
    }

    /// Goes on from now on with a log that is written faster than it is read.
    pub(super) fn skip(&mut self, container: &Container, now: Timestamp) {
        let Some(log) = self.logs.get_mut(&container.key()) else { return };
        let seconds = now.as_second() - log.position.at.as_second();
        log.position = Position::before(now);
        self.seconds_skipped = self.seconds_skipped.saturating_add(seconds);
        let message =
            format!("{container} writes more than is read of it: {seconds} s of its log were skipped");
        self.fall_short(SourceError::new("TooMuchLog", message));
    }

    /// Notes a shortfall, to be told at the next look.
    pub(super) fn fall_short(&mut self, error: SourceError) {
        if self.shortfalls.len() < MOST_SHORTFALLS {
            self.shortfalls.push(error);
        }
    }

    /// Tells what was noted since the last time.
    pub(super) fn tell(&mut self, recording: &mut Recording) {
        for shortfall in self.shortfalls.drain(..) {
            recording.fall_short(&shortfall, Timestamp::now());
        }
        if self.seconds_skipped > 0 {
            recording.set_fact("secondsSkipped", &self.seconds_skipped.to_string());
        }
        if self.blocks_read > 0 {
            recording.set_fact("blocksRead", &self.blocks_read.to_string());
        }
    }

    /// Why logs that may still grow could not be read at last.
    pub(super) fn troubles(&self) -> impl Iterator<Item = (&Container, &str)> {
        let open = self.logs.values().filter(|log| !log.is_over);
        open.filter_map(|log| Some((&log.container, log.trouble.as_deref()?)))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;
    use throughput_crds::{LogPattern, ObserveLogs};
    use throughput_model::source_report::SourceReport;
    use throughput_test_support::mutated;

    use super::super::containers::containers;
    use super::*;

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
            ledger.write(
                patterns,
                crate::source::Window { start: at(0), end: at(100) },
                true,
                &mut recording,
            );
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
}
