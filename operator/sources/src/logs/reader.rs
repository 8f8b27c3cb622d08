//! Reading a container's log from the API server: as it comes or in blocks, broken off and taken up again.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, LogParams, WatchEvent, WatchParams};

use super::answer::{NOT_THERE, POD_GONE, UNREADABLE, within};
use super::blocks::{BETWEEN_BLOCKS, Blocks, FOLLOWED_AT_LEAST, FOLLOWED_WHILE_LARGE, Taken};
use super::containers::{Container, Life};
use super::intake::{Intake, Limits, MOST_BYTES};
use super::lines::timed;
use super::patterns::Patterns;
use super::progress::{Extent, Outcome};
use super::state::State;
use crate::error::SourceError;
use crate::text::bounded;

/// How long an answer may take to begin.
const DEADLINE: Duration = Duration::from_secs(10);
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);
/// After one that failed.
const LONG_PAUSE: Duration = Duration::from_secs(3);

/// How long a pod is watched at a time, in seconds.
const WATCHED_SECONDS: u32 = 290;
/// Where a line's instant ends at the latest, in bytes.
const LONGEST_INSTANT: i64 = 40;

/// The result of reading a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// There will be no more of it.
    Over,
    /// There may be more.
    Open(Outcome, Taken),
}

/// What is found of a log.
enum Found {
    /// What was read of it.
    Log(Read),
    /// Its pod is no more.
    PodGone,
    /// Its pod is being deleted, and the container is there no more: the kubelet removes it first.
    ContainerGone,
}

/// Reads logs into a state.
#[derive(Clone)]
pub(super) struct Reader {
    pods: Api<Pod>,
    intake: Intake,
}

impl Reader {
    /// A reader of the logs of these pods.
    pub(super) fn new(pods: Api<Pod>, patterns: Arc<Patterns>, state: Arc<Mutex<State>>) -> Self {
        Self { pods, intake: Intake::new(patterns, state, Limits::default()) }
    }

    /// Reads a container's log as it comes, until there will be no more of it: follows it, or reads it in blocks while it
    /// is busy and that loses nothing.
    pub(super) async fn follow(self, container: Container) {
        let mut at_least = FOLLOWED_AT_LEAST;
        loop {
            let pause = match self.read(&container, Extent::AsItComes(at_least)).await {
                Ok(Read::Over) => return,
                Ok(Read::Open(Outcome::Busy, taken)) => {
                    at_least = self.read_in_blocks(&container, taken).await;
                    Duration::ZERO
                }
                Ok(Read::Open(..)) => PAUSE,
                Err(_) => LONG_PAUSE,
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads a container's log in blocks as long as these do, beginning with a small file; for how long it is to be
    /// followed then at least. What fails is told by following it.
    async fn read_in_blocks(&self, container: &Container, followed: Taken) -> Duration {
        self.state().is_not_followed(container);
        let mut blocks = Blocks::after(followed);
        blocks.is_small();
        let mut change = std::pin::pin!(self.change(container));
        loop {
            if blocks.is_to_be_measured() {
                match self.is_small(container, &blocks).await {
                    Ok(true) => blocks.is_small(),
                    Ok(false) => return FOLLOWED_WHILE_LARGE,
                    Err(_) => return FOLLOWED_AT_LEAST,
                }
            }
            tokio::select! {
                // What a pod that is about to go still writes is had only by following it.
                () = &mut change => return FOLLOWED_AT_LEAST,
                () = tokio::time::sleep(BETWEEN_BLOCKS) => {}
            }
            match self.block(container, &blocks).await {
                Ok(Read::Open(Outcome::Ended, taken)) if blocks.take(taken) => {}
                // Its node begins new files sooner than others do.
                Ok(Read::Open(Outcome::Torn, _)) => return Duration::MAX,
                Ok(Read::Over | Read::Open(Outcome::Ended | Outcome::Busy, _)) | Err(_) => {
                    return FOLLOWED_AT_LEAST;
                }
            }
        }
    }

    /// Reads what came since the last block.
    async fn block(&self, container: &Container, blocks: &Blocks) -> Result<Read, SourceError> {
        let mut read = self.read(container, Extent::End(blocks.lines_looked_at())).await?;
        if matches!(read, Read::Open(Outcome::Torn, _)) {
            // More came than was looked for, or there is a new file.
            read = self.read(container, Extent::UntilNow).await?;
        }
        if matches!(read, Read::Open(..)) {
            let mut state = self.state();
            state.is_not_followed(container);
            state.block_is_read();
        }
        Ok(read)
    }

    /// Whether the file of a log is small enough for blocks: as many lines from its end as a large one has is where it
    /// begins.
    async fn is_small(&self, container: &Container, blocks: &Blocks) -> Result<bool, SourceError> {
        let begin = self.instant(container, None).await?;
        let there = self.instant(container, Some(blocks.lines_of_a_large_file())).await?;
        Ok(begin == there)
    }

    /// The first instant of a log, or of so many lines at its end.
    async fn instant(
        &self,
        container: &Container,
        lines: Option<u64>,
    ) -> Result<Option<Timestamp>, SourceError> {
        let parameters = LogParams { limit_bytes: Some(LONGEST_INSTANT), ..parameters(container, lines) };
        let log = within(DEADLINE, self.pods.logs(&container.pod, &parameters)).await?;
        Ok(timed(&log).map(|(at, _)| at))
    }

    /// Waits until anything about a container's pod changes, or nobody tells any more.
    async fn change(&self, container: &Container) {
        let name = format!("metadata.name={}", container.pod);
        let which = WatchParams::default().fields(&name).timeout(WATCHED_SECONDS).disable_bookmarks();
        let Ok(events) = within(DEADLINE, self.pods.watch_metadata(&which, "0")).await else { return };
        let mut events = events.boxed();
        // The first event is the present state.
        if let Some(Ok(WatchEvent::Added(pod))) = events.next().await
            && pod.metadata.deletion_timestamp.is_none()
        {
            let _ = events.next().await;
        }
    }

    /// Reads a container's log from where it was read to. That it could not be read is noted.
    pub(super) async fn read(&self, container: &Container, extent: Extent) -> Result<Read, SourceError> {
        let found = match self.find(container, extent).await {
            // It went since it was looked for.
            Err(error) if error.reason == POD_GONE => Ok(Found::PodGone),
            found => found,
        };
        let mut state = self.state();
        match found {
            Ok(Found::Log(read)) => {
                state.is_read(container, read == Read::Over);
                Ok(read)
            }
            Ok(Found::PodGone) => {
                state.is_gone(container);
                Ok(Read::Over)
            }
            // Whether all of it was read is as it was before: it takes no more with it than its pod will.
            Ok(Found::ContainerGone) => Ok(Read::Open(Outcome::Ended, Taken::default())),
            Err(error) => {
                state.is_not_read(container, bounded(&error.message));
                Err(error)
            }
        }
    }

    /// Looks for a log, and reads it.
    async fn find(&self, container: &Container, extent: Extent) -> Result<Found, SourceError> {
        let pod = within(DEADLINE, self.pods.get_opt(&container.pod)).await?;
        let is_leaving = pod.as_ref().is_some_and(|pod| pod.metadata.deletion_timestamp.is_some());
        match container.life(pod.as_ref()) {
            Life::Gone => Ok(Found::PodGone),
            Life::NotStarted => Ok(Found::Log(Read::Open(Outcome::Ended, Taken::default()))),
            Life::Started { restarts, before_ended_at, is_over } => {
                self.state().started(container, restarts);
                if before_ended_at.is_some_and(|ended| self.may_lack(container, ended)) {
                    self.stream((container, restarts - 1), Extent::Before, true).await?;
                }
                match self.stream((container, restarts), extent, is_over).await {
                    Ok((Outcome::Ended, _)) if is_over => Ok(Found::Log(Read::Over)),
                    Ok((outcome, taken)) => Ok(Found::Log(Read::Open(outcome, taken))),
                    Err(error) if is_leaving && error.reason == UNREADABLE => Ok(Found::ContainerGone),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Whether a run that ended then may have written what is not read yet. Its end is told by the second.
    fn may_lack(&self, container: &Container, ended: Timestamp) -> bool {
        self.state().position(container).second() <= ended
    }

    async fn stream(
        &self,
        (container, run): (&Container, i32),
        extent: Extent,
        is_over: bool,
    ) -> Result<(Outcome, Taken), SourceError> {
        let parameters = LogParams {
            follow: extent.is_followed(),
            previous: extent == Extent::Before,
            since_time: Some(self.state().position(container).second()),
            limit_bytes: (!extent.is_followed()).then_some(MOST_BYTES),
            ..parameters(container, extent.lines_at_the_end())
        };
        let answer = within(DEADLINE, self.pods.log_stream(&container.pod, &parameters)).await;
        let is_small =
            |taken| async move { self.is_small(container, &Blocks::after(taken)).await.unwrap_or(false) };
        match answer {
            Ok(stream) => {
                self.intake.take((container, run), extent, is_over, Box::pin(stream), is_small).await
            }
            // The node has thrown it away: asking again does not help.
            Err(error) if extent == Extent::Before && error.reason == NOT_THERE => {
                let message = format!("the log of {container} before its restart is lost: {error}");
                self.state().fall_short(SourceError::new("LogLost", message));
                Ok((Outcome::Ended, Taken::default()))
            }
            Err(error) => Err(error),
        }
    }

    /// The state that is read into.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.intake.state()
    }
}

/// The parameters for a container's lines with their instants: all, or so many at the end.
fn parameters(container: &Container, end: Option<u64>) -> LogParams {
    LogParams {
        container: Some(container.name.clone()),
        tail_lines: end.map(|lines| i64::try_from(lines).unwrap_or(i64::MAX)),
        timestamps: true,
        ..LogParams::default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use kube::client::{Body, Client};
    use serde_json::{Value, json};
    use throughput_crds::ObserveLogs;

    use super::super::containers::containers;
    use super::*;
    use crate::recording::Recording;

    const AT: &str = "2026-11-22T10:00:00Z";
    const WORDS: &str = "unable to retrieve container logs for containerd://1";

    fn pod(deleted_at: Option<&str>) -> Value {
        json!({
            "metadata": {"name": "worker", "uid": "worker", "deletionTimestamp": deleted_at},
            "spec": {"containers": [{"name": "app"}]},
            "status": {"phase": "Running", "containerStatuses": [{
                "name": "app", "restartCount": 0, "image": "", "imageID": "", "ready": true,
                "state": {"running": {"startedAt": AT}},
            }]},
        })
    }

    /// An API server with a pod whose log can be read once, and has then gone as this kind of object; or the node says in
    /// its place that it has none.
    fn reader(state: Arc<Mutex<State>>, gone: &'static str, deleted_at: Option<&'static str>) -> Reader {
        let logs_read = AtomicUsize::new(0);
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let (status, text) = if !request.uri().path().ends_with("/log") {
                (200, pod(deleted_at).to_string())
            } else if gone == WORDS && logs_read.load(Ordering::Relaxed) > 0 {
                (200, format!("{WORDS}\n"))
            } else if logs_read.fetch_add(1, Ordering::Relaxed) == 0 {
                (200, format!("{AT} the only line\n"))
            } else {
                let refusal = json!({
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 404,
                    "message": "pods \"worker\" not found", "reason": "NotFound",
                    "details": {"name": "worker", "kind": gone},
                });
                (404, refusal.to_string())
            };
            let body = Body::from(text.into_bytes());
            std::future::ready(http::Response::builder().status(status).body(body))
        });
        let observe = ObserveLogs {
            pods: Vec::new(),
            cloud_watch: Vec::new(),
            built_in: Vec::new(),
            patterns: Vec::new(),
        };
        let patterns = Arc::new(Patterns::of(&observe).unwrap());
        Reader::new(Api::namespaced(Client::new(service, "perf"), "perf"), patterns, state)
    }

    #[tokio::test]
    async fn a_pod_that_goes_between_being_found_and_being_read_takes_nothing_with_it() {
        let pod: Pod = serde_json::from_value(pod(None)).unwrap();
        let known = containers(&[pod], None).collect();
        for (gone, is_over) in [("pods", true), ("pods/log", false)] {
            let state = State::new(AT.parse().unwrap(), &Recording::new("logs", AT.parse().unwrap()));
            let state = Arc::new(Mutex::new(state));
            state.lock().unwrap().know(&known);
            let reader = reader(Arc::clone(&state), gone, None);
            let container = reader.state().open().remove(0);
            let first = reader.read(&container, Extent::UntilNow).await.unwrap();
            assert!(matches!(first, Read::Open(Outcome::Ended, Taken { lines: 1, .. })), "{first:?}");
            let second = reader.read(&container, Extent::UntilNow).await;
            assert_eq!(second.is_ok_and(|read| read == Read::Over), is_over, "{gone}");
            reader.state().is_gone(&container);
            let mut recording = Recording::new("logs", AT.parse().unwrap());
            reader.state().tell(&mut recording);
            assert_eq!(recording.shortfalls().is_empty(), is_over, "{gone}: {:?}", recording.shortfalls());
        }
    }

    #[tokio::test]
    async fn a_container_that_goes_before_its_deleted_pod_takes_nothing_with_it_but_what_was_not_read() {
        let pod: Pod = serde_json::from_value(pod(None)).unwrap();
        let known = containers(&[pod], None).collect();
        for (deleted_at, is_read_before, told) in [(Some(AT), true, 0), (Some(AT), false, 1), (None, true, 1)]
        {
            let state = State::new(AT.parse().unwrap(), &Recording::new("logs", AT.parse().unwrap()));
            let state = Arc::new(Mutex::new(state));
            state.lock().unwrap().know(&known);
            let reader = reader(Arc::clone(&state), WORDS, deleted_at);
            let container = reader.state().open().remove(0);
            reader.read(&container, Extent::UntilNow).await.unwrap();
            if !is_read_before {
                reader.state().is_not_read(&container, "it broke off".to_owned());
            }
            let again = reader.read(&container, Extent::UntilNow).await;
            assert_ne!(again.ok(), Some(Read::Over), "it is asked for again");
            reader.state().is_gone(&container);
            let mut recording = Recording::new("logs", AT.parse().unwrap());
            reader.state().tell(&mut recording);
            assert_eq!(recording.shortfalls().len(), told, "{deleted_at:?} {is_read_before}");
        }
    }
}
