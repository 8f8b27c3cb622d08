//! Reading a container's log from the API server: as it comes, broken off and taken up again.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::{AsyncBufRead, AsyncBufReadExt};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, LogParams};

use super::containers::{Container, Life};
use super::lines::Lines;
use super::pace::Pace;
use super::patterns::Patterns;
use super::place::Resumption;
use super::state::State;
use crate::recording::bounded;
use crate::source::SourceError;

/// How long an answer may take to begin.
const DEADLINE: Duration = Duration::from_secs(10);
/// After so long without a line it is asked again: followed logs of older Kubernetes fall silent when they are rotated,
/// and connections when a server goes.
const QUIET: Duration = Duration::from_mins(1);
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);
/// After one that failed.
const LONG_PAUSE: Duration = Duration::from_secs(3);
/// How much is read at most in a second: of all logs together, and of one of them.
const ALL_BYTES_PER_SECOND: u32 = 8 << 20;
const ONE_BYTES_PER_SECOND: u32 = 2 << 20;
/// How much is read at most of a log that is not followed.
const MOST_BYTES: u32 = 16 << 20;
/// A log is skipped when reading was slowed down for so long, and is so far behind.
const MOST_SLOWED: Duration = Duration::from_secs(10);
const FARTHEST_BEHIND: SignedDuration = SignedDuration::from_secs(30);

/// Reads logs into a state.
#[derive(Clone)]
pub(super) struct Reader {
    pods: Api<Pod>,
    patterns: Arc<Patterns>,
    state: Arc<Mutex<State>>,
    pace: Arc<Mutex<Pace>>,
}

/// How much of a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All that comes, until it ends.
    AsItComes,
    /// What is there already.
    UntilNow,
    /// What is there of the container's run before this one.
    Before,
}

impl Reader {
    /// One that reads the logs of these pods.
    pub(super) fn new(pods: Api<Pod>, patterns: Arc<Patterns>, state: Arc<Mutex<State>>) -> Self {
        Self { pods, patterns, state, pace: Arc::new(Mutex::new(Pace::new(ALL_BYTES_PER_SECOND))) }
    }

    /// Follows a container's log until there will be no more of it.
    pub(super) async fn follow(self, container: Container) {
        loop {
            let pause = match self.read(&container, Extent::AsItComes).await {
                Ok(true) => return,
                Ok(false) => PAUSE,
                Err(_) => LONG_PAUSE,
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads a container's log from where it was read to; whether there will be no more of it. That it could not be read
    /// is noted.
    pub(super) async fn read(&self, container: &Container, extent: Extent) -> Result<bool, SourceError> {
        let read = self.try_to_read(container, extent).await;
        let mut state = self.state();
        match &read {
            Ok(Some(is_over)) => state.is_read(container, *is_over),
            Ok(None) => {}
            Err(error) => state.is_not_read(container, bounded(&error.message)),
        }
        read.map(|is_over| is_over.unwrap_or_else(|| !state.open().contains(container)))
    }

    /// `None` when there was nothing to read.
    async fn try_to_read(&self, container: &Container, extent: Extent) -> Result<Option<bool>, SourceError> {
        let pod = within(DEADLINE, self.pods.get_opt(&container.pod)).await?;
        match container.life(pod.as_ref()) {
            Life::Gone => self.state().is_gone(container),
            Life::NotStarted => {}
            Life::Started { restarts, before_ended_at, is_over } => {
                self.state().started(container, restarts);
                if before_ended_at.is_some_and(|ended| self.may_lack(container, ended)) {
                    self.stream(container, Extent::Before).await?;
                }
                self.stream(container, extent).await?;
                return Ok(Some(is_over));
            }
        }
        Ok(None)
    }

    /// Whether a run that ended then may have written what is not read yet. Its end is told by the second.
    fn may_lack(&self, container: &Container, ended: Timestamp) -> bool {
        self.state().place(container).second() <= ended
    }

    async fn stream(&self, container: &Container, extent: Extent) -> Result<(), SourceError> {
        let is_followed = extent == Extent::AsItComes;
        let parameters = LogParams {
            container: Some(container.name.clone()),
            follow: is_followed,
            previous: extent == Extent::Before,
            since_time: Some(self.state().place(container).second()),
            limit_bytes: (!is_followed).then_some(i64::from(MOST_BYTES)),
            timestamps: true,
            ..LogParams::default()
        };
        let answer = within(DEADLINE, self.pods.log_stream(&container.pod, &parameters)).await;
        match answer {
            Ok(stream) => self.take_all(container, extent, Box::pin(stream)).await,
            // The node has thrown it away: asking again does not help.
            Err(error) if extent == Extent::Before && error.reason == "NotThere" => {
                let message = format!("the log of {container} before its restart is lost: {error}");
                self.state().fall_short(SourceError::new("LogLost", message));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a stream to its end, or until it is silent or too far behind.
    async fn take_all(
        &self,
        container: &Container,
        extent: Extent,
        mut stream: impl AsyncBufRead + Unpin,
    ) -> Result<(), SourceError> {
        let (mut lines, mut pace) = (Lines::default(), Pace::new(ONE_BYTES_PER_SECOND));
        let mut resumption = self.state().place(container).resume();
        let (mut bytes, mut slowed, mut words) = (0_usize, Duration::ZERO, None);
        let is_followed = extent == Extent::AsItComes;
        loop {
            let chunk =
                match tokio::time::timeout(if is_followed { QUIET } else { DEADLINE }, stream.fill_buf())
                    .await
                {
                    Ok(chunk) => chunk.map_err(|error| {
                        SourceError::new("Unreachable", format!("the log broke off: {error}"))
                    })?,
                    Err(_) if is_followed => return words.map_or(Ok(()), Err),
                    Err(_) => {
                        return Err(SourceError::new("DeadlineExceeded", "the log did not go on in time"));
                    }
                };
            if chunk.is_empty() {
                break;
            }
            let length = chunk.len();
            bytes += length;
            lines_into(
                &self.patterns,
                &mut self.state(),
                container,
                (&mut lines, &mut resumption),
                chunk,
                &mut words,
            );
            stream.consume_unpin(length);
            let pause = self.pause(&mut pace, length);
            tokio::time::sleep(pause).await;
            slowed += pause;
            if is_followed && slowed > MOST_SLOWED {
                let now = Timestamp::now();
                if now.duration_since(self.state().place(container).at) > FARTHEST_BEHIND {
                    self.state().skip(container, now);
                    return Ok(());
                }
                slowed = Duration::ZERO;
            }
        }
        self.ended(container, extent, bytes, (&lines, &mut resumption));
        words.map_or(Ok(()), Err)
    }

    /// Takes the last line, if it has no end; notes if there is more than was asked for.
    fn ended(
        &self,
        container: &Container,
        extent: Extent,
        bytes: usize,
        (lines, resumption): (&Lines, &mut Resumption),
    ) {
        let mut state = self.state();
        if extent != Extent::AsItComes && bytes >= MOST_BYTES as usize {
            let message = format!("of the log of {container} only {MOST_BYTES} bytes were read at its end");
            state.fall_short(SourceError::new("TooMuchLog", message));
        } else if !lines.rest().is_empty() {
            let line = String::from_utf8_lossy(lines.rest());
            state.take(&self.patterns, container, resumption, &line);
        }
    }

    /// How long to wait before reading on.
    fn pause(&self, pace: &mut Pace, bytes: usize) -> Duration {
        let now = Instant::now();
        let all = self.pace.lock().unwrap_or_else(PoisonError::into_inner).take(bytes, now);
        all.max(pace.take(bytes, now))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes what came of a log: all of it or, if this is dropped, nothing.
fn lines_into(
    patterns: &Patterns,
    state: &mut State,
    container: &Container,
    (lines, resumption): (&mut Lines, &mut Resumption),
    chunk: &[u8],
    words: &mut Option<SourceError>,
) {
    lines.push(chunk, |line| {
        let line = String::from_utf8_lossy(line);
        // The kubelet's own words are in the log's place, without an instant before them.
        if !state.take(patterns, container, resumption, &line) && !line.is_empty() {
            words.get_or_insert_with(|| SourceError::new("LogUnreadable", bounded(&line)));
        }
    });
    state.ledger.heard();
}

/// Waits for an answer, not for ever.
pub(super) async fn within<T>(
    deadline: Duration,
    answer: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, SourceError> {
    match tokio::time::timeout(deadline, answer).await {
        Ok(answer) => answer.map_err(|error| SourceError::new(reason(&error), error.to_string())),
        Err(_) => Err(SourceError::new("DeadlineExceeded", "the API server did not answer in time")),
    }
}

fn reason(error: &kube::Error) -> &'static str {
    match error {
        kube::Error::Api(status) if status.code == 403 => "Forbidden",
        kube::Error::Api(status) if matches!(status.code, 400 | 404) => "NotThere",
        kube::Error::Api(_) => "ServerError",
        _ => "Unreachable",
    }
}

impl fmt::Display for Container {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.pod, self.name)
    }
}
