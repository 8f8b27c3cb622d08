//! The whole operator in this process.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use futures::FutureExt;
use kube::Client;
use throughput_api_tests::Tenant;
use throughput_controller::process::run::{RunError, run};
use throughput_controller::settings::{CommonFlags, LogFormat, RunFlags};
use throughput_crds::GeneratorPod;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The image that its administrator permits.
pub(crate) const PERMITTED_IMAGE: &str = "localhost/pulp:permitted";

/// An operator that carries out the tests of one namespace, on threads of its own so that it can be killed.
pub(crate) struct Operator {
    runtime: Option<Runtime>,
    running: JoinHandle<Result<(), RunError>>,
    stop: CancellationToken,
    addresses: Addresses,
}

/// Where an operator listens: at an IP address of its own.
#[derive(Clone, Copy)]
struct Addresses {
    probes: SocketAddr,
    metrics: SocketAddr,
    collector: SocketAddr,
}

/// What all commands of an operator of these namespaces take.
pub(crate) fn common_flags(own: &str, watched: &[&str]) -> CommonFlags {
    CommonFlags {
        namespace: own.to_owned(),
        pod_name: "throughput-operator-0".to_owned(),
        watch_namespaces: watched.iter().map(|name| (*name).to_owned()).collect(),
        log_format: LogFormat::Text,
        log: "warn".to_owned(),
    }
}

impl Operator {
    /// Starts the operator of a namespace, with the rights that the chart gives it. It always has the same
    /// name, as a restarted container has.
    pub(crate) async fn start(tenant: &Tenant) -> Self {
        tenant.grant().await;
        Self::start_again(tenant)
    }

    /// Starts one whose administrator permits these URLs.
    pub(crate) async fn start_permitting(tenant: &Tenant, urls: &[&str]) -> Self {
        tenant.grant().await;
        Self::start_with(tenant, urls)
    }

    /// Starts it where it has its rights already.
    pub(crate) fn start_again(tenant: &Tenant) -> Self {
        Self::start_with(tenant, &[])
    }

    /// Starts one, where it has its rights already, whose client is made of the usual one.
    pub(crate) fn start_through(tenant: &Tenant, through: impl FnOnce(&Client) -> Client) -> Self {
        Self::start_in(tenant, &[], through)
    }

    /// Starts one whose administrator permits these URLs, where it has its rights already.
    pub(crate) fn start_with(tenant: &Tenant, urls: &[&str]) -> Self {
        Self::start_in(tenant, urls, Client::clone)
    }

    fn start_in(tenant: &Tenant, urls: &[&str], through: impl FnOnce(&Client) -> Client) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let addresses = Addresses::new();
        let flags = RunFlags {
            common: common_flags(&tenant.namespace, &[]),
            probes_listen: addresses.probes,
            listen: addresses.metrics,
            collector_listen: addresses.collector,
            collector_url: format!("http://{}", addresses.collector),
            loadgen_image: "localhost/throughput/loadgen:test".to_owned(),
            loadgen_image_pull_policy: "Never".to_owned(),
            allow_urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            allow_images: vec![PERMITTED_IMAGE.to_owned()],
            generator_pod: GeneratorPod::default(),
            allow_pod_labels: vec!["kueue.x-k8s.io/*".to_owned()],
            allow_pod_annotations: vec!["sidecar.istio.io/inject".to_owned()],
            allow_priority_classes: Vec::new(),
            allow_runtime_classes: Vec::new(),
            allow_sysctls: Vec::new(),
            allow_host_network: false,
            allow_aws_roles: Vec::new(),
            allow_rds_instances: Vec::new(),
            allow_log_groups: Vec::new(),
            observe_kubelet: false,
            observe_nodes: false,
            observe_logs: false,
            observe_profile: false,
            observe_profile_sys_ptrace: false,
            profiler_image: None,
            polling_interval: None,
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        // A client belongs to the runtime that it is made in.
        let entered = runtime.enter();
        let client = through(&tenant.operators_client());
        drop(entered);
        let running = runtime.spawn(async move { run(client, &flags, stopped).await });
        Self { runtime: Some(runtime), running, stop, addresses }
    }

    /// Where load generators reach it.
    pub(crate) fn collector_url(&self) -> String {
        format!("http://{}", self.addresses.collector)
    }

    /// The same, as an address.
    pub(crate) fn collector(&self) -> SocketAddr {
        self.addresses.collector
    }

    /// Where the kubelet reaches it.
    pub(crate) fn probes(&self) -> SocketAddr {
        self.addresses.probes
    }

    /// Where scrapers reach it.
    pub(crate) fn metrics(&self) -> SocketAddr {
        self.addresses.metrics
    }

    /// Ends it at once, wherever it is.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Tells it to end, as the kubelet does, and returns how it ended.
    pub(crate) async fn stop(mut self) -> Result<(), RunError> {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(15), &mut self.running).await.unwrap().unwrap()
    }

    /// Waits until it ends by itself, and returns how.
    pub(crate) async fn ended(mut self) -> Result<(), RunError> {
        tokio::time::timeout(Duration::from_secs(30), &mut self.running).await.unwrap().unwrap()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(ended) = (&mut self.running).now_or_never()
        {
            eprintln!("the operator had ended by itself: {ended:?}");
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Addresses {
    /// Addresses that nobody else takes: a port that was free a moment ago may be somebody's in the next, but of
    /// loopback addresses there are sixteen million.
    fn new() -> Self {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let own = [127, 64 + high % 64, low, COUNT.fetch_add(1, Ordering::Relaxed)];
        let [metrics, collector, probes] = [8080, 8081, 8082].map(|port| SocketAddr::from((own, port)));
        Self { probes, metrics, collector }
    }
}
