//! One source at work, from phase to phase.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use throughput_sources::recording::Recording;
use throughput_sources::source::{Settled, Source, SourceError, Window};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::CALL_DEADLINE;
use super::phase::Phase;
use super::source_state::SharedState;

/// The longest wait between two attempts to begin.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often a source that does not answer in time is asked again for what is only known afterwards.
const SETTLE_ATTEMPTS: u32 = 3;

/// One source at work.
pub(super) struct OneSource {
    pub(super) source: Box<dyn Source>,
    pub(super) recording: Recording,
    pub(super) slot: Arc<SharedState>,
    pub(super) interval: Duration,
}

impl OneSource {
    /// Does what each phase wants, and then waits for the next.
    pub(super) async fn work(mut self, mut phases: watch::Receiver<Phase>, mut settled: bool) {
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
