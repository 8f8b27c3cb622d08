//! The state of the source that outlives a restart of the operator.

use serde::{Deserialize, Serialize};

use crate::recording::Recording;

use super::locks::LockWaits;
use super::look::Subjects;
use super::probe::ConnectTimes;
use super::statements::Statements;

const KEY: &str = "postgres";

/// The state of the source that outlives a restart of the operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Memory {
    /// When the server was started, as it was last seen.
    pub(super) server_started_at: Option<String>,
    pub(super) subjects: Subjects,
    pub(super) lock_waits: LockWaits,
    pub(super) connect_times: ConnectTimes,
    /// The costs at the start, of the costliest statements.
    pub(super) statements: Option<Statements>,
}

impl Memory {
    /// The stored state; that of a source that has not begun where none can be read.
    pub(super) fn load(recording: &Recording) -> Self {
        recording.recall(KEY).unwrap_or_default()
    }

    /// Stores it.
    pub(super) fn store(&self, recording: &mut Recording) {
        // It is texts, numbers and instants, which can be written.
        let _ = recording.remember(KEY, self);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use serde_json::json;
    use throughput_model::source_report::SourceReport;
    use throughput_test_support::mutated;

    use super::super::statements;
    use super::*;
    use crate::error::SourceError;

    #[test]
    fn the_state_is_taken_up_by_the_next_operator_as_it_was_stored() {
        let mut recording = Recording::new("postgres", Timestamp::UNIX_EPOCH);
        assert_eq!(Memory::load(&recording), Memory::default());
        let statements = serde_json::json!({"costs": [[-5, [3, 1.5, 7]]], "resetAt": null, "evictions": 2});
        let memory = Memory {
            server_started_at: Some("2026-11-22 09:00:00+00".to_owned()),
            statements: Some(serde_json::from_value(statements).unwrap()),
            ..Memory::default()
        };
        memory.store(&mut recording);
        let stored = serde_json::to_string(&recording).unwrap();
        assert_eq!(Memory::load(&serde_json::from_str(&stored).unwrap()), memory);
    }

    #[test]
    fn whatever_was_made_of_the_stored_state_it_is_refused_or_harmless() {
        let at = Timestamp::UNIX_EPOCH;
        let statements =
            json!({"costs": [[-5, [3, 1.5, 7]], [6, [2, 0.5, 1]]], "resetAt": null, "evictions": 2});
        let statements: Statements = serde_json::from_value(statements).unwrap();
        let mut memory = Memory { statements: Some(statements.clone()), ..Memory::default() };
        let mut recording = Recording::new("postgres", at);
        let second = std::time::Duration::from_secs(1);
        memory.connect_times.note(Ok(second), at, &mut recording);
        let wait =
            json!({"what": "a row", "mode": "ShareLock", "seconds": 1.5, "waiting": "", "blocking": null});
        let blocked = json!({"sessions": 1, "longestSeconds": 1.5, "waits": [wait]});
        let blocked = serde_json::from_value(blocked).unwrap();
        memory.lock_waits.note(&blocked, at, &mut recording);
        let (mut read, mut refused) = (0, 0);
        for changed in mutated::all_of(&json!(memory)) {
            // Through the text, as it is stored.
            let Ok(mut memory) = serde_json::from_str::<Memory>(&changed.to_string()) else {
                refused += 1;
                continue;
            };
            read += 1;
            let mut recording = Recording::new("postgres", at);
            memory.connect_times.note(Ok(second), at, &mut recording);
            memory.connect_times.note(Err(SourceError::new("Unreachable", "no")), at, &mut recording);
            memory.lock_waits.note(&blocked, at, &mut recording);
            if let Some(start) = &memory.statements {
                for (now, before) in [(&statements, start), (start, &statements)] {
                    let spent = now.since(before);
                    now.note_doubts(before, at, &mut recording);
                    statements::note(&spent, &statements::top(&spent, 5), &BTreeMap::new(), &mut recording);
                }
            }
            serde_json::from_value::<SourceReport>(json!(recording.report())).unwrap();
        }
        assert!(read > 50 && refused > 50, "{read} were read, {refused} refused");
    }
}
