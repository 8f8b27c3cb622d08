//! The state of the source that outlives a restart of the operator: small, and stored with the recording.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::pods::tally::Tally;
use crate::recording::Recording;

/// Under which key it is stored.
const KEY: &str = "pods";

/// The state of the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Memory {
    /// Whether the pods that were there before the first task are known: of those that come later everything counts.
    pub(crate) has_begun: bool,
    /// Since when samples count.
    pub(crate) looking_since: Option<Timestamp>,
    /// Restarts by group and UID.
    pub(crate) tallies: BTreeMap<String, BTreeMap<String, Tally>>,
    /// The last sample of the metrics API, by the pod's name.
    pub(crate) sampled: BTreeMap<String, Timestamp>,
    /// The metrics that have a figure.
    pub(crate) recorded: BTreeSet<String>,
}

impl Memory {
    /// The stored state; that of a source that has not begun where none can be read.
    pub(crate) fn load(recording: &Recording) -> Self {
        recording.recall(KEY).unwrap_or_default()
    }

    /// Stores it with the recording.
    pub(crate) fn store(&self, recording: &mut Recording) {
        // It is texts, numbers and instants, which can be written.
        let _ = recording.remember(KEY, self);
    }
}
