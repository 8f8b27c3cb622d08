//! Where Python processes spend their time: py-spy in an ephemeral container.
//!
//! Some time after the dispatch began the profiler is put beside a container of each chosen pod: [`container`] says how,
//! as restricted as Pod Security knows. It runs as the user of the container that it looks at. Where that is not known,
//! the first attempt finds out, and a second one follows. py-spy does not pause the processes (`--nonblocking`): a task
//! that is stopped while it holds a lock would stop others too, and what is measured would be the profiler. The price
//! are a few stacks that cannot be read, which are counted.
//!
//! The profiler writes into its own log, from where it is read when it has ended. All that the source knows is in the
//! recording ([`memory`]): a new operator finds the ephemeral container by its name. An ephemeral container cannot be
//! removed or stopped, so every wait has an end, after which the source goes on without.

mod answer;
mod container;
mod flame;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod memory;
mod progress;
mod publish;
mod refusal;
mod speedscope;
mod stacks;
mod target;

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, LogParams, Patch, PatchParams};
use throughput_crds::{ObserveProfile, ProfilerCapabilities};
use tokio::time::Instant;

use self::memory::{Memory, State, Subject};
use self::progress::{Progress, Span, progress};
use self::refusal::{Refusal, Verdict};
use crate::access::{Access, Installation};
use crate::error::SourceError;
use crate::kubernetes::{DEADLINE, await_answer, found_pods};
use crate::metric::{Better, Metric};
use crate::recording::Recording;
use crate::selectors;
use crate::source::{Settled, Source, Window};

/// The source's name.
pub(crate) const NAME: &str = "profile";
const INTERVAL: Duration = Duration::from_secs(1);
const SETTLE_INTERVAL: Duration = Duration::from_secs(2);
/// The most bytes of a log that are read: the stacks, and what JSON takes.
const MOST_LOG_BYTES: i64 = 2 << 20;
/// The first attempt may only find out the user of the target; the second one profiles it.
const MOST_ATTEMPTS: u32 = 2;

/// Its metrics.
pub(crate) fn metrics() -> Vec<Metric> {
    vec![Metric::figure("samples", Better::Neither), Metric::figure("errors", Better::Lower)]
}

/// The source `profile`.
pub struct Profile {
    spec: ObserveProfile,
    access: Access,
    pods: Api<Pod>,
}

impl Profile {
    /// A source that has not begun.
    pub fn new(spec: &ObserveProfile, access: &Access) -> Self {
        let pods = Api::namespaced(access.client.clone(), &access.namespace);
        Self { spec: spec.clone(), access: access.clone(), pods }
    }

    /// The profiler's image, where the administrator permits what is asked for.
    fn permitted_image(&self) -> Result<&str, SourceError> {
        let Installation { profile, profile_sys_ptrace, profiler_image, .. } = &self.access.installation;
        if !profile {
            let message = "the operator may not profile: its administrator sets observe.profile=true in the chart's values";
            return Err(SourceError::new("ProfileNotPermitted", message));
        }
        if self.spec.capabilities == ProfilerCapabilities::SysPtrace && !profile_sys_ptrace {
            let message = "the profiler may not have SYS_PTRACE: leave capabilities: SysPtrace out, or the operator's administrator sets observe.profileSysPtrace=true in the chart's values";
            return Err(SourceError::new("SysPtraceNotPermitted", message));
        }
        profiler_image.as_deref().ok_or_else(|| {
            let message = "the operator was installed without a profiler: its administrator sets profiler.image.repository of the chart";
            SourceError::new("ProfilerNotInstalled", message)
        })
    }

    /// The containers to be profiled. Those that cannot be are told.
    async fn choose(&self, recording: &mut Recording) -> Result<Vec<Subject>, SourceError> {
        let selector = selectors::of(&self.spec.selector);
        let listed = found_pods(&self.pods, &selector, &self.access.lists).await;
        let (pods, too_many) = listed.map_err(|error| refusal::of_api("list pods", &error).error())?;
        if let Some(error) = too_many {
            recording.fall_short(&error, Timestamp::now());
        }
        let chosen = target::choose(pods, self.spec.pods as usize);
        if chosen.is_empty() {
            let message = format!("no running pod has the labels {}", selectors::of(&self.spec.selector));
            return Err(SourceError::new("NoPods", message));
        }
        recording.take_back("NoPods");
        let now = Timestamp::now();
        let mut subjects = Vec::new();
        for pod in &chosen {
            match target::target(pod, self.spec.container.as_deref()) {
                Ok(target) => subjects.push(Subject::new(target, now)),
                Err(refusal) => recording.fall_short(&refusal, now),
            }
        }
        Ok(subjects)
    }

    /// Adds the profiler as an ephemeral container; as a dry run it only finds out whether that is permitted.
    async fn attach(&self, subject: &Subject, dry_run: bool) -> Result<(), Refusal> {
        let image = self.permitted_image().map_err(Refusal::Final)?;
        let name = self.name_of(subject);
        let patch = container::patch(&self.spec, image, &name, &subject.container, subject.user);
        let parameters = PatchParams { dry_run, ..PatchParams::default() };
        let patch = Patch::Strategic(&patch);
        let patched =
            await_answer(DEADLINE, self.pods.patch_ephemeral_containers(&subject.pod, &parameters, &patch))
                .await;
        let what = || format!("put the profiler beside the pod {}", subject.pod);
        patched.map(|_| ()).map_err(|error| refusal::of_api(&what(), &error))
    }

    fn name_of(&self, subject: &Subject) -> String {
        container::name(&self.access.cell, subject.attempt)
    }

    /// Takes all profiles one step further. Each step is stored before the next one, so that it is found again.
    async fn advance(&self, memory: &mut Memory, recording: &mut Recording) {
        for position in 0..memory.subjects.as_ref().map_or(0, Vec::len) {
            let Some(mut subject) = memory.subjects.as_ref().and_then(|all| all.get(position)).cloned()
            else {
                continue;
            };
            match subject.state {
                State::Wanted => self.start(&mut subject, recording).await,
                State::Asked => self.follow(&mut subject, memory, recording).await,
                State::Over => {}
            }
            if let Some(stored) = memory.subjects.as_mut().and_then(|all| all.get_mut(position)) {
                *stored = subject;
            }
            memory.store(recording);
        }
    }

    async fn start(&self, subject: &mut Subject, recording: &mut Recording) {
        let now = Timestamp::now();
        match self.attach(subject, false).await {
            Ok(()) => subject.state = State::Asked,
            Err(Refusal::Final(error)) => end(subject, &error, recording),
            Err(Refusal::Passing(error)) if subject.is_late_to_start(now) => end(subject, &error, recording),
            Err(Refusal::Passing(error)) => subject.last_words = error.message,
        }
    }

    async fn follow(&self, subject: &mut Subject, memory: &mut Memory, recording: &mut Recording) {
        let pod = match await_answer(DEADLINE, self.pods.get_opt(&subject.pod)).await {
            Ok(pod) => pod,
            Err(error) => return self.wait(subject, refusal::of_api("look at a pod", &error), recording),
        };
        let now = Timestamp::now();
        match progress(pod.as_ref(), &subject.pod_uid, &self.name_of(subject)) {
            Progress::PodGone => {
                let message = format!("the pod {} went while it was profiled", subject.pod);
                end(subject, &SourceError::new("PodGone", message), recording);
            }
            Progress::NotAsked => subject.state = State::Wanted,
            Progress::Waiting { reason, message } => {
                let refusal = refusal::of_kubelet(&subject.pod, &reason, &message).or_else(|| {
                    let is_late = subject.is_late_to_start(now);
                    is_late.then(|| refusal::not_started(&subject.pod, &reason, &message))
                });
                if let Some(error) = refusal {
                    end(subject, &error, recording);
                }
            }
            Progress::Running if subject.is_late_to_end(self.spec.duration.get(), now) => {
                let message = format!("the profiler beside the pod {} did not end in time", subject.pod);
                end(subject, &SourceError::new("TimedOut", message), recording);
            }
            Progress::Running => {}
            Progress::Ended(span) => self.collect(subject, &span, memory, recording).await,
        }
    }

    /// Reads what the profiler wrote, and judges it.
    async fn collect(
        &self,
        subject: &mut Subject,
        span: &Span,
        memory: &mut Memory,
        recording: &mut Recording,
    ) {
        let parameters = LogParams {
            container: Some(self.name_of(subject)),
            limit_bytes: Some(MOST_LOG_BYTES),
            ..LogParams::default()
        };
        // The log is held as it came and as it was understood.
        let most = usize::try_from(2 * MOST_LOG_BYTES).unwrap_or(usize::MAX);
        let _share = match self.access.answers.take(most, Instant::now() + DEADLINE).await {
            Ok(share) => share,
            Err(no_room) => {
                let error = SourceError::new("Unreachable", no_room.to_string());
                return self.wait(subject, Refusal::Passing(error), recording);
            }
        };
        let log = match await_answer(DEADLINE, self.pods.logs(&subject.pod, &parameters)).await {
            Ok(log) => log,
            Err(error) => {
                return self.wait(subject, refusal::of_api("read the profiler's log", &error), recording);
            }
        };
        let answer = answer::parse(&log);
        let (Some(parties), Some(ending)) = (&answer.parties, &answer.ending) else {
            let message =
                format!("the profiler beside {} ended before it was done. {}", subject.pod, span.words);
            return end(subject, &SourceError::new("Incomplete", message), recording);
        };
        match refusal::of_profiler(&subject.pod, parties, ending) {
            Verdict::Profiled => {
                publish::publish(&self.spec, subject, &answer.stacks, ending, span, memory, recording);
                subject.state = State::Over;
            }
            Verdict::AgainAs(user) if subject.attempt < MOST_ATTEMPTS => {
                subject.again_as(user, Timestamp::now());
            }
            Verdict::AgainAs(_) => {
                let error = refusal::still_another_user(&subject.pod, Some(parties));
                end(subject, &error, recording);
            }
            Verdict::Refused(error) => end(subject, &error, recording),
        }
    }

    /// Waits on after a request that failed, as long as there is time.
    fn wait(&self, subject: &mut Subject, refusal: Refusal, recording: &mut Recording) {
        let is_late = subject.is_late_to_end(self.spec.duration.get(), Timestamp::now());
        match refusal {
            Refusal::Final(error) => end(subject, &error, recording),
            Refusal::Passing(error) if is_late => end(subject, &error, recording),
            Refusal::Passing(error) => subject.last_words = error.message,
        }
    }

    /// Finds out by a dry run, before the first task, whether the profiler is permitted.
    async fn dry_run(&self, recording: &mut Recording) -> Result<(), SourceError> {
        let mut memory = Memory::load(recording);
        if memory.is_refused {
            return Ok(());
        }
        // Also of a profile that an earlier operator began: the permission may have been withdrawn since.
        if let Err(error) = self.permitted_image() {
            memory.is_refused = true;
            memory.store(recording);
            return Err(error);
        }
        if memory.subjects.is_some() {
            return Ok(());
        }
        let subjects = match self.choose(recording).await {
            Ok(subjects) => subjects,
            // They may come when the workers are scaled.
            Err(error) if error.reason == "NoPods" => return Ok(()),
            Err(error) => return Err(error),
        };
        let Some(subject) = subjects.first() else { return Ok(()) };
        match self.attach(subject, true).await {
            Err(Refusal::Final(error)) if error.reason != "PodGone" => {
                memory.is_refused = true;
                memory.store(recording);
                Err(error)
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn look_once(&self, recording: &mut Recording) -> Result<(), SourceError> {
        let mut memory = Memory::load(recording);
        if memory.is_refused {
            return Ok(());
        }
        let now = Timestamp::now();
        memory.first_look.get_or_insert(now);
        if memory.subjects.is_none() && memory.is_due(self.spec.delay.get(), now) {
            memory.store(recording);
            memory.subjects = Some(self.choose(recording).await?);
        }
        memory.store(recording);
        self.advance(&mut memory, recording).await;
        Ok(())
    }

    async fn finish(&self, window: Window, recording: &mut Recording) -> Settled {
        let mut memory = Memory::load(recording);
        if memory.is_refused {
            return Settled::Complete;
        }
        let is_begun = memory.subjects.is_some();
        for subject in memory.subjects.iter_mut().flatten().filter(|subject| subject.state == State::Wanted) {
            let words = std::mem::take(&mut subject.last_words);
            end(subject, &too_short(&words), recording);
        }
        if !is_begun {
            recording.fall_short(&too_short(""), Timestamp::now());
            memory.is_refused = true;
        }
        memory.store(recording);
        self.advance(&mut memory, recording).await;
        if !memory.is_over() {
            return Settled::Again(SETTLE_INTERVAL);
        }
        if memory.from.is_some_and(|from| from >= window.end) {
            recording.fall_short(&too_short("It shows what ran afterwards."), Timestamp::now());
        }
        if let Some(to) = memory.to.filter(|to| *to > window.end) {
            let seconds = to.duration_since(window.end).as_secs();
            recording
                .set_fact("outlasted", &format!("the profile went on for {seconds} s after the last task"));
        }
        Settled::Complete
    }
}

impl Source for Profile {
    fn name(&self) -> &'static str {
        NAME
    }

    fn begin<'a>(&'a mut self, recording: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(self.dry_run(recording))
    }

    fn interval(&self) -> Option<Duration> {
        Some(INTERVAL)
    }

    fn look<'a>(&'a mut self, recording: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(self.look_once(recording))
    }

    fn settle<'a>(
        &'a mut self,
        window: Window,
        recording: &'a mut Recording,
    ) -> BoxFuture<'a, Result<Settled, SourceError>> {
        Box::pin(async move { Ok(self.finish(window, recording).await) })
    }
}

/// Ends a container's profile without one.
fn end(subject: &mut Subject, error: &SourceError, recording: &mut Recording) {
    subject.state = State::Over;
    recording.fall_short(error, Timestamp::now());
}

fn too_short(words: &str) -> SourceError {
    let message = format!(
        "the cell's tasks had ended before the profile began: a shorter delay, or more tasks. {words}"
    );
    SourceError::new("CellTooShort", message.trim_end())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use throughput_core::source_catalog::SourceCatalog;
    use throughput_crds::Observe;

    use crate::registry::Registry;

    #[test]
    fn a_profile_has_its_figures() {
        let profile = json!({"profile": {"selector": {"matchLabels": {"app": "pulp"}}}});
        let observe: Observe = serde_json::from_value(profile).unwrap();
        let figures: Vec<String> = Registry.figure_names(&observe).into_iter().collect();
        assert_eq!(figures, ["profile.errors", "profile.samples"]);
    }
}
