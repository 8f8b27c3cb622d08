//! The failures within one call of the source.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::aws;
use crate::error::SourceError;
use crate::recording::Recording;

/// The reasons for which something failed within one call of the source.
#[derive(Debug, Default)]
pub(super) struct Failures(BTreeSet<&'static str>);

impl Failures {
    /// Passes a value on; notes an error as a shortfall.
    pub(super) fn note<T>(&mut self, result: Result<T, SourceError>, recording: &mut Recording) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                recording.fall_short(&error, Timestamp::now());
                self.0.insert(error.reason);
                None
            }
        }
    }

    /// Takes back the failures of earlier calls: all is asked for again in each.
    pub(super) fn take_back_all_others(&self, recording: &mut Recording) {
        for reason in aws::CALL_REASONS.iter().filter(|reason| !self.0.contains(*reason)) {
            recording.take_back(reason);
        }
    }

    /// Whether something failed for this reason.
    pub(super) fn has(&self, reason: &str) -> bool {
        self.0.contains(reason)
    }

    /// Whether asking again may help.
    pub(super) fn may_pass(&self) -> bool {
        self.0.iter().any(|reason| !aws::is_final(reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_before_is_taken_back_once_it_does_not_fail_any_more() {
        let mut recording = Recording::new("rds", Timestamp::UNIX_EPOCH);
        for reason in ["SecretNotFound", "Throttled", "AccessDenied"] {
            recording.fall_short(&SourceError::new(reason, "before"), Timestamp::UNIX_EPOCH);
        }
        let mut failures = Failures::default();
        failures.note::<()>(Err(SourceError::new("AccessDenied", "again")), &mut recording);
        failures.take_back_all_others(&mut recording);
        let reasons: Vec<&str> =
            recording.shortfalls().iter().map(|shortfall| shortfall.reason.as_str()).collect();
        assert_eq!(reasons, ["AccessDenied"]);
        assert!(!failures.may_pass());
    }
}
