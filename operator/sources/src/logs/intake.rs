//! Taking in a log as it comes, no faster than is good for the system under test.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures::{AsyncBufRead, AsyncBufReadExt};
use jiff::{SignedDuration, Timestamp};

use super::answer::UNREADABLE;
use super::blocks::{Followed, Taken};
use super::containers::Container;
use super::lines::timed;
use super::patterns::Patterns;
use super::progress::{Extent, Outcome, Progress};
use super::rate_limit::RateLimit;
use super::state::State;
use crate::error::SourceError;
use crate::lock::lock;
use crate::text::bounded;

/// How much is read at most of a log that is not followed, in bytes.
pub(super) const MOST_BYTES: i64 = 16 << 20;
/// How long to wait for lines that are there already.
const DEADLINE: Duration = Duration::from_secs(10);
/// After so long without a line it is asked again: followed logs of older Kubernetes fall silent when they are rotated,
/// and connections when a server goes.
const QUIET: Duration = Duration::from_mins(1);

/// Takes logs into a state.
#[derive(Clone)]
pub(super) struct Intake {
    patterns: Arc<Patterns>,
    state: Arc<Mutex<State>>,
    rate_limit: Arc<Mutex<RateLimit>>,
    limits: Limits,
}

/// The bounds of reading. A log that is written faster is read more slowly than it is written; a log that is read too far
/// behind is skipped up to the present.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Of all logs together.
    all_bytes_per_second: u32,
    /// Of one of them.
    one_bytes_per_second: u32,
    /// A log is skipped when reading it was slowed down for so long,
    most_slowed: Duration,
    /// and is so far behind.
    farthest_behind: SignedDuration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            all_bytes_per_second: 8 << 20,
            one_bytes_per_second: 2 << 20,
            most_slowed: Duration::from_secs(10),
            farthest_behind: SignedDuration::from_secs(30),
        }
    }
}

impl Intake {
    /// An intake into this state.
    pub(super) fn new(patterns: Arc<Patterns>, state: Arc<Mutex<State>>, limits: Limits) -> Self {
        let rate_limit = Arc::new(Mutex::new(RateLimit::new(limits.all_bytes_per_second)));
        Self { patterns, state, rate_limit, limits }
    }

    /// The state.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Takes a stream to its end, or until it is silent, busy, or too far behind. Only of a run that `is_over` the last
    /// line may have no end; of another one it is not complete.
    ///
    /// Of a busy log of which this much came it is asked whether its file is small while it is still followed: its node
    /// may begin a new file at any instant, and what stood in the old one is had only by whoever follows it then.
    pub(super) async fn take<IsSmall: Future<Output = bool>>(
        &self,
        (container, run): (&Container, i32),
        extent: Extent,
        is_over: bool,
        mut stream: impl AsyncBufRead + Unpin,
        is_small: impl Fn(Taken) -> IsSmall,
    ) -> Result<(Outcome, Taken), SourceError> {
        let mut progress = Progress::of(extent, self.state().position(container).resume(run));
        let mut rate_limit = RateLimit::new(self.limits.one_bytes_per_second);
        let mut followed = extent.followed_at_least().map(|at_least| Followed::new(at_least, Instant::now()));
        loop {
            let silence = if extent.is_followed() { QUIET } else { DEADLINE };
            let chunk = match tokio::time::timeout(silence, stream.fill_buf()).await {
                Ok(Ok(chunk)) => chunk,
                Ok(Err(error)) => {
                    return Err(SourceError::new("Unreachable", format!("it broke off: {error}")));
                }
                Err(_) if extent.is_followed() => return progress.outcome(),
                Err(_) => return Err(SourceError::new("DeadlineExceeded", "it did not go on in time")),
            };
            let length = chunk.len();
            if length == 0 {
                break;
            }
            self.lines(container, &mut progress, chunk);
            if progress.is_given_up() {
                return progress.outcome();
            }
            stream.consume_unpin(length);
            let pause = self.pause(&mut rate_limit, length);
            tokio::time::sleep(pause).await;
            progress.slowed += pause;
            if extent.is_followed() && self.is_left_behind(container, &mut progress) {
                return progress.outcome();
            }
            if let Some(followed) = &mut followed
                && followed.is_busy(progress.taken, Instant::now())
            {
                if is_small(progress.taken).await {
                    return Ok((Outcome::Busy, progress.taken));
                }
                followed.is_kept();
            }
        }
        self.end(container, is_over, &mut progress);
        progress.outcome()
    }

    /// Takes what came: all of it or, if this is dropped before or after, nothing.
    fn lines(&self, container: &Container, progress: &mut Progress, chunk: &[u8]) {
        let mut state = self.state();
        progress.bytes = progress.bytes.saturating_add(i64::try_from(chunk.len()).unwrap_or(i64::MAX));
        let mut lines = std::mem::take(&mut progress.lines);
        lines.push(chunk, |line| {
            self.line(&mut state, container, progress, &String::from_utf8_lossy(line));
        });
        progress.lines = lines;
        state.ledger.heard();
    }

    fn line(&self, state: &mut State, container: &Container, progress: &mut Progress, line: &str) {
        let Some((at, text)) = timed(line) else {
            if !line.is_empty() {
                progress.words.get_or_insert_with(|| SourceError::new(UNREADABLE, bounded(line)));
            }
            return;
        };
        if !progress.resumption.is_new(at) {
            return;
        }
        progress.note_tear(state, container, at);
        if progress.is_given_up() {
            return;
        }
        state.take(&self.patterns, container, progress.resumption.run(), (at, text));
        progress.taken.add(line);
    }

    /// Whether a log is written so much faster than it is read that the lines between are skipped.
    fn is_left_behind(&self, container: &Container, progress: &mut Progress) -> bool {
        if progress.slowed <= self.limits.most_slowed {
            return false;
        }
        progress.slowed = Duration::ZERO;
        let (mut state, now) = (self.state(), Timestamp::now());
        let is_behind = now.duration_since(state.position(container).at) > self.limits.farthest_behind;
        if is_behind {
            state.skip(container, now);
        }
        is_behind
    }

    /// Takes the last line, if it has no end; notes if there is more than was asked for, or less than was there before.
    fn end(&self, container: &Container, is_over: bool, progress: &mut Progress) {
        let mut state = self.state();
        state.ledger.heard();
        if !progress.extent.is_followed() && progress.bytes >= MOST_BYTES {
            let message = format!("of the log of {container} only {MOST_BYTES} bytes were read at its end");
            state.fall_short(SourceError::new("TooMuchLog", message));
        } else if is_over {
            let line = String::from_utf8_lossy(progress.lines.rest()).into_owned();
            self.line(&mut state, container, progress, &line);
        }
        // A followed log may have ended before anything of it came, and the kubelet's words are no log.
        let is_whole = !progress.extent.is_followed() && progress.words.is_none();
        if is_whole {
            progress.note_tear(&mut state, container, Timestamp::now());
        }
    }

    /// How long to wait before reading on.
    fn pause(&self, rate_limit: &mut RateLimit, bytes: usize) -> Duration {
        let now = Instant::now();
        let all = lock(&self.rate_limit).take(bytes, now);
        all.max(rate_limit.take(bytes, now))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures::AsyncReadExt;
    use futures::io::Cursor;
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;
    use throughput_crds::{LogPattern, ObserveLogs};

    use super::super::containers::containers;
    use super::*;
    use crate::recording::Recording;
    use crate::source::Window;

    const FOLLOWED: Extent = Extent::AsItComes(Duration::MAX);

    fn intake(limits: Limits) -> (Intake, Container) {
        let patterns = Patterns::of(&ObserveLogs {
            pods: Vec::new(),
            cloud_watch: Vec::new(),
            built_in: Vec::new(),
            patterns: vec![LogPattern { name: "tick".to_owned(), regex: "tick".to_owned() }],
        });
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "worker", "uid": "1"},
            "spec": {"containers": [{"name": "app"}]},
        }))
        .unwrap();
        let mut state = State::new(at(0), &Recording::new("logs", at(0)));
        state.know(&containers(&[pod], None).collect::<BTreeSet<_>>());
        let container = state.open().remove(0);
        (Intake::new(Arc::new(patterns.unwrap()), Arc::new(Mutex::new(state)), limits), container)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn log(lines: i64) -> Vec<u8> {
        let lines = (0..lines).map(|second| format!("{} tick {second}\n", at(second)));
        lines.collect::<Vec<_>>().concat().into_bytes()
    }

    /// Takes a log of a container's first run, whose file is small.
    async fn take(
        intake: &Intake,
        container: &Container,
        extent: Extent,
        is_over: bool,
        log: impl AsyncBufRead + Unpin,
    ) -> Result<(Outcome, Taken), SourceError> {
        intake.take((container, 0), extent, is_over, log, async |_| true).await
    }

    fn told(intake: &Intake) -> (Option<f64>, Vec<String>) {
        let mut recording = Recording::new("logs", at(0));
        let mut state = intake.state();
        state.tell(&mut recording);
        let window = Window { start: at(0), end: at(1_000_000) };
        state.ledger.write(&intake.patterns, window, true, &mut recording);
        let reasons = recording.shortfalls().iter().map(|shortfall| shortfall.reason.clone()).collect();
        (recording.report().summary.figures.get("logs.tick.count").copied(), reasons)
    }

    #[tokio::test]
    async fn a_log_that_is_taken_up_again_counts_each_line_once() {
        let (intake, container) = intake(Limits::default());
        // The last line is cut in two by the end of the first stream, and complete in the second, whose own has no end.
        let mut log = log(100);
        log.pop();
        take(&intake, &container, FOLLOWED, false, Cursor::new(&log[..1_000])).await.unwrap();
        take(&intake, &container, Extent::UntilNow, true, Cursor::new(&log)).await.unwrap();
        assert_eq!(told(&intake), (Some(100.0), Vec::new()));
    }

    #[tokio::test]
    async fn a_followed_log_that_is_busy_is_given_back_and_a_quiet_one_is_not() {
        for (lines, at_least, expected) in [
            (0, Duration::ZERO, Outcome::Ended),
            (20, Duration::ZERO, Outcome::Busy),
            (20, Duration::MAX, Outcome::Ended),
        ] {
            let (intake, container) = intake(Limits::default());
            let (extent, stream) = (Extent::AsItComes(at_least), Cursor::new(log(lines)));
            let (outcome, _) = take(&intake, &container, extent, false, stream).await.unwrap();
            assert_eq!(outcome, expected, "{lines} lines, {at_least:?}");
        }
    }

    #[tokio::test]
    async fn a_busy_log_is_not_left_while_its_node_may_begin_a_new_file() {
        let (intake, container) = intake(Limits::default());
        let asked = AtomicU64::new(0);
        let is_small = async |taken: Taken| {
            asked.store(taken.lines, Ordering::Relaxed);
            false
        };
        // In two pieces, so that there is something to come when it is asked.
        let log = log(100);
        let stream = Cursor::new(&log[..1_000]).chain(Cursor::new(&log[1_000..]));
        let extent = Extent::AsItComes(Duration::ZERO);
        let (outcome, taken) = intake.take((&container, 0), extent, false, stream, is_small).await.unwrap();
        assert!((1..100).contains(&asked.into_inner()), "it is asked once, with what came by then");
        assert_eq!((outcome, taken.lines, told(&intake)), (Outcome::Ended, 100, (Some(100.0), Vec::new())));
    }

    #[tokio::test]
    async fn what_a_node_threw_away_between_two_blocks_is_told_once() {
        let (intake, container) = intake(Limits::default());
        let (log, whole) = (log(100), Extent::UntilNow);
        let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
        let (first, rest) = (lines[..40].concat(), lines[70..].concat());
        let take = |extent, log: &[u8]| take(&intake, &container, extent, false, Cursor::new(log.to_vec()));
        take(whole, &first).await.unwrap();
        let before = told(&intake);
        let (outcome, taken) = take(Extent::End(10), &rest).await.unwrap();
        assert_eq!(
            (outcome, taken.lines, told(&intake)),
            (Outcome::Torn, 0, before),
            "the end of it is not taken"
        );
        let (outcome, taken) = take(whole, &rest).await.unwrap();
        assert_eq!((outcome, taken.lines), (Outcome::Torn, 30));
        assert_eq!(told(&intake).1, ["LogLost"]);
        let (outcome, taken) = take(Extent::End(10), &rest).await.unwrap();
        assert_eq!((outcome, taken.lines, told(&intake).1), (Outcome::Ended, 0, Vec::new()));
    }

    #[tokio::test]
    async fn a_new_file_that_is_empty_yet_is_told_of_too() {
        let (intake, container) = intake(Limits::default());
        for (log, expected) in
            [(log(10), Outcome::Ended), (Vec::new(), Outcome::Torn), (Vec::new(), Outcome::Ended)]
        {
            let stream = Cursor::new(log);
            let (outcome, _) = take(&intake, &container, Extent::UntilNow, false, stream).await.unwrap();
            assert_eq!(outcome, expected);
        }
        assert_eq!(told(&intake).1, ["LogLost"]);
    }

    #[tokio::test]
    async fn an_empty_log_was_read_and_has_nothing() {
        let (intake, container) = intake(Limits::default());
        take(&intake, &container, Extent::UntilNow, true, Cursor::new(b"")).await.unwrap();
        assert_eq!(told(&intake), (Some(0.0), Vec::new()));
    }

    #[tokio::test]
    async fn a_log_that_is_written_faster_than_it_is_read_is_skipped_and_told_of() {
        let limits = Limits {
            one_bytes_per_second: 1_000,
            most_slowed: Duration::from_millis(20),
            ..Limits::default()
        };
        let (intake, container) = intake(limits);
        // In small pieces, as it comes from the network.
        let stream = futures::io::BufReader::with_capacity(100, Cursor::new(log(10_000)));
        take(&intake, &container, FOLLOWED, false, stream).await.unwrap();
        let (count, reasons) = told(&intake);
        assert!(count.unwrap() > 10.0 && count.unwrap() < 100.0, "{count:?}");
        assert_eq!(reasons, ["TooMuchLog"]);
        assert!(intake.state().position(&container).at > at(1_000_000), "it goes on from now on");
    }

    #[tokio::test]
    async fn an_endless_line_is_read_in_bounded_space() {
        let (intake, container) = intake(Limits::default());
        let mut log = b"1970-01-01T00:00:01Z tick ".to_vec();
        log.resize(1 << 20, b'x');
        log.extend_from_slice(b"\n1970-01-01T00:00:02Z tick\n");
        take(&intake, &container, FOLLOWED, false, Cursor::new(log)).await.unwrap();
        assert_eq!(told(&intake), (Some(2.0), Vec::new()));
        let size = serde_json::to_string(&*intake.state()).unwrap().len();
        assert!(size < 2_000, "{size}");
    }

    #[tokio::test]
    async fn the_kubelets_own_words_are_no_lines_but_a_reason() {
        let (intake, container) = intake(Limits::default());
        let log = b"1970-01-01T00:00:01Z tick\nunable to retrieve container logs for containerd://tick\n";
        let error = take(&intake, &container, Extent::UntilNow, true, Cursor::new(log)).await.unwrap_err();
        assert_eq!((error.reason, told(&intake).0), ("LogUnreadable", Some(1.0)));
        assert!(error.message.starts_with("unable to retrieve"), "{error}");
    }
}
