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
    use jiff::Timestamp;

    use super::*;

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
}
