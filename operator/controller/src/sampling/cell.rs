//! The sources of one cell at work.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use throughput_core::observed::Sources;
use throughput_model::cell::CellAddress;
use throughput_model::source_report::{Shortfall, SourceReport};
use throughput_sources::access::Access;
use throughput_sources::recording::Recording;
use throughput_sources::source::{Settled, Source, SourceError, Window};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::CALL_DEADLINE;
use super::checkpoint::{self, Checkpoint};
use super::phase::Phase;

/// How long after its first source is at work what a cell's sources saw is stored first.
const KEEP_FIRST: Duration = Duration::from_secs(5);
/// How often it is stored after that.
const KEEP_EVERY: Duration = Duration::from_secs(30);
/// The longest wait between two attempts to begin.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often a source that does not answer in time is asked again for what is only known afterwards.
const SETTLE_ATTEMPTS: u32 = 3;

/// The sources of one cell at work. They end when this is dropped.
pub(super) struct CellWatch {
    pub(super) address: CellAddress,
    phase: watch::Sender<Phase>,
    slots: Vec<Arc<SharedState>>,
    _stop: DropGuard,
}

/// What is known from outside of one source's work.
#[derive(Default)]
struct SharedState(Mutex<SourceState>);

/// What one source saw so far.
#[derive(Default)]
struct SourceState {
    source: String,
    shortfalls: Vec<Shortfall>,
    /// As it is stored: not older than what is stored next.
    recording: Option<Recording>,
    report: Option<SourceReport>,
    settled: bool,
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

impl SharedState {
    fn of(source: &str) -> Self {
        Self(Mutex::new(SourceState { source: source.to_owned(), ..SourceState::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, SourceState> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what a source wrote down: its shortfalls always, all of it where it is to be stored or reported.
    fn publish(&self, recording: &Recording, settling: bool, settled: bool) {
        let mut seen = self.lock();
        seen.shortfalls = recording.shortfalls().to_vec();
        seen.settled = settled;
        if settling {
            seen.report = Some(recording.report());
        }
        seen.recording = Some(recording.clone());
    }
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

/// One source at work.
struct OneSource {
    source: Box<dyn Source>,
    recording: Recording,
    slot: Arc<SharedState>,
    interval: Duration,
}

impl OneSource {
    /// Does what each phase wants, and then waits for the next.
    async fn work(mut self, mut phases: watch::Receiver<Phase>, mut settled: bool) {
        let mut begun = false;
        let mut wait = self.interval;
        loop {
            let phase = *phases.borrow_and_update();
            let started = Instant::now();
            if !begun && !settled {
                begun = self.begin().await;
                wait = if begun { self.interval } else { (wait * 2).min(LONGEST_WAIT) };
            }
            match phase {
                Phase::Measure if begun => self.look().await,
                Phase::Settle(window) if !settled => {
                    // A source that never began has nothing more to say.
                    if begun {
                        self.look().await;
                        self.settle(window).await;
                    }
                    settled = true;
                }
                Phase::Prepare | Phase::Measure | Phase::Settle(_) => {}
            }
            self.slot.publish(&self.recording, matches!(phase, Phase::Settle(_)), settled);
            let next = tokio::time::sleep_until(started + wait);
            tokio::select! {
                changed = phases.changed() => {
                    // Whoever told what to do is gone: so is the need to do it.
                    if changed.is_err() {
                        return;
                    }
                }
                () = next, if !(settled || begun && phase == Phase::Prepare) => {}
            }
        }
    }

    async fn begin(&mut self) -> bool {
        let called = timeout(CALL_DEADLINE, self.source.begin(&mut self.recording)).await;
        let done = flattened(called);
        self.note(done).is_some()
    }

    async fn look(&mut self) {
        let called = timeout(CALL_DEADLINE, self.source.look(&mut self.recording)).await;
        let done = flattened(called);
        self.note(done);
    }

    /// Asks until there is no more to come, or it fails.
    async fn settle(&mut self, window: Window) {
        let mut silences = 0;
        loop {
            let called = timeout(CALL_DEADLINE, self.source.settle(window, &mut self.recording)).await;
            let in_time = called.is_ok();
            silences += u32::from(!in_time);
            let done = flattened(called);
            match self.note(done) {
                Some(Settled::Again(after)) => {
                    self.slot.publish(&self.recording, true, false);
                    sleep(after).await;
                }
                None if !in_time && silences < SETTLE_ATTEMPTS => {}
                Some(Settled::Complete) | None => break,
            }
        }
    }

    /// Notes a failure in the recording.
    fn note<T>(&mut self, done: Result<T, SourceError>) -> Option<T> {
        match done {
            Ok(value) => Some(value),
            Err(error) => {
                self.recording.fall_short(&error, Timestamp::now());
                tracing::debug!(source = self.source.name(), reason = error.reason, %error, "fell short");
                None
            }
        }
    }
}

fn flattened<T>(
    called: Result<Result<T, SourceError>, tokio::time::error::Elapsed>,
) -> Result<T, SourceError> {
    called.unwrap_or_else(|_| {
        let message = format!("no answer within {} s", CALL_DEADLINE.as_secs());
        Err(SourceError::new("DeadlineExceeded", message))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::BoxFuture;

    use super::*;

    /// A source that fails to begin twice, counts its looks, and settles at the third time of asking.
    #[derive(Default)]
    struct Counting {
        failures: u32,
        asked: u32,
        looks: Arc<AtomicU32>,
    }

    impl Source for Counting {
        fn name(&self) -> &'static str {
            "counting"
        }

        fn begin<'a>(&'a mut self, _: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
            self.failures += 1;
            let failed = self.failures < 3;
            Box::pin(async move {
                if failed { Err(SourceError::new("Unreachable", "nobody there")) } else { Ok(()) }
            })
        }

        fn look<'a>(&'a mut self, recording: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
            self.looks.fetch_add(1, Ordering::SeqCst);
            recording.sample("looks", "", Timestamp::now(), 1.0);
            Box::pin(std::future::ready(Ok(())))
        }

        fn settle<'a>(
            &'a mut self,
            _: Window,
            recording: &'a mut Recording,
        ) -> BoxFuture<'a, Result<Settled, SourceError>> {
            self.asked += 1;
            recording.set_figure("asked", f64::from(self.asked));
            let settled =
                if self.asked < 3 { Settled::Again(Duration::from_mins(1)) } else { Settled::Complete };
            Box::pin(std::future::ready(Ok(settled)))
        }
    }

    /// A source that never answers.
    struct Silent;

    impl Source for Silent {
        fn name(&self) -> &'static str {
            "silent"
        }

        fn settle<'a>(
            &'a mut self,
            _: Window,
            _: &'a mut Recording,
        ) -> BoxFuture<'a, Result<Settled, SourceError>> {
            Box::pin(std::future::pending())
        }
    }

    const WINDOW: Window = Window { start: Timestamp::UNIX_EPOCH, end: Timestamp::UNIX_EPOCH };

    fn at_work(source: impl Source + 'static, phase: Phase) -> (watch::Sender<Phase>, Arc<SharedState>) {
        let (phases, slot) = (watch::Sender::new(phase), Arc::new(SharedState::of(source.name())));
        let one = OneSource {
            recording: Recording::new(source.name(), Timestamp::UNIX_EPOCH),
            source: Box::new(source),
            slot: slot.clone(),
            interval: Duration::from_secs(5),
        };
        tokio::spawn(one.work(phases.subscribe(), false));
        (phases, slot)
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_begins_again_until_it_can_looks_at_its_interval_and_settles() {
        let looks = Arc::<AtomicU32>::default();
        let (phases, slot) =
            at_work(Counting { looks: looks.clone(), ..Counting::default() }, Phase::Measure);
        // It begins at 0, 10 and 30 seconds, and looks every five from then on.
        sleep(Duration::from_secs(42)).await;
        assert_eq!(looks.load(Ordering::SeqCst), 3);
        assert_eq!(slot.lock().shortfalls[0].count, 2);
        phases.send_replace(Phase::Settle(WINDOW));
        sleep(Duration::from_secs(90)).await;
        assert!(!slot.lock().settled);
        sleep(Duration::from_mins(1)).await;
        let seen = slot.lock();
        let report = seen.report.as_ref().unwrap();
        assert_eq!((seen.settled, report.summary.figures["counting.asked"]), (true, 3.0));
        // One more look is taken at the end of the window, and none after it.
        assert_eq!(looks.load(Ordering::SeqCst), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_never_answers_is_given_up_with_a_word() {
        let (_phases, slot) = at_work(Silent, Phase::Settle(WINDOW));
        sleep(CALL_DEADLINE * SETTLE_ATTEMPTS + Duration::from_secs(1)).await;
        let seen = slot.lock();
        assert!(seen.settled);
        let shortfall = &seen.report.as_ref().unwrap().summary.shortfalls[0];
        assert_eq!((shortfall.reason.as_str(), shortfall.count), ("DeadlineExceeded", 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_prepares_waits_for_the_dispatch() {
        let looks = Arc::<AtomicU32>::default();
        let source = Counting { failures: 2, looks: looks.clone(), ..Counting::default() };
        let (phases, _slot) = at_work(source, Phase::Prepare);
        sleep(Duration::from_mins(1)).await;
        assert_eq!(looks.load(Ordering::SeqCst), 0);
        phases.send_replace(Phase::Measure);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(looks.load(Ordering::SeqCst), 1);
    }
}
