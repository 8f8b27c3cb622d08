//! The operator's actions without the operator.

use kube::Client;
use throughput_api_tests::{KEY, Tenant, spec};
use throughput_controller::apply::pods::GeneratorSettings;
use throughput_controller::apply::report::PageRenderer;
use throughput_controller::apply::{ApplyClients, ApplyError, apply};
use throughput_controller::cadence::wishes::{Wanted, Wishes};
use throughput_controller::generators::token::TokenKey;
use throughput_controller::observe::PulpClients;
use throughput_controller::scaling::own_pods::OwnPods;
use throughput_core::decide::Action;
use throughput_core::identity::TestFacts;
use throughput_core::plan::Plan;
use throughput_core::plan::permissions::Permissions;
use throughput_core::target::TargetName;
use throughput_crds::GeneratorPod;
use throughput_model::cell::CellAddress;
use throughput_sources::registry::Registry;
use throughput_test_support::first_cell;

/// The facts of a test that need not exist.
pub(crate) fn facts(tenant: &Tenant, name: &str) -> TestFacts {
    TestFacts {
        namespace: tenant.namespace.clone(),
        name: name.to_owned(),
        uid: format!("uid-of-{name}"),
        generation: Some(1),
    }
}

/// The key of the operators of all tests.
pub(crate) fn key() -> TokenKey {
    TokenKey::new(KEY.to_vec()).unwrap()
}

/// What is the same for all generators.
pub(crate) fn generators() -> GeneratorSettings {
    GeneratorSettings {
        image: "localhost/throughput/loadgen:test".to_owned(),
        image_pull_policy: "IfNotPresent".to_owned(),
        collector_url: "http://throughput-operator-collector:8081".to_owned(),
        pod: GeneratorPod::default(),
    }
}

/// Deployments of these names.
pub(crate) fn targets(names: &[&str]) -> Vec<TargetName> {
    names.iter().map(|name| TargetName::deployment(*name)).collect()
}

/// Claims Deployments.
pub(crate) fn claim(names: &[&str]) -> Action {
    Action::Claim { targets: targets(names) }
}

/// Scales a Deployment.
pub(crate) fn scale(name: &str, replicas: u32) -> Action {
    Action::Scale { target: TargetName::deployment(name), replicas }
}

/// The plan of the shortest spec.
pub(crate) fn plan(tenant: &Tenant) -> Plan {
    let spec = serde_json::from_value(spec()).unwrap();
    Plan::new(&tenant.namespace, &spec, &Permissions::default(), &Registry).unwrap()
}

/// Starts the generators of a plan's first cell.
pub(crate) fn start_generators(plan: &Plan, facts: &TestFacts) -> Action {
    start_attempt(plan, &first_cell(&facts.uid))
}

/// Starts the generators of an attempt at a plan's first cell.
pub(crate) fn start_attempt(plan: &Plan, address: &CellAddress) -> Action {
    Action::StartGenerators(Box::new(plan.order(&plan.cells[0], address)))
}

/// Carries out actions, as the operator does.
pub(crate) async fn act(client: &Client, facts: &TestFacts, actions: &[Action]) -> Result<(), ApplyError> {
    act_with(client, facts, generators(), actions).await
}

/// Carries out actions, as an operator with other settings does.
pub(crate) async fn act_with(
    client: &Client,
    facts: &TestFacts,
    generators: GeneratorSettings,
    actions: &[Action],
) -> Result<(), ApplyError> {
    let clients = ApplyClients {
        client: client.clone(),
        pulps: PulpClients::default(),
        generators,
        key: key(),
        renderer: PageRenderer::default(),
        own: OwnPods::default(),
    };
    // Boxed, so that not each test carries all of it on its stack.
    let heeding =
        Wishes::default().heed(&facts.uid, Wanted { generation: facts.generation, deleting: false });
    Box::pin(apply(&clients, facts, actions, &heeding)).await.map(drop)
}
