//! A namespace with the operator, its tests, and all servers that they ask.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};
use throughput_api_tests::{Tenant, spec};
use throughput_test_support::daemon::free_ports;

use super::hostile::{Hostile, MANNERS};
use super::largest::Largest;
use super::rounds::{FOUND, Repeated, go_on};
use super::sources::{self, Sources};
use super::{Group, Outcome};
use crate::nodes::Nodes;
use crate::process::{OperatorProcess, Program};
use crate::pulp::Pulp;

/// How often it is looked at what the operator takes.
const SAMPLED: Duration = Duration::from_millis(100);
/// After how many such looks tests that are over are made anew.
const ROUND: u32 = 20;

/// How much there is of what.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Tests that run with good servers.
    pub honest: usize,
    /// How many of them watch AWS too. What they watch comes late, as CloudWatch's minutes do.
    pub with_aws: usize,
    /// Tests for each hostile server, as their Pulp; and again as many that watch it.
    pub hostile: usize,
    /// The tasks of each cell.
    pub tasks: u32,
}

/// All that there is.
pub struct World {
    tenant: Arc<Tenant>,
    operator: OperatorProcess,
    again: Again,
    group: Option<Group>,
    hostile: Vec<Hostile>,
    tests: Vec<Repeated>,
    largest: Largest,
    outcome: Outcome,
    looks_before: f64,
    began: Instant,
    _sources: Sources,
    _nodes: Nodes,
}

/// How the operator is started, and started again when it has ended, as a kubelet does.
struct Again {
    program: Program,
    addresses: [SocketAddr; 2],
    flags: [String; 2],
}

impl Again {
    async fn start(&self, tenant: &Tenant) -> OperatorProcess {
        OperatorProcess::start_with(tenant, &self.program, self.addresses, &self.flags).await
    }
}

impl World {
    /// Starts everything, the operator last.
    pub async fn start(size: Size) -> Self {
        let tenant = Arc::new(Tenant::new().await);
        tenant.grant_with(&["observe.logs=true"]).await;
        let pulp = Pulp::serve(2).await;
        let sources = Sources::start(&tenant).await;
        let hostile = Hostile::serve_all().await;
        let mut ports = vec![("pulp-api", pulp.port()), ("prometheus", sources.prometheus_port())];
        ports.extend(hostile.iter().map(|server| (server.name, server.port)));
        let mut hosts = BTreeMap::new();
        for (name, port) in &ports {
            let port = json!({"ports": [{"port": port}]});
            tenant.create::<Service>(json!({"metadata": {"name": name}, "spec": port})).await;
            hosts.insert(format!("{name}.{}.svc", tenant.namespace), pulp.ip().to_string());
        }
        let tests = tests(size, pulp.port(), &hostile, &sources);
        tenant.deployment("pulp-worker", FOUND).await;
        for test in &tests {
            tenant.deployment(&test.target, FOUND).await;
        }
        let group = Group::new(&format!("throughput-{}-{}", std::process::id(), tenant.namespace));
        let group = group.inspect_err(|error| println!("memory is measured, not limited: {error}")).ok();
        let program = |name: &str| Program::built(name, &hosts);
        let nodes = Nodes::start(&tenant, program("throughput-loadgen"));
        let operator =
            Program { processes: group.as_ref().map(Group::processes), ..program("throughput-operator") };
        let mut urls: Vec<String> =
            hostile.iter().map(|server| format!("http://127.0.0.1:{}", server.port)).collect();
        urls.push(sources.aws_url().to_owned());
        let flags = [format!("--allow-urls={}", urls.join(",")), "--observe-logs".to_owned()];
        let addresses = free_ports().unwrap().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        // As if another operator had measured the cells before: what it left is there before this one looks.
        let again = Again { program: operator, addresses, flags };
        let largest = Largest::new();
        go_on(&tenant, &tests, &largest, &mut Outcome::default()).await;
        Self {
            operator: again.start(&tenant).await,
            again,
            tenant,
            group,
            hostile,
            tests,
            largest,
            outcome: Outcome::default(),
            looks_before: 0.0,
            began: Instant::now(),
            _sources: sources,
            _nodes: nodes,
        }
    }

    /// Whether the operator's memory is limited, and not only measured.
    pub fn is_limited(&self) -> bool {
        self.group.is_some()
    }

    /// Goes on until this holds of what came of it so far, or the time is over.
    pub async fn until(&mut self, limit: Duration, enough: impl Fn(&Outcome) -> bool) -> Outcome {
        let until = Instant::now() + limit;
        let mut samples = 0;
        while Instant::now() < until {
            if self.operator.has_ended() {
                println!("the operator has ended; {}", self.operator.last_words());
                self.outcome.ended += 1;
                self.looks_before = self.outcome.looks;
                self.operator = self.again.start(&self.tenant).await;
            }
            self.sample();
            samples += 1;
            if samples % ROUND == 0 {
                go_on(&self.tenant, &self.tests, &self.largest, &mut self.outcome).await;
                let looks =
                    self.operator.metric("throughput_operator_reconcile_duration_seconds_count").await;
                self.outcome.looks = looks.map_or(self.outcome.looks, |looks| self.looks_before + looks);
                if enough(&self.outcome) {
                    break;
                }
            }
            tokio::time::sleep(SAMPLED).await;
        }
        self.outcome.out_of_memory = match &self.group {
            Some(group) => group.out_of_memory(),
            None => 0,
        };
        self.outcome.asked = self.hostile.iter().map(|server| (server.name, server.asked())).collect();
        self.outcome.watched = self.began.elapsed();
        self.outcome.clone()
    }

    /// The end of what the operator said.
    pub fn last_words(&self) -> String {
        self.operator.last_words()
    }

    fn sample(&mut self) {
        let Some(memory) = self.operator.memory_if_it_runs() else { return };
        self.outcome.anonymous_bytes = self.outcome.anonymous_bytes.max(memory.anonymous);
        let charged = self.group.as_ref().map_or(memory.peak_resident, Group::peak_bytes);
        self.outcome.charged_bytes = self.outcome.charged_bytes.max(charged);
    }
}

impl Hostile {
    /// One of each manner.
    async fn serve_all() -> Vec<Self> {
        let mut all = Vec::new();
        for manner in MANNERS {
            all.push(Self::serve(manner).await);
        }
        all
    }
}

/// All tests, each with a target of its own.
fn tests(size: Size, pulp_port: u16, hostile: &[Hostile], sources: &Sources) -> Vec<Repeated> {
    let honest = (0..size.honest).map(|number| {
        let observe = sources.observe(number < size.with_aws);
        repeated(&format!("honest-{number}"), ("pulp-api", pulp_port), size.tasks, observe)
    });
    let of_server = |server: &Hostile, number: usize| {
        let (name, port) = (server.name, server.port);
        let asks = repeated(&format!("hostile-{name}-{number}"), (name, port), 10, json!({}));
        let observe = sources::hostile(name, port);
        let watches =
            repeated(&format!("watches-{name}-{number}"), ("pulp-api", pulp_port), size.tasks, observe);
        [asks, watches]
    };
    let hostile =
        hostile.iter().flat_map(|server| (0..size.hostile).flat_map(move |number| of_server(server, number)));
    let mut largest = repeated("largest", ("pulp-api", pulp_port), size.tasks, sources.observe(false));
    (largest.spec["matrix"], largest.is_largest) = (Largest::matrix().0, true);
    largest.spec["repeat"] = Largest::matrix().1.into();
    honest.chain(hostile).chain([largest]).collect()
}

fn repeated(name: &str, (service, port): (&str, u16), tasks: u32, observe: Value) -> Repeated {
    let target = format!("{name}-worker");
    let mut spec = spec();
    spec["targets"][0]["service"] = json!({"name": service, "port": port});
    spec["scale"][0]["ref"]["name"] = target.clone().into();
    let view = json!({"query": {"tasks": "10", "hold": "200"}, "tasksPerRequest": 10});
    spec["workload"]["pulpTasks"] = json!({"tasks": tasks, "dispatch": {"testView": view}});
    spec["matrix"] = json!([{"name": "workers", "of": "Scale", "values": [2]}]);
    spec["timeouts"] = json!({"start": "2m", "settle": "30s", "drain": "1m"});
    if observe.as_object().is_some_and(|sources| !sources.is_empty()) {
        spec["observe"] = observe;
    }
    Repeated { name: name.to_owned(), target, spec, is_largest: false }
}
