//! The pods of the system under test: processors and memory by the metrics API, restarts and out-of-memory kills by their
//! status, and the kubelets' own counters where the administrator permits it.
//!
//! It costs the cluster little: each look asks the API server at most twice, for the pods of all groups and for their samples, and a kubelet at
//! most every fifteen seconds. A request that was refused is made again after a minute.

mod counted;
mod counters;
mod exposition;
#[cfg(test)]
mod fixture;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod group;
mod kubelet;
mod memory;
mod metrics;
mod owners;
mod status;
mod tally;
mod usage;

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use kube::Config;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::core::Selector;
use throughput_crds::ObservePods;

use crate::access::Access;
use crate::error::SourceError;
use crate::kubernetes;
use crate::pages;
use crate::pods::counters::Before;
use crate::pods::group::WatchedPod;
use crate::pods::kubelet::Kubelets;
use crate::pods::memory::Memory;
use crate::pods::owners::Owners;
use crate::pods::usage::{Span, Usage};
use crate::recording::Recording;
use crate::selectors;
use crate::source::{Settled, Source, Window};

pub(crate) use metrics::metrics;

/// The source's name.
pub(crate) const NAME: &str = "pods";
/// How often a kubelet is asked at most: it measures a container every ten to fifteen seconds, and each answer tells of all
/// containers of its node.
const KUBELET_INTERVAL: Duration = Duration::from_secs(15);
/// How long to wait after a refusal.
const AFTER_A_REFUSAL: Duration = Duration::from_mins(1);
/// How long after the last task the last samples are waited for: a usual metrics-server measures every 15 s.
const LONGEST_SETTLING: SignedDuration = SignedDuration::from_secs(45);
/// How often they are asked for.
const SETTLING_INTERVAL: Duration = Duration::from_secs(5);

/// The source `pods`.
pub struct Pods {
    groups: Vec<ObservePods>,
    access: Access,
    kubelets: Kubelets,
    metrics_not_before: Option<Timestamp>,
    kubelets_not_before: Option<Timestamp>,
    before: Before,
    memory: Memory,
    /// Until when samples and counters are known.
    known_until: KnownUntil,
    is_settling: bool,
}

/// Until when figures that come with a delay are complete; `None` where nothing more will come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct KnownUntil {
    /// The middle of the span that the next sample will stand for.
    samples: Option<Timestamp>,
    /// When the counter was measured that is behind all others.
    counters: Option<Timestamp>,
}

impl KnownUntil {
    /// Whether nothing more will come from before an instant.
    fn is_beyond(self, end: Timestamp) -> bool {
        [self.samples, self.counters].into_iter().flatten().all(|until| until > end)
    }
}

/// The pods of each group, in the groups' order.
type Groups = Vec<Vec<WatchedPod>>;

impl Pods {
    /// The source for these groups. `within_cluster` says how kubelets are asked directly: as the API server is from
    /// within the cluster.
    pub fn new(groups: &[ObservePods], access: &Access, within_cluster: Option<Config>) -> Self {
        Self {
            groups: groups.to_vec(),
            access: access.clone(),
            kubelets: Kubelets::new(access.client.clone(), within_cluster),
            metrics_not_before: None,
            kubelets_not_before: None,
            before: Before::default(),
            memory: Memory::default(),
            known_until: KnownUntil::default(),
            is_settling: false,
        }
    }

    async fn list(&self, recording: &mut Recording) -> Result<Groups, SourceError> {
        let pods = kubernetes::pods(&self.access, &self.selector(), recording).await?;
        let of = |group: &ObservePods| {
            pods.iter().filter(|pod| selectors::selects(&group.selector, pod)).map(group::watched).collect()
        };
        Ok(self.groups.iter().map(of).collect())
    }

    /// The selector of the pods of all groups.
    fn selector(&self) -> Selector {
        selectors::of_any(self.groups.iter().map(|group| &group.selector))
    }

    async fn begin_recording(&mut self, recording: &mut Recording) -> Result<(), SourceError> {
        self.memory = Memory::load(recording);
        let wants_kubelets = self.groups.iter().any(|group| group.kubelet);
        if wants_kubelets && !self.access.installation.kubelet {
            let message = "the operator may not ask the kubelets: its administrator sets observe.kubelet=true in the chart's values";
            let error = SourceError::new("KubeletNotPermitted", message);
            recording.fall_short(&error.only_of(metrics::of_kubelets(&self.groups)), Timestamp::now());
        }
        let groups = self.list(recording).await?;
        self.note_restarts(recording, &groups, Timestamp::now());
        Ok(())
    }

    async fn look_once(&mut self, recording: &mut Recording) -> Result<(), SourceError> {
        let now = Timestamp::now();
        let start = *self.memory.looking_since.get_or_insert(now);
        let groups = self.list(recording).await?;
        self.note_restarts(recording, &groups, now);
        for (group, pods) in self.groups.iter().zip(&groups) {
            status::sample_replicas(recording, &group.name, pods, now);
        }
        self.measure(recording, &groups, Span { start, end: None }, now).await;
        Ok(())
    }

    async fn settle_once(&mut self, window: Window, recording: &mut Recording) -> Settled {
        let now = Timestamp::now();
        let is_known = match self.list(recording).await {
            Ok(groups) => {
                // Restarts after the cell do not count.
                if !std::mem::replace(&mut self.is_settling, true) {
                    self.note_restarts(recording, &groups, now);
                }
                let span = Span { start: window.start, end: Some(window.end) };
                self.measure(recording, &groups, span, now).await;
                self.known_until.is_beyond(window.end)
            }
            Err(error) => {
                recording.fall_short(&error, now);
                false
            }
        };
        let is_late = now.duration_since(window.end) > LONGEST_SETTLING;
        if !is_known && !is_late {
            return Settled::Again(SETTLING_INTERVAL);
        }
        self.conclude(recording, now);
        Settled::Complete
    }

    fn note_restarts(&mut self, recording: &mut Recording, groups: &Groups, now: Timestamp) {
        for (group, pods) in self.groups.iter().zip(groups) {
            status::note_restarts(&mut self.memory, recording, &group.name, pods, now);
        }
        self.memory.has_begun = true;
        self.memory.store(recording);
    }

    async fn measure(&mut self, recording: &mut Recording, groups: &Groups, span: Span, now: Timestamp) {
        if is_due(self.metrics_not_before, now) {
            self.measure_usage(recording, groups, span, now).await;
            self.memory.store(recording);
        }
        if self.access.installation.kubelet && is_due(self.kubelets_not_before, now) {
            self.read_counters(recording, groups, span, now).await;
            self.memory.store(recording);
        }
    }

    async fn measure_usage(
        &mut self,
        recording: &mut Recording,
        groups: &Groups,
        span: Span,
        now: Timestamp,
    ) {
        let usages = match self.usages().await {
            Ok(usages) => usages,
            Err(error) => {
                recording.fall_short(&error.only_of(metrics::of_usage(&self.groups)), now);
                self.metrics_not_before = now.checked_add(AFTER_A_REFUSAL).ok();
                self.known_until.samples = None;
                return;
            }
        };
        for (group, pods) in self.groups.iter().zip(groups) {
            usage::record(&mut self.memory, recording, &group.name, pods, &usages, span);
        }
        usage::note_seen(&mut self.memory, &usages, span);
        let ours = |usage: &&Usage| groups.iter().flatten().any(|pod| pod.name == usage.pod);
        let next =
            usages.iter().filter(ours).filter_map(|usage| usage.ended_at.checked_add(usage.span / 2).ok());
        self.known_until.samples = next.min();
    }

    async fn usages(&self) -> Result<Vec<Usage>, SourceError> {
        let kind = GroupVersionKind::gvk("metrics.k8s.io", "v1beta1", "PodMetrics");
        let resource = ApiResource::from_gvk_with_plural(&kind, "pods");
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.access.client.clone(), &self.access.namespace, &resource);
        let ours = ListParams::default().labels_from(&self.selector());
        let answer = pages::whole(&api, &ours, &self.access.lists).await;
        let answer = answer.map_err(|no_answer| no_answer.error("ask for the pods' processors and memory"));
        let answer = answer.map_err(|error| match error.reason {
            "NotFound" => SourceError::new(
                "MetricsApiMissing",
                "the cluster has no metrics API (metrics.k8s.io): it comes with metrics-server",
            ),
            "Forbidden" => SourceError { reason: "MetricsForbidden", ..error },
            "Unavailable" => SourceError { reason: "MetricsUnavailable", ..error },
            _ => error,
        })?;
        Ok(answer.iter().filter_map(Usage::read).collect())
    }

    async fn read_counters(
        &mut self,
        recording: &mut Recording,
        groups: &Groups,
        span: Span,
        now: Timestamp,
    ) {
        let (mut owners, mut nodes) = (Owners::default(), Vec::new());
        for (group, pods) in self.groups.iter().zip(groups).filter(|(group, _)| group.kubelet) {
            owners.add(&group.name, pods);
            nodes.extend(pods.iter().filter(|pod| pod.is_wanted).filter_map(|pod| pod.node.clone()));
        }
        nodes.sort();
        nodes.dedup();
        if nodes.is_empty() {
            return;
        }
        let (reading, errors) = self.kubelets.read(&nodes, &owners, &self.access.namespace).await;
        let is_refused = errors.iter().any(|error: &SourceError| error.reason == "KubeletForbidden");
        for error in errors {
            recording.fall_short(&error.only_of(metrics::of_kubelets(&self.groups)), now);
        }
        counters::record(&mut self.memory, recording, &mut self.before, &reading, span);
        self.known_until.counters = reading.oldest();
        let pause = if is_refused { AFTER_A_REFUSAL } else { KUBELET_INTERVAL };
        self.kubelets_not_before = now.checked_add(pause).ok();
    }

    /// Notes a shortfall for each group without pods, samples or some of the counters.
    fn conclude(&self, recording: &mut Recording, now: Timestamp) {
        for group in &self.groups {
            let ObservePods { name, selector, kubelet } = group;
            if self.memory.tallies.get(name).is_none_or(std::collections::BTreeMap::is_empty) {
                let labels = selectors::of(selector);
                let message = format!("{name}: there was no pod with the labels {labels}");
                recording.fall_short(&SourceError::new("NoPods", message).only_of([name]), now);
                continue;
            }
            let has_samples = self.memory.recorded.contains(&format!("{name}.cpuMillicores"));
            if !has_samples && self.metrics_not_before.is_none() {
                let message = format!(
                    "{name}: the metrics API has no sample from within the cell; a cell of a minute has some"
                );
                let error = SourceError::new("NoSamples", message).only_of(metrics::of_usage([group]));
                recording.fall_short(&error, now);
            }
            let missing = counters::missing(&self.memory, name);
            let is_read = self.access.installation.kubelet && *kubelet && self.known_until.counters.is_some();
            if is_read && !missing.is_empty() {
                let message = format!("{name}: the kubelet does not count {}", missing.join(", "));
                let names = missing.iter().map(|metric| format!("{name}.{metric}"));
                recording.fall_short(&SourceError::new("CountersMissing", message).only_of(names), now);
            }
        }
    }
}

fn is_due(not_before: Option<Timestamp>, now: Timestamp) -> bool {
    not_before.is_none_or(|not_before| now >= not_before)
}

impl Source for Pods {
    fn name(&self) -> &'static str {
        NAME
    }

    fn begin<'a>(&'a mut self, recording: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
        self.begin_recording(recording).boxed()
    }

    fn look<'a>(&'a mut self, recording: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
        self.look_once(recording).boxed()
    }

    fn settle<'a>(
        &'a mut self,
        window: Window,
        recording: &'a mut Recording,
    ) -> BoxFuture<'a, Result<Settled, SourceError>> {
        self.settle_once(window, recording).map(Ok).boxed()
    }
}
