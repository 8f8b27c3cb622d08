//! The sources of one cell at work.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use throughput_core::observed::Sources;
use throughput_model::cell::CellAddress;
use throughput_model::source_report::SourceReport;
use throughput_sources::access::Access;
use throughput_sources::recording::Recording;
use throughput_sources::source::{Source, SourceError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::checkpoint::{self, Checkpoint};
use super::one_source::OneSource;
use super::phase::Phase;
use super::source_state::{SharedState, SourceState};

/// How long after its first source is at work what a cell's sources saw is stored first.
const KEEP_FIRST: Duration = Duration::from_secs(5);
/// How often it is stored after that.
const KEEP_EVERY: Duration = Duration::from_secs(30);

/// The sources of one cell at work. They end when this is dropped.
pub(super) struct CellWatch {
    pub(super) address: CellAddress,
    phase: watch::Sender<Phase>,
    slots: Vec<Arc<SharedState>>,
    _stop: DropGuard,
}

impl CellWatch {
    /// Begins, or goes on with what an earlier operator stored.
    pub(super) fn begin(
        sources: Vec<Box<dyn Source>>,
        interval: Duration,
        access: Access,
        phase: Phase,
    ) -> Self {
        let (phases, stop) = (watch::Sender::new(phase), CancellationToken::new());
        let slots: Vec<Arc<SharedState>> =
            sources.iter().map(|source| Arc::new(SharedState::of(source.name()))).collect();
        let address = access.cell.clone();
        let work = work(sources, slots.clone(), interval, access.clone(), phases.subscribe());
        let stopped = stop.clone();
        tokio::spawn(async move {
            if stopped.run_until_cancelled(work).await.is_none()
                && let Err(error) = checkpoint::remove(&access).await
            {
                tracing::warn!(test = access.test, %error, "what the sources saw was not taken away");
            }
        });
        Self { address, phase: phases, slots, _stop: stop.drop_guard() }
    }

    /// Goes on to what has to be done now.
    pub(super) fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|before| {
            let changed = *before != phase;
            *before = phase;
            changed
        });
    }

    /// What was seen so far.
    pub(super) fn seen(&self) -> Sources {
        let seen: Vec<MutexGuard<'_, SourceState>> = self.slots.iter().map(|slot| slot.lock()).collect();
        Sources::Seen {
            settled: seen.iter().all(|seen| seen.settled),
            shortfalls: seen
                .iter()
                .flat_map(|seen| {
                    seen.shortfalls.iter().map(|shortfall| (seen.source.clone(), shortfall.clone()))
                })
                .collect(),
            reports: seen
                .iter()
                .map(|seen| seen.report.clone().unwrap_or_else(|| unheard(&seen.source)))
                .collect(),
        }
    }
}

/// The report of a source from which nothing was heard.
fn unheard(source: &str) -> SourceReport {
    let now = Timestamp::now();
    let mut recording = Recording::new(source, now);
    recording.fall_short(&SourceError::new("NotSettled", "it had not answered when its time was up"), now);
    recording.report()
}

/// All sources at work, and what they saw stored now and then. Never ends by itself.
async fn work(
    sources: Vec<Box<dyn Source>>,
    slots: Vec<Arc<SharedState>>,
    interval: Duration,
    access: Access,
    phases: watch::Receiver<Phase>,
) {
    let mut kept = Checkpoint::load(&access).await;
    let now = Timestamp::now();
    let at_work = sources.into_iter().zip(&slots).map(|(source, slot)| {
        let before = kept.as_mut().and_then(|kept| kept.take(source.name(), now));
        let (recording, settled) = before.unwrap_or_else(|| (Recording::new(source.name(), now), false));
        let interval = source.interval().unwrap_or(interval);
        let one = OneSource { source, recording, slot: slot.clone(), interval };
        one.work(phases.clone(), settled)
    });
    futures::future::join(futures::future::join_all(at_work), keep(&slots, &access)).await;
}

/// Stores what was seen, every half minute, and once all sources have settled.
async fn keep(slots: &[Arc<SharedState>], access: &Access) {
    let mut had_settled = false;
    let mut due = Instant::now() + KEEP_FIRST;
    loop {
        sleep(Duration::from_secs(1)).await;
        let settled = slots.iter().all(|slot| slot.lock().settled);
        if Instant::now() < due && settled == had_settled {
            continue;
        }
        (due, had_settled) = (Instant::now() + KEEP_EVERY, settled);
        let of_slot = |slot: &Arc<SharedState>| {
            let seen = slot.lock();
            Some((seen.recording.clone()?, seen.settled))
        };
        let kept = Checkpoint { at: Timestamp::now(), sources: slots.iter().filter_map(of_slot).collect() };
        if let Err(error) = kept.store(access).await {
            tracing::warn!(test = access.test, %error, "what the sources saw was not stored");
        }
    }
}
