//! How long a new connection takes: what a worker waits for before its first statement.

use std::time::Instant;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use throughput_model::histogram::LatencyHistogram;

use crate::error::SourceError;
use crate::recording::Recording;

use super::session::Session;
use super::settings::Settings;

/// The times that connections took, and how many could not be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ConnectTimes {
    histogram: LatencyHistogram,
    failures: u64,
}

/// Makes a connection as anybody would: name, TCP, encryption, authentication, `SELECT 1`. Returns how long it took.
pub(super) async fn connect_once(settings: &Settings) -> Result<std::time::Duration, SourceError> {
    let started = Instant::now();
    let mut session = Session::connect(settings).await?;
    session.use_once().await?;
    let took = started.elapsed();
    session.close().await;
    Ok(took)
}

impl ConnectTimes {
    /// Notes what came of an attempt.
    pub(super) fn note(
        &mut self,
        attempt: Result<std::time::Duration, SourceError>,
        at: Timestamp,
        recording: &mut Recording,
    ) {
        if self.failures == 0 {
            recording.count("connectFailures", "", recording.base(), 0.0);
        }
        match attempt {
            Ok(took) => {
                self.histogram.record(took);
                recording.sample("connectTimeMilliseconds", "", at, took.as_secs_f64() * 1_000.0);
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                // How long it would have taken is not known; that it failed is counted.
                recording.fall_short(&error.only_of(["connectTime", "connectTimeMilliseconds"]), at);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a number of attempts")]
        recording.count("connectFailures", "", at, self.failures as f64);
        if self.histogram.count() > 0 {
            let summary = self.histogram.summary();
            for (name, microseconds) in [
                ("connectTime.p50Milliseconds", summary.p50_microseconds),
                ("connectTime.p99Milliseconds", summary.p99_microseconds),
                ("connectTime.maxMilliseconds", summary.max_microseconds),
            ] {
                #[expect(clippy::cast_precision_loss, reason = "at most two hours in microseconds")]
                recording.set_figure(name, microseconds as f64 / 1_000.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn failures_are_counted_from_the_first_and_times_kept_apart() {
        let mut recording = Recording::new("postgres", Timestamp::UNIX_EPOCH);
        let mut times = ConnectTimes::default();
        let failure = || Err(SourceError::new("TooManyConnections", "sorry, too many clients already"));
        for (second, attempt) in [failure(), Ok(Duration::from_millis(8)), failure()].into_iter().enumerate()
        {
            let at = Timestamp::from_second(i64::try_from(second).unwrap() + 1).unwrap();
            times.note(attempt, at, &mut recording);
        }
        let report = recording.report().summary;
        assert_eq!(report.figures.get("postgres.connectFailures.total"), Some(&2.0));
        assert!((report.figures["postgres.connectTime.p99Milliseconds"] - 8.0).abs() < 0.1);
        assert_eq!(
            (report.shortfalls[0].reason.as_str(), report.shortfalls[0].count),
            ("TooManyConnections", 2)
        );
    }
}
