//! The workloads that ran: images, resources, replicas and nodes of the scale targets, of further Deployments and of the load generators;
//! and whether resources are what they should be.
//!
//! It is read before the first task and again after the last: an image that became another in between is told as a change.

mod difference;
mod facts;
#[cfg(test)]
mod fixture;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Node, Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::api::Api;
use kube::core::Selector;
use throughput_core::source_catalog::{Mistake, Wanted};
use throughput_crds::{ContainerResources, ExpectedResources, ObserveProvenance};

use crate::access::Access;
use crate::error::SourceError;
use crate::kubernetes::{self, within};
use crate::metric::{Better, Metric};
use crate::provenance::difference::{Difference, Reference, differences};
use crate::provenance::facts::Facts;
use crate::provenance::workload::{Replicas, Resources, Workload, selected};
use crate::quantity::Amount;
use crate::recording::Recording;
use crate::source::{Settled, Source, Window};

/// The source's name.
pub(crate) const NAME: &str = "provenance";
/// The labels of a test's load generators.
const TEST_LABEL: &str = "perf.pulpproject.org/test";
const CELL_LABEL: &str = "perf.pulpproject.org/cell";
/// How facts call them.
const GENERATORS: &str = "generators";
/// How many resources are not what they should be.
const DIFFERENCES: &str = "differences";
/// How many images, digests and resources changed within the cell.
const CHANGES: &str = "changes";
/// Whether what ran before the first task is known.
const HAS_BEGUN: &str = "hasBegun";
/// The most nodes that are read.
const MOST_NODES: usize = 16;

/// The source `provenance`.
pub struct Provenance {
    spec: ObserveProvenance,
    access: Access,
}

/// The workloads of an instant.
#[derive(Debug, Default)]
struct Snapshot {
    workloads: BTreeMap<String, Workload>,
    nodes: Vec<Node>,
}

/// Its metrics.
pub(crate) fn metrics() -> Vec<Metric> {
    [DIFFERENCES, CHANGES].map(|name| Metric::figure(name, Better::Lower)).to_vec()
}

/// Checks what the API server's rules cannot see: that quantities are quantities.
pub(crate) fn check(spec: &ObserveProvenance) -> Result<Vec<Wanted>, Mistake> {
    for expected in &spec.expect {
        let ExpectedResources { deployment, like, containers } = expected;
        if like.as_ref() == Some(deployment) {
            return Err(Mistake(format!(
                "observe.provenance.expect compares {deployment} with itself: name another Deployment in like"
            )));
        }
        for ContainerResources { name, requests, limits } in containers {
            let odd =
                requests.values().chain(limits.values()).find(|quantity| Amount::parse(quantity).is_none());
            if let Some(odd) = odd {
                return Err(Mistake(format!(
                    "observe.provenance.expect of {deployment}, container {name}: {odd} is no quantity; write 500m, or 1Gi"
                )));
            }
        }
    }
    Ok(Vec::new())
}

impl Provenance {
    /// The source.
    pub fn new(spec: &ObserveProvenance, access: &Access) -> Self {
        Self { spec: spec.clone(), access: access.clone() }
    }

    async fn note_before(&self, recording: &mut Recording) -> Result<(), SourceError> {
        // After a restart of the operator it is too late to see what ran before the first task.
        if recording.recall(HAS_BEGUN) == Some(true) {
            return Ok(());
        }
        let snapshot = self.snapshot(recording).await?;
        set_facts(recording, &facts_of(&snapshot));
        self.compare(&snapshot, recording);
        // A truth value can be written.
        let _ = recording.remember(HAS_BEGUN, &true);
        Ok(())
    }

    async fn note_after(&self, recording: &mut Recording) -> Result<(), SourceError> {
        let snapshot = self.snapshot(recording).await?;
        let facts = facts_of(&snapshot);
        if recording.recall(HAS_BEGUN) == Some(true) {
            let changes = facts::changes(|name| recording.fact(name), &facts);
            set_count(recording, CHANGES, changes.len());
            if !changes.is_empty() {
                recording.set_fact(CHANGES, &changes.join("; "));
                recording.set_table(
                    "What changed while it was measured",
                    &["Change"],
                    changes.into_iter().map(|change| vec![change]),
                );
            }
        }
        set_facts(recording, &facts);
        self.compare(&snapshot, recording);
        Ok(())
    }

    /// The workloads of this instant. Those that cannot be read are left out, with a shortfall.
    async fn snapshot(&self, recording: &mut Recording) -> Result<Snapshot, SourceError> {
        let pods = kubernetes::pods(&self.access, &Selector::default(), recording).await?;
        let mut snapshot = Snapshot::default();
        for (kind, name) in self.named() {
            let read = match kind.as_str() {
                "StatefulSet" => self.stateful_set(&name, &pods).await,
                _ => self.deployment(&name, &pods).await,
            };
            match read {
                Ok(workload) => {
                    snapshot.workloads.insert(name, workload);
                }
                Err(error) => recording.fall_short(&error, Timestamp::now()),
            }
        }
        let generators: Vec<&Pod> = pods.iter().filter(|pod| self.is_generator(pod)).collect();
        if !generators.is_empty() {
            let generators = workload::workload(GENERATORS, None, None, &generators);
            snapshot.workloads.insert(GENERATORS.to_owned(), generators);
        }
        if self.access.installation.nodes {
            snapshot.nodes = self.nodes(&snapshot.workloads, recording).await;
        }
        Ok(snapshot)
    }

    /// Kind and name of the workloads, each once.
    fn named(&self) -> BTreeSet<(String, String)> {
        let deployment = |name: &String| ("Deployment".to_owned(), name.clone());
        let ObserveProvenance { deployments, expect } = &self.spec;
        let compared =
            expect.iter().flat_map(|expected| std::iter::once(&expected.deployment).chain(&expected.like));
        let named = deployments.iter().chain(compared).map(deployment);
        self.access.targets.iter().cloned().chain(named).collect()
    }

    async fn deployment(&self, name: &str, pods: &[Pod]) -> Result<Workload, SourceError> {
        let api: Api<Deployment> = self.api();
        let found = within(&format!("read the Deployment {name}"), api.get(name)).await.map_err(not_found)?;
        let ready = found.status.and_then(|status| status.ready_replicas);
        let spec = found.spec.unwrap_or_default();
        Ok(workload_of(name, (spec.replicas, ready), &spec.template, &spec.selector, pods))
    }

    async fn stateful_set(&self, name: &str, pods: &[Pod]) -> Result<Workload, SourceError> {
        let api: Api<StatefulSet> = self.api();
        let found =
            within(&format!("read the StatefulSet {name}"), api.get(name)).await.map_err(not_found)?;
        let ready = found.status.and_then(|status| status.ready_replicas);
        let spec = found.spec.unwrap_or_default();
        Ok(workload_of(name, (spec.replicas, ready), &spec.template, &spec.selector, pods))
    }

    fn is_generator(&self, pod: &Pod) -> bool {
        let cell = self.access.cell.cell.to_string();
        pod.labels().get(TEST_LABEL) == Some(&self.access.test) && pod.labels().get(CELL_LABEL) == Some(&cell)
    }

    async fn nodes(&self, workloads: &BTreeMap<String, Workload>, recording: &mut Recording) -> Vec<Node> {
        let names: BTreeSet<&String> =
            workloads.values().flat_map(|workload| workload.nodes.keys()).collect();
        let api: Api<Node> = Api::all(self.access.client.clone());
        let mut nodes = Vec::new();
        for name in names.into_iter().take(MOST_NODES) {
            match within(&format!("read the node {name}"), api.get(name)).await {
                Ok(node) => nodes.push(node),
                Err(error) => {
                    let reason = if error.reason == "Forbidden" { "NodesForbidden" } else { error.reason };
                    recording.fall_short(&SourceError { reason, ..error }, Timestamp::now());
                    break;
                }
            }
        }
        nodes
    }

    /// Compares resources with what they should be. The number of differences is a figure only where all could be read.
    fn compare(&self, snapshot: &Snapshot, recording: &mut Recording) {
        if self.spec.expect.is_empty() {
            return;
        }
        let compared: Vec<Option<Vec<Difference>>> =
            self.spec.expect.iter().map(|expected| compared(expected, &snapshot.workloads)).collect();
        let is_whole = compared.iter().all(Option::is_some);
        let found: Vec<Difference> = compared.into_iter().flatten().flatten().collect();
        if is_whole {
            set_count(recording, DIFFERENCES, found.len());
        }
        if !found.is_empty() {
            let lines: Vec<String> = found.iter().map(Difference::line).collect();
            recording.set_fact(DIFFERENCES, &lines.join("; "));
        }
        let columns = ["Deployment", "Container", "Resource", "Expected", "Found"];
        recording.set_table("Resources that differ", &columns, found.into_iter().map(Difference::row));
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.access.client.clone(), &self.access.namespace)
    }
}

/// A workload with these wanted and ready replicas, and those of the namespace's pods that are its own. Where nothing is said
/// Kubernetes wants one replica, and none is ready.
fn workload_of(
    name: &str,
    (wanted, ready): (Option<i32>, Option<i32>),
    template: &PodTemplateSpec,
    selector: &LabelSelector,
    pods: &[Pod],
) -> Workload {
    let replicas = Replicas { wanted: wanted.unwrap_or(1), ready: ready.unwrap_or_default() };
    workload::workload(name, Some(replicas), Some(template), &selected(selector, pods))
}

fn not_found(error: SourceError) -> SourceError {
    let reason = if error.reason == "NotFound" { "WorkloadNotFound" } else { error.reason };
    SourceError { reason, ..error }
}

/// Where a Deployment differs from its reference; none where one of them could not be read.
fn compared(expected: &ExpectedResources, workloads: &BTreeMap<String, Workload>) -> Option<Vec<Difference>> {
    let ExpectedResources { deployment, like, containers } = expected;
    let found = workloads.get(deployment)?;
    let Some(like) = like else {
        let listed = containers.iter().map(|container| (container.name.clone(), Resources::from(container)));
        return Some(differences(found, &listed.collect(), Reference::Listed));
    };
    let reference = workloads.get(like)?;
    // While another version is rolled out there, its first pod stands for all.
    let whole = reference.containers.iter().filter_map(|(name, running)| {
        running.resources.first().map(|resources| (name.clone(), resources.clone()))
    });
    Some(differences(found, &whole.collect(), Reference::Whole))
}

fn facts_of(snapshot: &Snapshot) -> Facts {
    let of_workloads = snapshot.workloads.values().flat_map(facts::of_workload);
    of_workloads.chain(snapshot.nodes.iter().map(facts::of_node)).collect()
}

fn set_facts(recording: &mut Recording, facts: &Facts) {
    for (name, fact) in facts {
        recording.set_fact(name, fact);
    }
}

fn set_count(recording: &mut Recording, figure: &str, count: usize) {
    recording.set_figure(figure, f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
}

impl Source for Provenance {
    fn name(&self) -> &'static str {
        NAME
    }

    fn begin<'a>(&'a mut self, recording: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
        self.note_before(recording).boxed()
    }

    fn settle<'a>(
        &'a mut self,
        _window: Window,
        recording: &'a mut Recording,
    ) -> BoxFuture<'a, Result<Settled, SourceError>> {
        async { self.note_after(recording).await.map(|()| Settled::Complete) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(expect: &serde_json::Value) -> ObserveProvenance {
        serde_json::from_value(json!({"expect": [expect]})).unwrap()
    }

    #[test]
    fn a_quantity_that_is_none_is_a_mistake() {
        let inline = |cpu: &str| {
            spec(&json!({"deployment": "pulp-api", "containers": [{"name": "api", "limits": {"cpu": cpu}}]}))
        };
        assert_eq!(check(&inline("500m")), Ok(Vec::new()));
        let mistake = check(&inline("500x")).unwrap_err();
        assert!(mistake.0.contains("container api: 500x is no quantity"), "{mistake}");
    }

    #[test]
    fn nothing_is_compared_with_itself() {
        assert!(check(&spec(&json!({"deployment": "pulp-api", "like": "pulp-api"}))).is_err());
        assert_eq!(check(&spec(&json!({"deployment": "pulp-api", "like": "pulp-stage"}))), Ok(Vec::new()));
    }
}
