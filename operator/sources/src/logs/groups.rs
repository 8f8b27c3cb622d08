//! The log groups of CloudWatch: the lines that matched so far, and the failures.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use throughput_core::source_catalog::Mistake;
use throughput_crds::{AwsAccess, ObserveLogs};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::ledger::Ledger;
use super::lines::LONGEST_LINE;
use super::patterns::{Pattern, Patterns};
use crate::access::Access;
use crate::aws::CALL_REASONS;
use crate::cloudwatch_logs::{Line, LogGroups, Proceeded, lasts};
use crate::error::SourceError;
use crate::recording::Recording;
use crate::source::Window;

/// A call of a source has twenty seconds: less than that, so that it is said what was waited for.
const LONGEST_CALL: Duration = Duration::from_secs(19);
/// When it is gone on with, and when something is tried again.
const SOON: Duration = Duration::from_secs(1);
const AFTER_A_FAILURE: Duration = Duration::from_secs(10);
/// Failures that are waited out as long as there is time. Others may pass too, but each try of a query is billed.
const WAITED_FOR: [&str; 5] = ["DeadlineExceeded", "ExpiredToken", "Throttled", "Unavailable", "Unreachable"];
/// How often anything else is tried.
const MOST_TRIES: u32 = 3;
const INCOMPLETE: &str = "SearchIncomplete";

/// The log groups of a spec, and the lines that matched in them. They are not stored: an operator that is started again
/// searches anew.
pub(super) struct Groups {
    searches: LogGroups,
    patterns: Arc<Patterns>,
    /// Of the window that was asked for last.
    found: Option<(Window, Found)>,
}

/// The result of the search so far.
struct Found {
    ledger: Ledger,
    is_over: bool,
    /// The failures that last, and those of the last try.
    lasting: Vec<SourceError>,
    passing: Vec<SourceError>,
    tries: u32,
}

impl Groups {
    /// The log groups that a spec names; none where it names none.
    pub(super) fn of(
        logs: &ObserveLogs,
        patterns: &Arc<Patterns>,
        aws: Option<&AwsAccess>,
        access: &Access,
    ) -> Result<Option<Self>, Mistake> {
        check(logs, aws)?;
        let Some(aws) = aws.filter(|_| !logs.cloud_watch.is_empty()) else { return Ok(None) };
        let searches = LogGroups::new(&logs.cloud_watch, &terms(patterns), aws, access);
        Ok(Some(Self { searches, patterns: patterns.clone(), found: None }))
    }

    /// Searches on for some seconds.
    pub(super) async fn proceed(&mut self, window: Window, recording: &Recording) {
        let found = match &mut self.found {
            Some((of, found)) if *of == window => found,
            other => &mut other.insert((window, Found::nothing(recording))).1,
        };
        if found.is_over {
            return;
        }
        let (ledger, patterns) = (&mut found.ledger, &self.patterns);
        let proceeding = self.searches.proceed(window, |line| note(ledger, patterns, line));
        let proceeded = timeout(LONGEST_CALL, proceeding).await.unwrap_or_else(|_| silence());
        found.take(proceeded);
    }

    /// Whether there is nothing more to come.
    pub(super) fn is_over(&self) -> bool {
        self.found.as_ref().is_some_and(|(_, found)| found.is_over)
    }

    /// When to go on.
    pub(super) fn pause(&self) -> Duration {
        let is_failing = self.found.as_ref().is_some_and(|(_, found)| !found.passing.is_empty());
        if is_failing { AFTER_A_FAILURE } else { SOON }
    }

    /// The lines that matched so far.
    pub(super) fn ledger(&self) -> Option<&Ledger> {
        self.found.as_ref().map(|(_, found)| &found.ledger)
    }

    /// Notes the failures, in place of those that were noted before.
    pub(super) fn tell(&self, recording: &mut Recording) {
        for reason in CALL_REASONS.iter().chain(&["QueryFailed", "TooManyLines", INCOMPLETE]) {
            recording.take_back(reason);
        }
        let found = self.found.as_ref().map(|(_, found)| found);
        let failures = found.into_iter().flat_map(|found| found.lasting.iter().chain(&found.passing));
        for failure in failures {
            recording.fall_short(failure, Timestamp::now());
        }
        if !self.is_over() {
            let message = "not all of the log groups of CloudWatch were searched to the end";
            recording.fall_short(&SourceError::new(INCOMPLETE, message), Timestamp::now());
        }
    }
}

impl Drop for Groups {
    /// A query that nobody waits for any more would be billed.
    fn drop(&mut self) {
        if self.found.is_none() || self.is_over() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let stop = self.searches.stop();
            runtime.spawn(async move {
                if let Err(error) = stop.await {
                    tracing::warn!(%error, "a query of CloudWatch's logs was not stopped");
                }
            });
        }
    }
}

impl Found {
    fn nothing(recording: &Recording) -> Self {
        let ledger = Ledger::new(recording);
        Self { ledger, is_over: false, lasting: Vec::new(), passing: Vec::new(), tries: 0 }
    }

    fn take(&mut self, proceeded: Proceeded) {
        let Proceeded { is_over, has_searched, failures } = proceeded;
        if has_searched {
            self.ledger.heard();
        }
        // Of a search that goes on, the last failure may be the one that is tried again.
        let (passing, lasting) = failures.into_iter().partition(|failure| !is_over && !lasts(failure));
        self.passing = passing;
        self.lasting.extend::<Vec<SourceError>>(lasting);
        let is_waited_for = |failure: &SourceError| WAITED_FOR.contains(&failure.reason);
        self.tries += u32::from(!self.passing.iter().all(is_waited_for));
        self.is_over = is_over || self.tries >= MOST_TRIES;
    }
}

/// Whether log groups can be searched: not without knowing the region.
pub(super) fn check(logs: &ObserveLogs, aws: Option<&AwsAccess>) -> Result<(), Mistake> {
    if logs.cloud_watch.is_empty() || aws.is_some() {
        return Ok(());
    }
    let words = "observe.logs.cloudWatch needs to know the region: write observe.aws: {region: …}";
    Err(Mistake(words.to_owned()))
}

/// Texts of which one is in every line that matches any pattern; none when that is not known of each.
fn terms(patterns: &Patterns) -> Vec<&'static str> {
    if patterns.iter().any(|pattern| pattern.terms().is_empty()) {
        return Vec::new();
    }
    patterns.iter().flat_map(Pattern::terms).copied().collect()
}

/// Takes an event, which may have several lines, as a log of a pod is taken.
fn note(ledger: &mut Ledger, patterns: &Patterns, event: Line<'_>) {
    let Line { at, stream, text } = event;
    ledger.heard();
    for line in text.lines() {
        let line = String::from_utf8_lossy(&line.as_bytes()[..line.len().min(LONGEST_LINE)]);
        ledger.note(patterns, at, stream, &line);
    }
}

fn silence() -> Proceeded {
    let message = format!("no answer of CloudWatch within {} s", LONGEST_CALL.as_secs());
    Proceeded { failures: vec![SourceError::new("DeadlineExceeded", message)], ..Proceeded::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn patterns(logs: &Value) -> Patterns {
        Patterns::of(&serde_json::from_value(logs.clone()).unwrap()).unwrap()
    }

    fn failed(is_over: bool, reasons: &[&'static str]) -> Proceeded {
        let failures = reasons.iter().map(|reason| SourceError::new(reason, *reason)).collect();
        Proceeded { is_over, has_searched: false, failures }
    }

    fn reasons(failures: &[SourceError]) -> Vec<&str> {
        failures.iter().map(|failure| failure.reason).collect()
    }

    #[test]
    fn what_passes_is_forgotten_and_what_lasts_is_not() {
        let mut found = Found::nothing(&Recording::new("logs", Timestamp::UNIX_EPOCH));
        found.take(failed(false, &["NotFound", "Throttled"]));
        assert_eq!((reasons(&found.lasting), reasons(&found.passing)), (vec!["NotFound"], vec!["Throttled"]));
        found.take(failed(true, &[]));
        assert_eq!((reasons(&found.lasting), reasons(&found.passing)), (vec!["NotFound"], vec![]));
    }

    #[test]
    fn only_what_is_nobodys_mistake_is_tried_again_and_again() {
        for (reason, expected) in [("Unreachable", false), ("QueryFailed", true), ("SecretNotFound", true)] {
            let mut found = Found::nothing(&Recording::new("logs", Timestamp::UNIX_EPOCH));
            for _ in 0..MOST_TRIES {
                found.take(failed(false, &[reason]));
            }
            assert_eq!((found.is_over, reasons(&found.passing)), (expected, vec![reason]), "{reason}");
        }
    }

    #[test]
    fn terms_are_those_of_all_patterns_or_none() {
        let known = terms(&patterns(&json!({"builtIn": ["Pulp", "PostgreSql"]})));
        assert!(known.contains(&"WORKER TIMEOUT") && known.contains(&"PANIC:  "), "{known:?}");
        let own = json!({"builtIn": ["Pulp"], "patterns": [{"name": "slow", "regex": "slow"}]});
        assert_eq!(terms(&patterns(&own)), [] as [&str; 0]);
    }

    #[test]
    fn an_event_of_several_lines_is_looked_at_line_by_line() {
        let (patterns, mut recording) =
            (patterns(&json!({"builtIn": ["Pulp"]})), Recording::new("logs", Timestamp::UNIX_EPOCH));
        let mut ledger = Ledger::new(&recording);
        let text = "Traceback (most recent call last):\n  File x\nValueError: on purpose\n";
        note(&mut ledger, &patterns, Line { at: Timestamp::UNIX_EPOCH, stream: "api-1", text });
        let window = Window { start: Timestamp::UNIX_EPOCH, end: Timestamp::UNIX_EPOCH };
        ledger.write(&patterns, window, true, &mut recording);
        let figures = recording.report().summary.figures;
        for (name, expected) in [("traceback", 1.0), ("exception", 1.0), ("lines", 3.0)] {
            assert_eq!(figures.get(&format!("logs.{name}.count")), Some(&expected), "{name}");
        }
    }
}
