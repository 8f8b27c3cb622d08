//! What sources read of others and of what was stored, for tests/fuzz alone: each function takes an input, and stops at the
//! first surprise.
#![expect(clippy::missing_panics_doc, reason = "that is what they are for")]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use throughput_model::source_report::{SourceReport, Table};

pub use crate::cloudwatch_logs::fuzzing::instants;
pub use crate::logs::fuzzing::{lines as log_lines, patterns as log_patterns, stored as stored_logs};
pub use crate::pods::fuzzing::{
    counters as kubelet_counters, pods, stored as stored_pods, usages as pod_usages,
};
pub use crate::postgres::fuzzing::{
    answers as postgres_answers, connection_strings, statements as postgres_statements,
    stored as stored_postgres,
};
pub use crate::profile::fuzzing::{logs as profiler_logs, stored as stored_profile};
pub use crate::prometheus::fuzzing::answers as prometheus_answers;
pub use crate::provenance::fuzzing::workloads;
pub use crate::rds::fuzzing::{formulas as rds_formulas, points as rds_points, stored as stored_rds};

use crate::error::SourceError;
use crate::quantity::Amount;
use crate::recording::Recording;
use crate::series::{MOST_POINTS, Values};
use crate::source::Window;

/// An empty recording.
pub(crate) fn empty(source: &str) -> Recording {
    Recording::new(source, Timestamp::UNIX_EPOCH)
}

/// A value that stands in an input; `None` where it does not.
pub(crate) fn read<T: DeserializeOwned>(input: &[u8]) -> Option<T> {
    serde_json::from_slice(input).ok()
}

/// The input without its last line, and that line.
pub(crate) fn split_last_line(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.iter().rposition(|byte| *byte == b'\n');
    end.map_or((input, b"".as_slice()), |end| (&input[..end], &input[end + 1..]))
}

/// A window as two numbers tell it, in milliseconds since 1970: one that a status can come to.
pub(crate) fn window(text: &[u8]) -> Window {
    let text = String::from_utf8_lossy(text);
    let mut numbers = text.split_whitespace().filter_map(|number| number.parse().ok());
    let mut instant = || {
        let milliseconds: i64 = numbers.next().unwrap_or_default();
        Timestamp::from_millisecond(milliseconds).unwrap_or(if milliseconds < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    };
    let start = instant();
    Window::between(start, instant())
}

/// A recording is written, is read again, and says of itself nothing that a report could not.
pub fn check(recording: &Recording) {
    let text = serde_json::to_string(recording).unwrap_or_default();
    assert!(serde_json::from_str::<Recording>(&text).is_ok(), "what was written is not read: {text}");
    let report = recording.report();
    for series in &report.series {
        assert!(series.points.len() <= MOST_POINTS && series.step_milliseconds > 0);
        assert!(series.points.iter().all(|point| point.mean.is_finite()));
    }
    assert!(report.summary.figures.values().all(|figure| figure.is_finite()));
    let text = serde_json::to_string(&report).unwrap_or_default();
    assert!(serde_json::from_str::<SourceReport>(&text).is_ok(), "a report is not read: {text}");
}

/// A recording that was stored goes on: everything that a source does with one is done with it.
pub fn go_on_with(recording: &mut Recording) {
    let from = recording.base();
    for second in 0..300 {
        let at = from.checked_add(SignedDuration::from_secs(second)).unwrap_or(from);
        recording.sample("cpuPercent", "", at, 1.0);
        recording.count("commits", "", at, 5.0);
    }
    for at in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
        recording.sample("cpuPercent", "a", at, f64::MAX);
        recording.count("commits", "a", at, f64::MAX);
        recording.set_step("readLatency", "", at, 60_000, Values::one(f64::MIN));
    }
    recording.set_figure("maxConnections", 5.0);
    recording.set_fact("version", "16");
    recording.set_table("Statements", &["Statement"], vec![vec!["SELECT 1".to_owned()]]);
    recording.add_document("pod.folded", "main 1".to_owned());
    for reason in ["Unreachable", "More", "Unreachable"] {
        recording.fall_short(&SourceError::new(reason, "no answer").only_of(["commits"]), from);
    }
    recording.take_back("Unreachable");
}

/// Recordings as they are stored.
pub fn recordings(input: &[u8]) {
    let Some(mut recording) = read::<Recording>(input) else { return };
    check(&recording);
    go_on_with(&mut recording);
    check(&recording);
}

/// Quantities as Kubernetes writes them.
pub fn quantities(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Some(amount) = Amount::parse(&text) else { return };
    assert!(amount.value().is_finite());
    assert_eq!(amount.value().is_sign_negative() && amount.value() != 0.0, is_negative(&text), "{text}");
    if text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() < 15 {
        assert_eq!(text.parse().ok(), Some(amount.value()));
    }
}

fn is_negative(text: &str) -> bool {
    // An exponent's digits make nothing of naught.
    let number = text.split(|character: char| character.is_ascii_alphabetic()).next().unwrap_or_default();
    number.starts_with('-') && number.bytes().any(|byte| (b'1'..=b'9').contains(&byte))
}

/// No table that was set has more than fits.
pub(crate) fn is_whole(table: &Table) -> bool {
    table.rows.iter().all(|row| row.len() == table.columns.len())
}

/// A duration of so many seconds.
pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
