//! The lines that matched, wherever logs were read.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::patterns::{LINES, Patterns, TIMEOUTS};
use super::sample::{self, Sample};
use super::tally::{ByMinute, Tally};
use crate::recording::Recording;
use crate::series::Values;
use crate::source::Window;

const MINUTE_MILLISECONDS: u32 = 60_000;
const SAMPLES: &str = "Samples of log lines";

/// Counts and samples of the lines that match each pattern.
///
/// It takes lines from anywhere: of pods as they come, of CloudWatch afterwards. Which of them belong to the cell is
/// asked only once the window is known, so all that comes is kept, by the second. Who asks a service several times for
/// the same lines notes each answer in a new ledger, and lets the one that is written [absorb](Self::absorb) the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    base: Timestamp,
    has_heard: bool,
    measured_since: Option<Timestamp>,
    tallies: BTreeMap<String, Tally>,
    samples: BTreeMap<String, Vec<Sample>>,
}

impl Ledger {
    /// An empty one of a recording.
    pub fn new(recording: &Recording) -> Self {
        Self {
            base: recording.base(),
            has_heard: false,
            measured_since: None,
            tallies: BTreeMap::new(),
            samples: BTreeMap::new(),
        }
    }

    /// Notes that a log could be read, so that what was not found in it was not there.
    pub fn heard(&mut self) {
        self.has_heard = true;
    }

    /// Notes that the measuring has begun: later samples matter more than earlier ones.
    pub fn measured_since(&mut self, at: Timestamp) {
        self.measured_since.get_or_insert(at);
    }

    /// Takes a line, which somebody (a pod, a stream of CloudWatch) wrote at an instant.
    pub fn note(&mut self, patterns: &Patterns, at: Timestamp, by: &str, line: &str) {
        let second = self.second(at);
        self.tally(LINES).add(second, 1);
        let mut is_timeout = false;
        for pattern in patterns.matching(line) {
            is_timeout |= pattern.is_timeout();
            self.tally(pattern.name()).add(second, 1);
            let samples = self.samples.entry(pattern.name().to_owned()).or_default();
            sample::keep(samples, self.measured_since, (at, by, line), (pattern, patterns.masks()));
        }
        if is_timeout {
            self.tally(TIMEOUTS).add(second, 1);
        }
    }

    /// Takes in all of another one.
    pub fn absorb(&mut self, other: &Self) {
        let Self { base: _, has_heard, measured_since: _, tallies, samples } = other;
        self.has_heard |= has_heard;
        for (name, tally) in tallies {
            self.tally(name).absorb(tally);
        }
        for (name, samples) in samples {
            sample::absorb(self.samples.entry(name.clone()).or_default(), samples);
        }
    }

    /// Writes what was found within a window. Nothing is written when no log could be read.
    ///
    /// Whether a pattern that was never found has a series is only said when it is `complete`: one point of nought for
    /// the whole window.
    pub fn write(&self, patterns: &Patterns, window: Window, is_complete: bool, recording: &mut Recording) {
        if !self.has_heard {
            return;
        }
        let seconds = self.second(window.start)..=self.second(window.end);
        let names = patterns.iter().map(super::patterns::Pattern::name).chain([LINES, TIMEOUTS]);
        for name in names {
            let tally = self.tallies.get(name).cloned().unwrap_or_default();
            let count = tally.count(&seconds);
            recording.set_figure(&format!("{name}.count"), number(count));
            if count > 0 {
                self.write_minutes(name, &tally, &seconds, recording);
            } else if is_complete {
                let whole = u32::try_from(window.end.duration_since(window.start).as_millis());
                let step = whole.unwrap_or(u32::MAX).max(MINUTE_MILLISECONDS);
                recording.set_step(&metric(name), "", window.start, step, Values::one(0.0));
            }
        }
        self.write_samples(patterns, &seconds, recording);
    }

    fn write_minutes(
        &self,
        name: &str,
        tally: &Tally,
        seconds: &RangeInclusive<i64>,
        recording: &mut Recording,
    ) {
        let ByMinute { minutes_a_point, points } = tally.by_minute(seconds);
        let step = u32::try_from(minutes_a_point).unwrap_or(u32::MAX).saturating_mul(MINUTE_MILLISECONDS);
        for (minute, values) in points {
            if let Ok(at) = self.base.saturating_add(SignedDuration::from_mins(minute)) {
                recording.set_step(&metric(name), "", at, step, values);
            }
        }
    }

    /// The first sample of each pattern, then the second ones: the table is bounded.
    fn write_samples(&self, patterns: &Patterns, seconds: &RangeInclusive<i64>, recording: &mut Recording) {
        let mut rows = Vec::new();
        for pattern in patterns.iter() {
            let samples = self.samples.get(pattern.name()).into_iter().flatten();
            let within = samples.filter(|sample| seconds.contains(&self.second(sample.at)));
            for (rank, sample) in within.enumerate() {
                let row = [pattern.name(), &sample.at.to_string(), &sample.by, &sample.text];
                rows.push((rank, row.map(str::to_owned).to_vec()));
            }
        }
        rows.sort_by_key(|(rank, _)| *rank);
        if !rows.is_empty() {
            let rows = rows.into_iter().map(|(_, row)| row);
            recording.set_table(SAMPLES, &["Pattern", "At", "Written by", "Line"], rows);
        }
    }

    fn tally(&mut self, name: &str) -> &mut Tally {
        self.tallies.entry(name.to_owned()).or_default()
    }

    fn second(&self, at: Timestamp) -> i64 {
        (at.as_millisecond() - self.base.as_millisecond()).div_euclid(1_000)
    }
}

/// The series of a pattern.
pub(super) fn metric(name: &str) -> String {
    format!("{name}PerMinute")
}

#[expect(clippy::cast_precision_loss, reason = "a number of lines")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use throughput_core::source_catalog::SourceCatalog;
    use throughput_crds::{BuiltInPatterns, LogPattern, ObserveLogs};

    use super::*;
    use crate::registry::Registry;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn patterns() -> Patterns {
        Patterns::of(&ObserveLogs {
            pods: Vec::new(),
            cloud_watch: Vec::new(),
            built_in: vec![BuiltInPatterns::Pulp],
            patterns: vec![LogPattern { name: "slow".to_owned(), regex: "slow".to_owned() }],
        })
        .unwrap()
    }

    fn written(lines: &[(i64, &str)], window: (i64, i64)) -> Recording {
        let (patterns, mut recording) = (patterns(), Recording::new("logs", at(0)));
        let mut ledger = Ledger::new(&recording);
        ledger.heard();
        for (second, line) in lines {
            ledger.note(&patterns, at(*second), "pod", line);
        }
        let window = Window { start: at(window.0), end: at(window.1) };
        ledger.write(&patterns, window, false, &mut recording);
        ledger.write(&patterns, window, true, &mut recording);
        recording
    }

    #[test]
    fn counts_are_those_of_the_window_by_the_minute() {
        let timeout = "[CRITICAL] WORKER TIMEOUT (pid:1)";
        let lines = [(5, timeout), (20, timeout), (30, "ok"), (61, timeout), (62, "slow"), (200, timeout)];
        let report = written(&lines, (10, 185)).report();
        let figure = |name: &str| report.summary.figures.get(name).copied();
        for (name, expected) in [
            ("gunicornWorkerTimeout.count", 2.0),
            ("timeouts.count", 2.0),
            ("slow.count", 1.0),
            ("lines.count", 4.0),
            ("httpServerError.count", 0.0),
            ("httpServerErrorPerMinute.max", 0.0),
            ("gunicornWorkerTimeoutPerMinute.mean", 0.5),
        ] {
            assert_eq!(figure(&format!("logs.{name}")), Some(expected), "{name}");
        }
        let series = report.series.iter().find(|one| one.metric == "gunicornWorkerTimeoutPerMinute").unwrap();
        let points: Vec<(i64, f64)> =
            series.points.iter().map(|point| (point.at_milliseconds, point.mean)).collect();
        assert_eq!(points, [(0, 1.0), (60_000, 1.0), (120_000, 0.0), (180_000, 0.0)]);
        let samples: Vec<&str> = report.tables[0].rows.iter().map(|row| row[0].as_str()).collect();
        assert_eq!(samples, ["slow"], "the time-out's only sample is from before the window");
    }

    #[test]
    fn a_peak_of_a_long_cell_stays_a_peak_however_often_it_is_written() {
        let mut lines = vec![(1, "slow")];
        lines.extend([(500 * 60, "slow"); 7]);
        let report = written(&lines, (0, 600 * 60)).report();
        let figure = |name: &str| report.summary.figures.get(name).copied();
        assert_eq!(figure("logs.slowPerMinute.max"), Some(7.0));
        assert_eq!(figure("logs.slowPerMinute.mean"), Some(0.013_311_1));
        let series = report.series.iter().find(|one| one.metric == "slowPerMinute").unwrap();
        assert_eq!((series.step_milliseconds, series.points.len()), (180_000, 201));
    }

    #[test]
    fn its_figures_are_those_that_criteria_can_be_about() {
        let observe = serde_json::json!({"logs": {
            "pods": [{"selector": {"matchLabels": {"app": "pulp"}}}],
            "builtIn": ["Pulp"],
            "patterns": [{"name": "slow", "regex": "slow"}],
        }});
        let observe = serde_json::from_value(observe).unwrap();
        let figures = written(&[(5, "slow")], (0, 60)).report().summary.figures;
        assert_eq!(figures.into_keys().collect::<BTreeSet<_>>(), Registry.figure_names(&observe));
    }

    #[test]
    fn what_was_found_elsewhere_is_added() {
        let (patterns, mut recording) = (patterns(), Recording::new("logs", at(0)));
        let mut ledgers = ["slow here", "slow there"].map(|line| {
            let mut ledger = Ledger::new(&recording);
            ledger.heard();
            ledger.note(&patterns, at(1), "somebody", line);
            ledger
        });
        let [here, there] = &mut ledgers;
        here.absorb(there);
        here.write(&patterns, Window { start: at(0), end: at(60) }, true, &mut recording);
        let report = recording.report();
        assert_eq!(report.summary.figures.get("logs.slow.count"), Some(&2.0));
        let lines: Vec<&str> = report.tables[0].rows.iter().map(|row| row[3].as_str()).collect();
        assert_eq!(lines, ["slow here", "slow there"]);
    }

    #[test]
    fn what_was_not_read_is_a_gap_and_no_nought() {
        let mut recording = Recording::new("logs", at(0));
        let ledger = Ledger::new(&recording);
        ledger.write(&patterns(), Window { start: at(0), end: at(60) }, true, &mut recording);
        assert!(recording.report().summary.figures.is_empty());
    }

    #[test]
    fn a_hostile_log_takes_no_more_room() {
        let (patterns, recording) = (patterns(), Recording::new("logs", at(0)));
        let mut ledger = Ledger::new(&recording);
        for second in 0..5_000 {
            let words = "x".repeat(usize::try_from(second % 97).unwrap());
            ledger.note(&patterns, at(second), "pod", &format!("slow {words} {}", "y".repeat(5_000)));
        }
        let size = serde_json::to_string(&ledger).unwrap().len();
        assert!(size < 20_000, "{size}");
    }
}
