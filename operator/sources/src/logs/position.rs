//! How far a log has been read, to the line: so that it is taken up again without losing or counting one twice.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a log has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// When the last line was written that was read.
    pub(super) at: Timestamp,
    /// How many lines of that very instant were read.
    same: u32,
    /// Of which run of the container they are: how often it had been started again.
    run: Option<i32>,
}

/// Says of the lines of a log which is read again whether they are new.
///
/// Servers are asked for lines since a second, so those of that second come again. Once one comes that is new, all that
/// follow it are: instants of a container's two outputs may be out of order by a few microseconds.
///
/// The line that was read last has to come again. Where it does not, its node has begun a new file since, and what stood
/// between it and that file's first line cannot be had any more: the log is torn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resumption {
    position: Position,
    run: i32,
    same: u32,
    is_past: bool,
}

impl Position {
    /// Before the first line of this instant.
    pub(super) fn before(at: Timestamp) -> Self {
        Self { at, same: 0, run: None }
    }

    /// The second from which on a server is asked: never a later one, as rounding would make it.
    pub(super) fn second(self) -> Timestamp {
        Timestamp::from_second(self.at.as_second()).unwrap_or(self.at)
    }

    /// After a line of this instant, which this run of the container wrote.
    pub(super) fn advance(&mut self, at: Timestamp, run: i32) {
        if at > self.at {
            *self = Self { at, same: 1, run: Some(run) };
        } else if at == self.at {
            self.same = self.same.saturating_add(1);
            self.run = Some(run);
        }
    }

    /// Reading from here on again: the log of this run of the container.
    pub(super) fn resume(self, run: i32) -> Resumption {
        Resumption { position: self, run, same: 0, is_past: false }
    }

    /// The same position in a log that does not have the line before it any more.
    pub(super) fn torn(self) -> Self {
        Self { run: None, ..self }
    }
}

impl Resumption {
    /// Whether a line of this instant is new.
    pub(super) fn is_new(&mut self, at: Timestamp) -> bool {
        if self.is_past || at < self.position.at {
            return self.is_past;
        }
        if at == self.position.at {
            self.same = self.same.saturating_add(1);
            return self.same > self.position.same;
        }
        self.is_past = true;
        true
    }

    /// Whether the log is torn before what comes next: the line that was read last has not come again. Of another run
    /// of the container it does not come.
    pub(super) fn is_torn(&self) -> bool {
        self.position.run == Some(self.run) && self.same < self.position.same
    }

    /// Of which run of the container the log is.
    pub(super) fn run(&self) -> i32 {
        self.run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanosecond: i128) -> Timestamp {
        Timestamp::from_nanosecond(nanosecond).unwrap()
    }

    /// Reads a log, broken off after so many lines and taken up again; which lines were counted.
    fn read(log: &[i128], broken_after: usize, position: &mut Position) -> Vec<usize> {
        let mut counted = Vec::new();
        for lines in [&log[..broken_after], log] {
            let (mut resumption, since) = (position.resume(0), position.second());
            for (index, line) in lines.iter().enumerate().filter(|(_, line)| at(**line) >= since) {
                if resumption.is_new(at(*line)) {
                    assert!(!resumption.is_torn(), "broken after {broken_after} lines, at {line}");
                    counted.push(index);
                    position.advance(at(*line), 0);
                }
            }
        }
        counted
    }

    /// Whether a log of which these lines were read is torn, when these come of it later, of this run of the container.
    fn is_torn(read: &[i128], later: &[i128], run: i32) -> bool {
        let mut position = Position::before(at(0));
        for line in read {
            position.advance(at(*line), 0);
        }
        let mut resumption = position.resume(run);
        for line in later {
            resumption.is_new(at(*line));
        }
        resumption.is_torn()
    }

    #[test]
    fn wherever_it_breaks_each_line_counts_once() {
        let second = 1_000_000_000;
        let log = [0, 5, 5, 5, 7, second, second, second + 1, 3 * second, 3 * second];
        for broken_after in 0..=log.len() {
            let counted = read(&log, broken_after, &mut Position::before(at(0)));
            assert_eq!(counted, (0..log.len()).collect::<Vec<_>>(), "broken after {broken_after} lines");
        }
    }

    #[test]
    fn lines_from_before_the_beginning_do_not_count() {
        assert_eq!(read(&[1, 2, 3, 4], 2, &mut Position::before(at(3))), [2, 3]);
    }

    #[test]
    fn a_line_that_is_a_little_out_of_order_counts() {
        assert_eq!(read(&[1, 9, 8, 10], 0, &mut Position::before(at(0))), [0, 1, 2, 3]);
    }

    #[test]
    fn a_log_is_torn_where_the_line_read_last_does_not_come_again() {
        for (read, later, run, expected) in [
            (vec![1, 5], vec![1, 5, 7], 0, false),
            (vec![1, 5], vec![1, 5], 0, false),
            (vec![1, 5], vec![7, 8], 0, true),
            (vec![1, 5], vec![], 0, true),
            (vec![1, 5, 5], vec![5, 7], 0, true),
            (vec![], vec![7], 0, false),
            // The container's next run has a file of its own.
            (vec![1, 5], vec![7], 1, false),
        ] {
            assert_eq!(is_torn(&read, &later, run), expected, "{read:?} {later:?} {run}");
        }
    }

    #[test]
    fn the_second_asked_for_is_never_a_later_one() {
        assert_eq!(Position::before(at(1_999_999_999)).second(), at(1_000_000_000));
    }
}
