//! What one source saw so far, for those who ask while it is at work.

use std::sync::{Mutex, MutexGuard, PoisonError};

use throughput_model::source_report::{Shortfall, SourceReport};
use throughput_sources::recording::Recording;

/// What is known from outside of one source's work.
#[derive(Default)]
pub(super) struct SharedState(Mutex<SourceState>);

/// What one source saw so far.
#[derive(Default)]
pub(super) struct SourceState {
    pub(super) source: String,
    pub(super) shortfalls: Vec<Shortfall>,
    /// As it is stored: not older than what is stored next.
    pub(super) recording: Option<Recording>,
    pub(super) report: Option<SourceReport>,
    pub(super) settled: bool,
}

impl SharedState {
    pub(super) fn of(source: &str) -> Self {
        Self(Mutex::new(SourceState { source: source.to_owned(), ..SourceState::default() }))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, SourceState> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what a source wrote down: its shortfalls always, all of it where it is to be stored or reported.
    pub(super) fn publish(&self, recording: &Recording, settling: bool, settled: bool) {
        let mut seen = self.lock();
        seen.shortfalls = recording.shortfalls().to_vec();
        seen.settled = settled;
        if settling {
            seen.report = Some(recording.report());
        }
        seen.recording = Some(recording.clone());
    }
}
