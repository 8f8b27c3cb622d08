//! A namespace with an operator, nodes and a Pulp, and tests in it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use throughput_api_tests::{Tenant, spec};
use throughput_bench::nodes::Nodes;
use throughput_bench::process::{OperatorProcess, Program};
use throughput_bench::pulp::Pulp;
use throughput_crds::{ConditionStatus, ConditionType, Stage, ThroughputTest};
use throughput_test_support::daemon::free_ports;
use throughput_test_support::wait::until_seen;

/// The replicas of every Deployment of workers, and Pulp's workers online.
const WORKERS: u32 = 2;
/// How long a run of a test may take.
const RUN: Duration = Duration::from_mins(20);

/// All that there is.
pub(crate) struct World {
    pub(crate) tenant: Arc<Tenant>,
    operator: Program,
    addresses: [SocketAddr; 2],
    pulp_port: u16,
    _nodes: Nodes,
}

/// The operator's looks at tests so far that went well, and how long they took together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Looks {
    pub(crate) count: f64,
    pub(crate) seconds: f64,
}

pub(crate) async fn looks(operator: &OperatorProcess) -> Looks {
    let of = async |part: &str| {
        let name = format!("throughput_operator_reconcile_duration_seconds_{part}");
        operator.metric(&name).await.unwrap_or_default()
    };
    Looks { count: of("count").await, seconds: of("sum").await }
}

impl World {
    /// Everything but an operator.
    pub(crate) async fn new() -> Self {
        let tenant = Arc::new(Tenant::new().await);
        tenant.grant().await;
        let pulp = Pulp::serve(WORKERS).await;
        let port = json!({"ports": [{"port": pulp.port()}]});
        tenant.create::<Service>(json!({"metadata": {"name": "pulp-api"}, "spec": port})).await;
        let service = format!("pulp-api.{}.svc", tenant.namespace);
        let hosts: BTreeMap<String, String> = [(service, pulp.ip().to_string())].into();
        let program = |name: &str| Program::built(name, &hosts);
        let [own, collector] = free_ports().unwrap().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        Self {
            operator: program("throughput-operator"),
            addresses: [own, collector],
            pulp_port: pulp.port(),
            _nodes: Nodes::start(&tenant, program("throughput-loadgen")),
            tenant,
        }
    }

    /// An operator, which ends when it is dropped.
    pub(crate) async fn operator(&self) -> OperatorProcess {
        OperatorProcess::start(&self.tenant, &self.operator, self.addresses).await
    }

    /// A spec for Pulp, with workers of its own.
    async fn spec(&self, name: &str, tasks: u64, query: Value) -> Value {
        let workers = format!("{name}-worker");
        self.tenant.deployment(&workers, i32::try_from(WORKERS).unwrap()).await;
        let mut spec = spec();
        spec["targets"][0]["service"]["port"] = self.pulp_port.into();
        spec["scale"][0]["ref"]["name"] = workers.into();
        let view = json!({"query": query, "tasksPerRequest": 250});
        spec["workload"]["pulpTasks"] = json!({"tasks": tasks, "dispatch": {"testView": view}});
        spec
    }

    /// Runs a test with cells of 10,000 tasks to its end.
    pub(crate) async fn finished(&self, name: &str, matrix: &Value, repeat: u32) -> ThroughputTest {
        let mut spec = self.spec(name, 10_000, json!({"tasks": "250"})).await;
        spec["matrix"] = matrix.clone();
        spec["repeat"] = repeat.into();
        self.tenant.test(name, spec).await;
        self.until_finished(name).await
    }

    /// Runs so many tests of one small cell that all want the same workers, to their ends; in the order of their creation.
    pub(crate) async fn queued(&self, count: usize) -> Vec<ThroughputTest> {
        let spec = self.spec("queue", 250, json!({"tasks": "250"})).await;
        let names: Vec<String> = (0..count).map(|number| format!("queue-{number:03}")).collect();
        for name in &names {
            self.tenant.test(name, spec.clone()).await;
        }
        let mut tests = Vec::new();
        for name in &names {
            tests.push(self.until_finished(name).await);
        }
        tests
    }

    async fn until_finished(&self, name: &str) -> ThroughputTest {
        let tests: Api<ThroughputTest> = self.tenant.api();
        let is_finished = |test: &ThroughputTest| {
            let conditions = test.status.iter().flat_map(|status| &status.conditions);
            let mut finished = conditions.filter(|condition| condition.type_ == ConditionType::Finished);
            finished.any(|condition| condition.status == ConditionStatus::True)
        };
        until_seen("the test is finished", RUN, async || tests.get(name).await.unwrap(), is_finished).await
    }

    /// Starts a test that dispatches for longer than anybody looks: a request a second.
    pub(crate) async fn start_endless(&self, number: usize) {
        let name = format!("running-{number}");
        let spec = self.spec(&name, 200_000, json!({"tasks": "10", "hold": "1000"})).await;
        self.tenant.test(&name, spec).await;
    }

    /// Waits until this many tests are in a stage.
    pub(crate) async fn until_all_are_in(&self, stage: Stage, wanted: usize) {
        let tests: Api<ThroughputTest> = self.tenant.api();
        let count = async || {
            let tests = tests.list(&ListParams::default()).await.unwrap();
            let current = tests.iter().filter_map(|test| test.status.as_ref()?.current.as_ref());
            current.filter(|current| current.stage == stage).count()
        };
        until_seen(&format!("{wanted} tests in {stage:?}"), Duration::from_mins(5), count, |seen| {
            *seen == wanted
        })
        .await;
    }

    /// Makes the operator look at a test, however often it was made to before.
    pub(crate) async fn poke(&self, name: &str) {
        let tests: Api<ThroughputTest> = self.tenant.api();
        let poke = json!({"metadata": {"labels": {"poked": Timestamp::now().as_nanosecond().to_string()}}});
        tests.patch(name, &PatchParams::default(), &Patch::Merge(poke)).await.unwrap();
    }

    /// Waits until the operator has looked this often.
    pub(crate) async fn until_looks(&self, operator: &OperatorProcess, count: f64) -> Looks {
        let what = format!("{count} looks");
        until_seen(&what, Duration::from_secs(30), async || looks(operator).await, |seen| seen.count >= count)
            .await
    }

    /// Waits until the operator has looked at everything that there is, and looks at nothing for a while.
    pub(crate) async fn until_settled(&self, operator: &OperatorProcess) {
        let mut before = Looks { count: -1.0, seconds: 0.0 };
        let is_idle = async || {
            tokio::time::sleep(Duration::from_secs(3)).await;
            let now = looks(operator).await;
            let idle = now == before && now.count > 0.0;
            before = now;
            idle
        };
        until_seen("the operator has looked at all", Duration::from_mins(10), is_idle, |idle| *idle).await;
    }
}
