//! How far a log has been read, to the line: so that it is taken up again without losing or counting one twice.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a log has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// When the last line was written that was read.
    pub(super) at: Timestamp,
    /// How many lines of that very instant were read.
    same: u32,
}

/// Says of the lines of a log which is read again whether they are new.
///
/// Servers are asked for lines since a second, so those of that second come again. Once one comes that is new, all that
/// follow it are: instants of a container's two outputs may be out of order by a few microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resumption {
    place: Place,
    same: u32,
    is_past: bool,
}

impl Place {
    /// Before the first line of this instant.
    pub(super) fn before(at: Timestamp) -> Self {
        Self { at, same: 0 }
    }

    /// The second from which on a server is asked: never a later one, as rounding would make it.
    pub(super) fn second(self) -> Timestamp {
        Timestamp::from_second(self.at.as_second()).unwrap_or(self.at)
    }

    /// After a line of this instant.
    pub(super) fn advance(&mut self, at: Timestamp) {
        if at > self.at {
            *self = Self { at, same: 1 };
        } else if at == self.at {
            self.same = self.same.saturating_add(1);
        }
    }

    /// Reading from here on again.
    pub(super) fn resume(self) -> Resumption {
        Resumption { place: self, same: 0, is_past: false }
    }
}

impl Resumption {
    /// Whether a line of this instant is new.
    pub(super) fn is_new(&mut self, at: Timestamp) -> bool {
        if self.is_past || at < self.place.at {
            return self.is_past;
        }
        if at == self.place.at {
            self.same = self.same.saturating_add(1);
            return self.same > self.place.same;
        }
        self.is_past = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanosecond: i128) -> Timestamp {
        Timestamp::from_nanosecond(nanosecond).unwrap()
    }

    /// Reads a log, broken off after so many lines and taken up again; which lines were counted.
    fn read(log: &[i128], broken_after: usize, place: &mut Place) -> Vec<usize> {
        let mut counted = Vec::new();
        for lines in [&log[..broken_after], log] {
            let (mut resumption, since) = (place.resume(), place.second());
            for (index, line) in lines.iter().enumerate().filter(|(_, line)| at(**line) >= since) {
                if resumption.is_new(at(*line)) {
                    counted.push(index);
                    place.advance(at(*line));
                }
            }
        }
        counted
    }

    #[test]
    fn wherever_it_breaks_each_line_counts_once() {
        let second = 1_000_000_000;
        let log = [0, 5, 5, 5, 7, second, second, second + 1, 3 * second, 3 * second];
        for broken_after in 0..=log.len() {
            let counted = read(&log, broken_after, &mut Place::before(at(0)));
            assert_eq!(counted, (0..log.len()).collect::<Vec<_>>(), "broken after {broken_after} lines");
        }
    }

    #[test]
    fn lines_from_before_the_beginning_do_not_count() {
        assert_eq!(read(&[1, 2, 3, 4], 2, &mut Place::before(at(3))), [2, 3]);
    }

    #[test]
    fn a_line_that_is_a_little_out_of_order_counts() {
        assert_eq!(read(&[1, 9, 8, 10], 0, &mut Place::before(at(0))), [0, 1, 2, 3]);
    }

    #[test]
    fn the_second_asked_for_is_never_a_later_one() {
        assert_eq!(Place::before(at(1_999_999_999)).second(), at(1_000_000_000));
    }
}
