//! Patterns in logs: how many lines matched, by the minute, and a few samples.
//!
//! Logs of pods are read while a cell is measured, each container's by a task of its own ([`reader`]), which follows it
//! or, while it is busy, reads it in blocks ([`blocks`]). How far they are read and what was found is one state, which is
//! stored with the recording: whatever breaks off is taken up again where it was, and no line counts twice. Which lines
//! belong to the cell is asked by the instants that the node wrote before them, once the window is known.
//!
//! Log groups of CloudWatch are searched afterwards ([`groups`]), once the logs of pods are read to the end.
//!
//! Lines that match go into a [`Ledger`], which takes them from anywhere.

mod answer;
mod blocks;
mod built_in;
mod containers;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod groups;
mod intake;
mod ledger;
mod lines;
mod masks;
mod metrics;
mod patterns;
mod position;
mod progress;
mod rate_limit;
mod reader;
mod sample;
mod state;
mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::StreamExt;
use futures::future::{BoxFuture, try_join_all};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use throughput_core::source_catalog::{Mistake, Wanted};
use throughput_crds::{AwsAccess, ObserveLogs, PodLogs};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

pub use self::ledger::Ledger;
pub(crate) use self::metrics::metrics;
pub use self::patterns::{LINES, Pattern, Patterns, TIMEOUTS};

use self::containers::{Container, containers};
use self::groups::Groups;
use self::progress::Extent;
use self::reader::Reader;
use self::state::State;
use crate::access::{Access, Budget};
use crate::aws::check_log_groups;
use crate::error::SourceError;
use crate::kubernetes::{NoAnswer, found_pods};
use crate::recording::Recording;
use crate::selectors;
use crate::source::{Settled, Source, Window};

/// The source's name.
pub(crate) const NAME: &str = "logs";
/// How often to look for pods that came: they are read from their beginning.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long listing pods may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// The most logs that are followed at a time; those of further containers are read afterwards.
const MOST_FOLLOWED: usize = 64;
/// How many logs are read at a time afterwards, and for how long.
const READ_AT_A_TIME: usize = 8;
const LONGEST_READING: Duration = Duration::from_secs(12);
/// Lines of the window are on their way for so long.
const GRACE: Duration = Duration::from_secs(3);
/// How far a node's clock may be behind the operator's: from so long before the beginning on logs are read.
const CLOCKS_DIFFER_SECONDS: i64 = 30;
/// How often it is tried to read the rest.
const MOST_TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_secs(3);
/// Under which name the state is kept with the recording.
const STATE: &str = "state";
const NOT_LISTED: &str = "PodsNotListed";
const NOT_PERMITTED: &str = "LogsNotPermitted";
const INCOMPLETE: &str = "LogIncomplete";

/// The logs of pods and of CloudWatch.
pub struct Logs {
    pods: Api<Pod>,
    lists: Budget,
    /// None where the administrator does not permit them.
    which: Vec<PodLogs>,
    is_refused: bool,
    groups: Option<Groups>,
    patterns: Arc<Patterns>,
    reading: Option<Reading>,
    tries: u32,
    /// Whether the logs of pods are read to the end, or are given up.
    pods_are_read: bool,
}

/// The reading, once it has begun.
struct Reading {
    reader: Reader,
    /// They end when this is dropped.
    followers: JoinSet<()>,
    followed: BTreeMap<String, AbortHandle>,
}

impl Logs {
    /// The logs that a spec names.
    pub fn new(logs: &ObserveLogs, aws: Option<&AwsAccess>, access: &Access) -> Result<Self, Mistake> {
        let patterns = Arc::new(Patterns::of(logs)?);
        let is_permitted = access.installation.logs;
        Ok(Self {
            pods: Api::namespaced(access.client.clone(), &access.namespace),
            lists: access.lists.clone(),
            which: if is_permitted { logs.pods.clone() } else { Vec::new() },
            is_refused: !is_permitted && !logs.pods.is_empty(),
            groups: Groups::of(logs, &patterns, aws, access)?,
            patterns,
            reading: None,
            tries: 0,
            pods_are_read: false,
        })
    }

    /// Takes up what was stored, or begins anew.
    fn reading(&mut self, recording: &Recording) -> &mut Reading {
        self.reading.get_or_insert_with(|| {
            let now = Timestamp::now();
            let since =
                now.checked_sub(jiff::SignedDuration::from_secs(CLOCKS_DIFFER_SECONDS)).unwrap_or(now);
            let stored: Option<State> = recording.recall(STATE).filter(State::is_possible);
            let state = stored.map_or_else(|| State::new(since, recording), State::taken_up_again);
            let state = Arc::new(Mutex::new(state));
            let reader = Reader::new(self.pods.clone(), self.patterns.clone(), state);
            Reading { reader, followers: JoinSet::new(), followed: BTreeMap::new() }
        })
    }

    /// The containers that there are, and which selectors have any.
    async fn list(
        &self,
        recording: &mut Recording,
    ) -> Result<(BTreeSet<Container>, BTreeSet<usize>), SourceError> {
        let wanted: Vec<_> = self.which.iter().map(|which| &which.selector).collect();
        let asked = selectors::questions(&wanted)
            .into_iter()
            .map(|selector| async move { found_pods(&self.pods, &selector, &self.lists).await });
        let listing = timeout(DEADLINE, try_join_all(asked)).await.unwrap_or(Err(NoAnswer::TimedOut));
        let answers = listing.map_err(|no_answer| {
            let error = answer::error(&no_answer);
            SourceError::new(NOT_LISTED, format!("the pods could not be listed: {error}"))
        })?;
        let too_many = answers.iter().find_map(|(_, too_many)| too_many.as_ref());
        if let Some(error) = too_many.filter(|error| !is_told(error.reason, recording)) {
            recording.fall_short(error, Timestamp::now());
        }
        let (mut all, mut found) = (BTreeSet::new(), BTreeSet::new());
        for (number, which) in self.which.iter().enumerate() {
            let pods = answers.iter().flat_map(|(pods, _)| pods);
            let pods = pods.filter(|pod| selectors::selects(&which.selector, pod));
            let of_these: BTreeSet<Container> = containers(pods, which.container.as_deref()).collect();
            if !of_these.is_empty() {
                found.insert(number);
            }
            all.extend(of_these);
        }
        Ok((all, found))
    }

    /// Learns which containers there are.
    async fn learn(&mut self, recording: &mut Recording) -> Result<(), SourceError> {
        let (containers, found) = self.list(recording).await?;
        // Pods that came meanwhile are read from their beginning.
        recording.take_back(NOT_LISTED);
        let mut state = self.reading(recording).state();
        state.found.extend(found);
        if !state.know(&containers) && !is_told("TooManyContainers", recording) {
            let message =
                format!("there are {} containers: not all of their logs are read", containers.len());
            recording.fall_short(&SourceError::new("TooManyContainers", message), Timestamp::now());
        }
        Ok(())
    }

    async fn follow(&mut self, recording: &mut Recording) -> Result<(), SourceError> {
        if self.is_refused && !is_told(NOT_PERMITTED, recording) {
            let message = "the operator may not read logs of pods: its administrator sets observe.logs=true in the chart's values";
            recording.fall_short(&SourceError::new(NOT_PERMITTED, message), Timestamp::now());
        }
        let _ = self.reading(recording);
        let learned = self.learn(recording).await;
        let reading = self.reading(recording);
        reading.follow();
        reading.keep(recording);
        learned
    }

    async fn finish(&mut self, window: Window, recording: &mut Recording) -> Result<Settled, SourceError> {
        let waited = Timestamp::now().duration_since(window.end);
        let waited = Duration::try_from(waited).unwrap_or_default();
        if waited < GRACE {
            return Ok(Settled::Again(GRACE.saturating_sub(waited)));
        }
        let (done, pause) = if self.pods_are_read {
            (Ok(()), self.search(window, recording).await)
        } else {
            (self.read_pods(recording).await, BETWEEN_TRIES)
        };
        let is_last = self.pods_are_read && self.groups.as_ref().is_none_or(Groups::is_over);
        self.write(window, is_last, recording);
        if let Err(error) = done {
            recording.fall_short(&error, Timestamp::now());
        }
        Ok(if is_last { Settled::Complete } else { Settled::Again(pause) })
    }

    /// Reads the rest of the logs of pods.
    async fn read_pods(&mut self, recording: &mut Recording) -> Result<(), SourceError> {
        self.tries += 1;
        let learned = self.learn(recording).await;
        let is_read = self.reading(recording).read_the_rest().await;
        if is_read {
            // What was written while there was no operator is read by now, or told to be lost.
            recording.take_back("OperatorRestarted");
        }
        self.pods_are_read = self.tries >= MOST_TRIES || (is_read && learned.is_ok());
        learned
    }

    /// Searches on in the log groups; when to do so again.
    async fn search(&mut self, window: Window, recording: &Recording) -> Duration {
        let Some(groups) = &mut self.groups else { return Duration::ZERO };
        groups.proceed(window, recording).await;
        groups.pause()
    }

    fn write(&mut self, window: Window, is_last: bool, recording: &mut Recording) {
        let (patterns, wanted) = (self.patterns.clone(), self.which.clone());
        let found_in_groups = self.groups.as_ref().and_then(Groups::ledger).cloned();
        if let Some(groups) = &self.groups {
            groups.tell(recording);
        }
        let reading = self.reading(recording);
        reading.keep(recording);
        let state = reading.state();
        // Lines of log groups are no part of the state: they are found again.
        let mut ledger = state.ledger.clone();
        if let Some(found) = &found_in_groups {
            ledger.absorb(found);
        }
        ledger.write(&patterns, window, is_last, recording);
        recording.take_back(INCOMPLETE);
        for (container, why) in state.troubles() {
            let message = format!("the log of {container} was not read to the end of the window: {why}");
            recording.fall_short(&SourceError::new(INCOMPLETE, message), Timestamp::now());
        }
        recording.take_back("NoPods");
        let missing = wanted.iter().enumerate().filter(|(number, _)| !state.found.contains(number));
        for (_, which) in missing {
            let labels = selectors::of(&which.selector);
            let message = format!("no container of a pod with {labels} was there");
            recording.fall_short(&SourceError::new("NoPods", message), Timestamp::now());
        }
    }
}

impl Reading {
    /// Follows each log that may grow and is not followed.
    fn follow(&mut self) {
        self.followed.retain(|_, follower| !follower.is_finished());
        while self.followers.try_join_next().is_some() {}
        let open = self.state().open();
        for container in open {
            if self.followed.len() < MOST_FOLLOWED && !self.followed.contains_key(&container.key()) {
                let follower = self.followers.spawn(self.reader.clone().follow(container.clone()));
                self.followed.insert(container.key(), follower);
            }
        }
    }

    /// Stops following, and reads the rest of each log; whether all of it could be read.
    async fn read_the_rest(&mut self) -> bool {
        self.followers.shutdown().await;
        self.followed.clear();
        let open = self.state().open();
        let reader = &self.reader;
        let reading = futures::stream::iter(open.clone()).map(|container| async move {
            // That it failed is noted.
            let _ = reader.read(&container, Extent::UntilNow).await;
            container
        });
        let read = reading.buffer_unordered(READ_AT_A_TIME);
        let read: BTreeSet<Container> = read.take_until(tokio::time::sleep(LONGEST_READING)).collect().await;
        for container in open.iter().filter(|container| !read.contains(*container)) {
            self.state().is_not_read(container, "it took too long".to_owned());
        }
        self.state().troubles().next().is_none()
    }

    /// Keeps the state with the recording.
    fn keep(&self, recording: &mut Recording) {
        let mut state = self.state();
        state.tell(recording);
        if let Err(error) = recording.remember(STATE, &*state) {
            let error = SourceError::new("NotStored", format!("cannot be stored: {error}"));
            recording.fall_short(&error, Timestamp::now());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.reader.state()
    }
}

/// A source in place of one whose spec has a mistake. The spec was refused, unless the operator was exchanged meanwhile.
struct Refused(Mistake);

impl Source for Refused {
    fn name(&self) -> &'static str {
        NAME
    }

    fn begin<'a>(&'a mut self, _: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(std::future::ready(Err(SourceError::new("NotUnderstood", self.0.to_string()))))
    }
}

impl Source for Logs {
    fn name(&self) -> &'static str {
        NAME
    }

    fn interval(&self) -> Option<Duration> {
        Some(INTERVAL)
    }

    fn begin<'a>(&'a mut self, recording: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(self.follow(recording))
    }

    fn look<'a>(&'a mut self, recording: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async {
            self.reading(recording).state().ledger.measured_since(Timestamp::now());
            self.follow(recording).await
        })
    }

    fn settle<'a>(
        &'a mut self,
        window: Window,
        recording: &'a mut Recording,
    ) -> BoxFuture<'a, Result<Settled, SourceError>> {
        Box::pin(self.finish(window, recording))
    }
}

/// The source that a spec names.
pub(crate) fn open(logs: &ObserveLogs, aws: Option<&AwsAccess>, access: &Access) -> Box<dyn Source> {
    match Logs::new(logs, aws, access) {
        Ok(logs) => Box::new(logs),
        Err(mistake) => Box::new(Refused(mistake)),
    }
}

/// The permissions that these logs need; or the mistake in them.
pub(crate) fn check(logs: &ObserveLogs, aws: Option<&AwsAccess>) -> Result<Vec<Wanted>, Mistake> {
    Patterns::check(logs)?;
    groups::check(logs, aws)?;
    Ok(aws.map(|aws| check_log_groups(logs, aws)).unwrap_or_default())
}

fn is_told(reason: &str, recording: &Recording) -> bool {
    recording.shortfalls().iter().any(|shortfall| shortfall.reason == reason)
}
