//! When a log is read in blocks instead of being followed.
//!
//! A followed log costs the node something for each line: its kubelet asks the container runtime after every one, and
//! passes each on by itself. What is read every few seconds in one go costs next to nothing, and the system under test
//! keeps its processors. But a node begins a new file when one has grown large, and what stood at the end of the old one
//! can then only be had by whoever follows. So only busy logs are read in blocks, and only while their file is small.

use std::time::{Duration, Instant};

/// For how long a log is followed at least. A line that is followed costs as much as fifty that are read in a block, so
/// a log that has become busy is followed no longer than it takes to know.
pub(super) const FOLLOWED_AT_LEAST: Duration = Duration::from_secs(2);
/// For how long, once its file was too large for blocks.
pub(super) const FOLLOWED_WHILE_LARGE: Duration = Duration::from_secs(30);
/// Between two blocks.
pub(super) const BETWEEN_BLOCKS: Duration = Duration::from_secs(10);
/// From so many lines on a log is busy, and from so few on it is quiet again: then following it costs less.
const BUSY_LINES_PER_SECOND: f64 = 2.0;
const QUIET_LINES_PER_SECOND: f64 = 0.5;
/// The largest file that is read in blocks, in bytes: 9.5 MiB. Kubelets begin a new file at 10 MiB, unless they are set up
/// otherwise; what is between is for lines that are longer than those that were seen.
const LARGEST_FILE: u64 = 19 << 19;
/// How much may come until a file is measured again, in bytes, where its blocks are no larger.
const UNMEASURED: u64 = 128 << 10;
/// The largest block after which there may be another one, in bytes.
const LARGEST_BLOCK: u64 = 1 << 20;
/// The bytes that a node writes for each line besides the instant and the line.
const NODE_BYTES_PER_LINE: u64 = 10;
/// Of how many lines a block is looked for at the end of a file: some more than came the last time.
const FEWEST_LINES: u64 = 1_000;
const MORE_THAN_LAST: u64 = 4;

/// Lines that were new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// How many.
    pub(super) lines: u64,
    /// How long they were, in bytes with their instants.
    pub(super) bytes: u64,
}

/// The rate of a log that is followed.
#[derive(Debug)]
pub(super) struct Followed {
    at_least: Duration,
    since: Instant,
    taken: Taken,
}

/// The state of a log that is read in blocks.
#[derive(Debug)]
pub(super) struct Blocks {
    all: Taken,
    last: Taken,
    /// How much may come until the file is to be measured, in bytes.
    room_bytes: Option<u64>,
}

impl Taken {
    /// Takes one more.
    pub(super) fn add(&mut self, line: &str) {
        self.lines += 1;
        self.bytes += line.len() as u64;
    }

    /// How much room they have in their node's file, in bytes.
    fn bytes_in_file(self) -> u64 {
        self.bytes + self.lines * NODE_BYTES_PER_LINE
    }

    fn lines_per_second(self, time: Duration) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "nobody counts that far")]
        let lines = self.lines as f64;
        lines / time.as_secs_f64()
    }
}

impl Followed {
    /// A log that is followed from now on, for so long at least.
    pub(super) fn new(at_least: Duration, now: Instant) -> Self {
        Self { at_least, since: now, taken: Taken::default() }
    }

    /// Whether it is so busy that blocks are better, when so much of it has come by now altogether.
    pub(super) fn is_busy(&mut self, taken: Taken, now: Instant) -> bool {
        let time = now.saturating_duration_since(self.since);
        if time < self.at_least {
            return false;
        }
        let new = Taken { lines: taken.lines - self.taken.lines, bytes: taken.bytes - self.taken.bytes };
        (self.since, self.taken) = (now, taken);
        new.lines_per_second(time) >= BUSY_LINES_PER_SECOND
    }

    /// Goes on, since its file was found too large for blocks.
    pub(super) fn is_kept(&mut self) {
        self.at_least = FOLLOWED_WHILE_LARGE;
    }
}

impl Blocks {
    /// Blocks of a log of which this came when it was followed.
    pub(super) fn after(followed: Taken) -> Self {
        Self { all: followed, last: Taken::default(), room_bytes: None }
    }

    /// How many lines a file has that is too large for blocks.
    pub(super) fn lines_of_a_large_file(&self) -> u64 {
        let bytes_per_line = self.all.bytes_in_file() / self.all.lines.max(1);
        LARGEST_FILE.saturating_sub(self.unmeasured()) / bytes_per_line.max(1)
    }

    /// Whether the file has to be measured before the next block, which may be as large as the last.
    pub(super) fn is_to_be_measured(&self) -> bool {
        self.room_bytes.is_none_or(|room| room < self.last.bytes_in_file())
    }

    /// Notes that the file was measured and is small.
    pub(super) fn is_small(&mut self) {
        self.room_bytes = Some(self.unmeasured());
    }

    /// How much may come until the file is measured again, in bytes: two blocks at least.
    fn unmeasured(&self) -> u64 {
        UNMEASURED.max(2 * self.last.bytes_in_file())
    }

    /// How many lines from the end of the file the next block is looked for.
    pub(super) fn lines_looked_at(&self) -> u64 {
        (self.last.lines * MORE_THAN_LAST).max(FEWEST_LINES)
    }

    /// Takes a block; whether another one may follow.
    pub(super) fn take(&mut self, block: Taken) -> bool {
        self.all = Taken { lines: self.all.lines + block.lines, bytes: self.all.bytes + block.bytes };
        self.last = block;
        self.room_bytes = self.room_bytes.map(|room| room.saturating_sub(block.bytes_in_file()));
        let is_quiet = block.lines_per_second(BETWEEN_BLOCKS) < QUIET_LINES_PER_SECOND;
        !is_quiet && block.bytes <= LARGEST_BLOCK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(lines: u64) -> Taken {
        Taken { lines, bytes: lines * 190 }
    }

    #[test]
    fn a_log_is_busy_by_what_came_lately_and_not_before_its_time() {
        let begun = Instant::now();
        let mut followed = Followed::new(Duration::from_secs(5), begun);
        for (second, lines, expected) in
            [(1, 1_000, false), (5, 1_000, true), (10, 1_005, false), (14, 2_000, false), (16, 2_000, true)]
        {
            let is_busy = followed.is_busy(taken(lines), begun + Duration::from_secs(second));
            assert_eq!(is_busy, expected, "second {second}");
        }
    }

    #[test]
    fn a_file_is_measured_by_lines_of_the_length_that_came() {
        let mut blocks = Blocks::after(taken(50));
        assert_eq!(blocks.lines_of_a_large_file(), (LARGEST_FILE - UNMEASURED) / 200);
        assert!(blocks.is_to_be_measured());
        blocks.is_small();
        assert!(!blocks.is_to_be_measured());
        blocks.take(Taken { lines: 50, bytes: 50 * 390 });
        assert_eq!(blocks.lines_of_a_large_file(), (LARGEST_FILE - UNMEASURED) / 300);
    }

    #[test]
    fn a_file_is_measured_before_it_may_have_become_large() {
        for (lines, blocks_until_measured) in [(100, 6), (500, 2), (5_000, 1)] {
            let mut blocks = Blocks::after(taken(50));
            blocks.is_small();
            blocks.take(taken(lines));
            // Whatever it was measured as, this much may come until the next time.
            let small_bytes = blocks.lines_of_a_large_file() * 200;
            blocks.is_small();
            let mut come = 0;
            while !blocks.is_to_be_measured() {
                assert!(blocks.take(taken(lines)));
                come += 1;
            }
            assert!(small_bytes + come * lines * 200 <= LARGEST_FILE, "{lines} lines a block");
            assert!(come >= blocks_until_measured, "{lines} lines a block: {come}");
        }
    }

    #[test]
    fn blocks_go_on_until_the_log_is_quiet() {
        let mut blocks = Blocks::after(taken(50));
        blocks.is_small();
        assert_eq!(blocks.lines_looked_at(), 1_000);
        assert!(blocks.take(taken(500)) && blocks.take(taken(5_000)));
        assert_eq!(blocks.lines_looked_at(), 20_000);
        assert!(blocks.take(taken(100)));
        assert!(!blocks.take(taken(4)), "it is quiet");
    }

    #[test]
    fn a_log_that_would_soon_be_full_is_followed() {
        let mut blocks = Blocks::after(taken(50));
        blocks.is_small();
        assert!(!blocks.take(taken(6_000)));
    }
}
