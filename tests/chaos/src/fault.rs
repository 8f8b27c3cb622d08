//! What is done to a test, or to what it stands on.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, EvictParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use throughput_crds::ThroughputTest;
use throughput_e2e_tests::Cluster;
use throughput_test_support::program;
use throughput_test_support::spec::WORKERS;

use super::heal::Release;
use super::load::{self, Load, two_targets};
use super::pods::{self, exhaust_one, kill_one, running_one};
use super::{SECOND_TEST, TEST, elsewhere};

const SOON: Duration = Duration::from_mins(2);

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operator's process is killed.
    KillOperator,
    /// The same twice: the second time as soon as it runs again.
    KillOperatorTwice,
    /// A daemon of the cluster is restarted.
    Restart(Daemon),
    /// The process of Pulp's API is killed.
    KillApi,
    /// The process of a worker is killed.
    KillWorker,
    /// The database is killed, and recovers.
    KillPostgres,
    /// The load generator's pod is deleted.
    DeleteGenerator,
    /// The load generator is evicted.
    EvictGenerator,
    /// The load generator's process is killed.
    KillGenerator,
    /// The load generator runs out of memory, and the kernel kills it.
    GeneratorOutOfMemory,
    /// The load generator's image is not there.
    GeneratorWithoutImage,
    /// The test is deleted.
    DeleteTest,
    /// The test is deleted and the operator killed.
    DeleteTestAndKillOperator,
    /// The test is deleted and its finalizer removed by force.
    RemoveFinalizer,
    /// The test's namespace is deleted, which is not Pulp's.
    DeleteNamespace,
    /// The operator is uninstalled with Helm.
    Uninstall,
    /// Another test wants the same target.
    TwoTests,
    /// Another test wants the same two targets in the opposite order.
    OppositeOrder,
    /// The workers' Deployment is deleted.
    DeleteTarget,
    /// Somebody scales the workers by hand.
    ScaleByHand,
    /// Somebody deletes the claim by hand.
    DeleteClaim,
    /// A second operator is made to lead while the first still does.
    TwoOperators,
}

/// A daemon of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// The API server.
    ApiServer,
    /// Its store.
    Etcd,
}

impl Fault {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::KillOperator => "kill the operator",
            Self::KillOperatorTwice => "kill the operator twice",
            Self::Restart(Daemon::ApiServer) => "restart the API server",
            Self::Restart(Daemon::Etcd) => "restart etcd",
            Self::KillApi => "kill Pulp's API",
            Self::KillWorker => "kill a worker",
            Self::KillPostgres => "kill PostgreSQL",
            Self::DeleteGenerator => "delete the generator",
            Self::EvictGenerator => "evict the generator",
            Self::KillGenerator => "kill the generator",
            Self::GeneratorOutOfMemory => "generator out of memory",
            Self::GeneratorWithoutImage => "generator without image",
            Self::DeleteTest => "delete the test",
            Self::DeleteTestAndKillOperator => "delete the test, kill the operator",
            Self::RemoveFinalizer => "remove the finalizer",
            Self::DeleteNamespace => "delete the namespace",
            Self::Uninstall => "helm uninstall",
            Self::TwoTests => "two tests, one target",
            Self::OppositeOrder => "two tests, opposite order",
            Self::DeleteTarget => "delete the target",
            Self::ScaleByHand => "scale by hand",
            Self::DeleteClaim => "delete the claim",
            Self::TwoOperators => "two operators",
        }
    }

    /// The reason of the condition `TargetsRestored` at the end, where it is not that all is as found.
    pub(super) fn not_restored(self) -> Option<&'static str> {
        match self {
            Self::DeleteTarget => Some("TargetGone"),
            Self::DeleteClaim => Some("ClaimLost"),
            Self::KillOperator
            | Self::KillOperatorTwice
            | Self::Restart(Daemon::ApiServer | Daemon::Etcd)
            | Self::KillApi
            | Self::KillWorker
            | Self::KillPostgres
            | Self::DeleteGenerator
            | Self::EvictGenerator
            | Self::KillGenerator
            | Self::GeneratorOutOfMemory
            | Self::GeneratorWithoutImage
            | Self::DeleteTest
            | Self::DeleteTestAndKillOperator
            | Self::RemoveFinalizer
            | Self::DeleteNamespace
            | Self::Uninstall
            | Self::TwoTests
            | Self::OppositeOrder
            | Self::ScaleByHand
            | Self::TwoOperators => None,
        }
    }

    /// Makes what has to be there before the test is created. Returns the cluster in the test's namespace, and the
    /// test's spec.
    pub(super) async fn prepare(self, cluster: &Cluster, release: &Release, load: Load) -> (Cluster, Value) {
        if self == Self::GeneratorWithoutImage {
            release.install(cluster, &["--set-string", "loadgen.image.tag=no-such-tag"]).await;
        }
        if self == Self::DeleteNamespace {
            return (elsewhere::prepare(cluster, release).await, load::elsewhere());
        }
        (cluster.clone(), load.spec())
    }

    /// Does it. Returns the names of further tests that have to come to their end.
    pub(super) async fn strike(self, cluster: &Cluster) -> Vec<&'static str> {
        match self {
            Self::KillOperator => drop(kill_one(cluster, pods::OPERATOR, &[]).await),
            Self::KillOperatorTwice => {
                let first = kill_one(cluster, pods::OPERATOR, &[]).await;
                kill_one(cluster, pods::OPERATOR, &[first]).await;
            }
            Self::Restart(daemon) => restart(daemon).await,
            Self::KillApi => drop(kill_one(cluster, "pod=pulp-api", &[]).await),
            Self::KillWorker => drop(kill_one(cluster, "pod=pulp-worker", &[]).await),
            Self::KillPostgres => drop(kill_one(cluster, "app=postgres", &[]).await),
            Self::DeleteGenerator => {
                let pods: Api<Pod> = cluster.api();
                let pod = running_one(cluster, pods::GENERATOR).await;
                pods.delete(&pod, &DeleteParams::default().grace_period(0)).await.expect("delete a pod");
            }
            Self::EvictGenerator => {
                let pods: Api<Pod> = cluster.api();
                let pod = running_one(cluster, pods::GENERATOR).await;
                pods.evict(&pod, &EvictParams::default()).await.expect("evict a pod");
            }
            Self::KillGenerator => drop(kill_one(cluster, pods::GENERATOR, &[]).await),
            Self::GeneratorOutOfMemory => exhaust_one(cluster, pods::GENERATOR).await,
            Self::GeneratorWithoutImage => {}
            Self::DeleteTest => delete_test(cluster).await,
            Self::DeleteTestAndKillOperator => {
                delete_test(cluster).await;
                kill_one(cluster, pods::OPERATOR, &[]).await;
            }
            Self::RemoveFinalizer => {
                let tests: Api<ThroughputTest> = cluster.api();
                let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
                tests.patch(TEST, &PatchParams::default(), &patch).await.expect("remove the finalizer");
                delete_test(cluster).await;
            }
            Self::DeleteNamespace => elsewhere::delete(cluster).await,
            Self::Uninstall => {
                let arguments = ["uninstall", "throughput-operator", "--wait", "--timeout", "150s"];
                cluster.helm(&arguments).await.expect("helm uninstall");
            }
            Self::TwoTests => {
                cluster.create(SECOND_TEST, Load::Sustained.spec()).await;
                return vec![SECOND_TEST];
            }
            Self::OppositeOrder => {
                cluster.create(SECOND_TEST, two_targets(["content", "workers"])).await;
                return vec![SECOND_TEST];
            }
            Self::DeleteTarget => {
                let deployments: Api<Deployment> = cluster.api();
                deployments.delete(WORKERS, &DeleteParams::background()).await.expect("delete a Deployment");
            }
            Self::ScaleByHand => scale(cluster, WORKERS, 4).await,
            Self::DeleteClaim => delete_claims(cluster).await,
            Self::TwoOperators => two_operators(cluster).await,
        }
        Vec::new()
    }
}

async fn delete_claims(cluster: &Cluster) {
    let leases: Api<Lease> = cluster.api();
    let claims = ListParams::default().labels("perf.pulpproject.org/claim=true");
    leases.delete_collection(&DeleteParams::default(), &claims).await.expect("delete a Lease");
}

async fn restart(daemon: Daemon) {
    let name = match daemon {
        Daemon::ApiServer => "kube-apiserver",
        Daemon::Etcd => "etcd",
    };
    program::cluster(&["restart", name]).await.expect("restart a daemon");
}

async fn delete_test(cluster: &Cluster) {
    let tests: Api<ThroughputTest> = cluster.api();
    tests.delete(TEST, &DeleteParams::default()).await.expect("delete the test");
}

async fn scale(cluster: &Cluster, deployment: &str, replicas: u32) {
    let deployments: Api<Deployment> = cluster.api();
    let params = PatchParams { field_manager: Some("by-hand".to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    deployments.patch_scale(deployment, &params, &patch).await.expect("scale a Deployment");
}

/// Takes the lead from the operator that has it, behind its back, while another waits for it.
async fn two_operators(cluster: &Cluster) {
    scale(cluster, "throughput-operator", 2).await;
    cluster
        .until("two operators run", SOON, || async {
            let pods = pods::with_labels(cluster, pods::OPERATOR).await;
            (pods.iter().filter_map(pods::running_container).count() == 2).then_some(())
        })
        .await;
    let leases: Api<Lease> = cluster.api();
    leases.delete("throughput-operator", &DeleteParams::default()).await.expect("delete the leader's Lease");
}
