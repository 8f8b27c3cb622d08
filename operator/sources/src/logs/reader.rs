//! Reading a container's log from the API server: as it comes, broken off and taken up again.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, LogParams};

use super::containers::{Container, Life};
use super::intake::{Extent, Intake, Limits, MOST_BYTES};
use super::patterns::Patterns;
use super::state::State;
use crate::recording::bounded;
use crate::source::SourceError;

/// How long an answer may take to begin.
const DEADLINE: Duration = Duration::from_secs(10);
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);
/// After one that failed.
const LONG_PAUSE: Duration = Duration::from_secs(3);

/// Reads logs into a state.
#[derive(Clone)]
pub(super) struct Reader {
    pods: Api<Pod>,
    intake: Intake,
}

impl Reader {
    /// One that reads the logs of these pods.
    pub(super) fn new(pods: Api<Pod>, patterns: Arc<Patterns>, state: Arc<Mutex<State>>) -> Self {
        Self { pods, intake: Intake::new(patterns, state, Limits::default()) }
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
        read.map(|is_over| is_over.unwrap_or(true))
    }

    /// Whether there will be no more of it; `None` when its pod is no more.
    async fn try_to_read(&self, container: &Container, extent: Extent) -> Result<Option<bool>, SourceError> {
        let pod = within(DEADLINE, self.pods.get_opt(&container.pod)).await?;
        match container.life(pod.as_ref()) {
            Life::Gone => {
                self.state().is_gone(container);
                Ok(None)
            }
            Life::NotStarted => Ok(Some(false)),
            Life::Started { restarts, before_ended_at, is_over } => {
                self.state().started(container, restarts);
                if before_ended_at.is_some_and(|ended| self.may_lack(container, ended)) {
                    self.stream(container, Extent::Before, true).await?;
                }
                self.stream(container, extent, is_over).await?;
                Ok(Some(is_over))
            }
        }
    }

    /// Whether a run that ended then may have written what is not read yet. Its end is told by the second.
    fn may_lack(&self, container: &Container, ended: Timestamp) -> bool {
        self.state().place(container).second() <= ended
    }

    async fn stream(&self, container: &Container, extent: Extent, is_over: bool) -> Result<(), SourceError> {
        let is_followed = extent == Extent::AsItComes;
        let parameters = LogParams {
            container: Some(container.name.clone()),
            follow: is_followed,
            previous: extent == Extent::Before,
            since_time: Some(self.state().place(container).second()),
            limit_bytes: (!is_followed).then_some(MOST_BYTES),
            timestamps: true,
            ..LogParams::default()
        };
        let answer = within(DEADLINE, self.pods.log_stream(&container.pod, &parameters)).await;
        match answer {
            Ok(stream) => self.intake.take(container, extent, is_over, Box::pin(stream)).await,
            // The node has thrown it away: asking again does not help.
            Err(error) if extent == Extent::Before && error.reason == "NotThere" => {
                let message = format!("the log of {container} before its restart is lost: {error}");
                self.state().fall_short(SourceError::new("LogLost", message));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.intake.state()
    }
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
