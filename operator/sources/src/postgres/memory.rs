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
