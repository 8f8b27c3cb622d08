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
mod tests;
