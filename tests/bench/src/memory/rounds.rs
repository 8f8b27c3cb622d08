//! Tests that run again and again: whichever has come to its end is deleted, and made anew.

use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams};
use serde_json::Value;
use throughput_api_tests::Tenant;
use throughput_crds::{CellOutcome, ConditionStatus, ConditionType, ThroughputTest};

use super::Outcome;
use super::largest::Largest;

/// The replicas that each target has before it is claimed.
pub(super) const FOUND: i32 = 3;

/// A test that is made again and again.
pub(super) struct Repeated {
    /// Its name.
    pub(super) name: String,
    /// Its target.
    pub(super) target: String,
    /// Its spec.
    pub(super) spec: Value,
    /// Whether it stands before the last of very many cells.
    pub(super) is_largest: bool,
}

impl Repeated {
    /// Makes it.
    pub(super) async fn make(&self, tenant: &Tenant, largest: &Largest) {
        let test = tenant.test(&self.name, self.spec.clone()).await;
        if self.is_largest {
            largest.put(tenant, &test).await;
        }
    }
}

/// Counts the tests that have come to their end, and makes them anew.
pub(super) async fn go_on(tenant: &Tenant, all: &[Repeated], largest: &Largest, outcome: &mut Outcome) {
    let tests: Api<ThroughputTest> = tenant.api();
    let Ok(found) = tests.list(&ListParams::default()).await else { return };
    let over: Vec<&ThroughputTest> = found.iter().filter(|test| is_over(test)).collect();
    let known = |test: &&ThroughputTest| all.iter().find(|known| known.name == test.name_any());
    for (test, repeated) in over.iter().filter_map(|test| Some((*test, known(test)?))) {
        let ends = outcome.ends.entry(repeated.name.clone()).or_default();
        ends.all += 1;
        ends.measured += u32::from(is_measured(test));
        ends.not_restored += u32::from(!is_as_found(tenant, &repeated.target).await);
        clear(tenant, &repeated.name).await;
    }
    let absent = |name: &str| found.iter().all(|test| test.name_any() != name);
    join_all(all.iter().filter(|one| absent(&one.name)).map(|one| one.make(tenant, largest))).await;
}

fn is_over(test: &ThroughputTest) -> bool {
    let conditions = test.status.iter().flat_map(|status| &status.conditions);
    let mut finished = conditions.filter(|condition| condition.type_ == ConditionType::Finished);
    finished.any(|condition| condition.status == ConditionStatus::True) && test.finalizers().is_empty()
}

fn is_measured(test: &ThroughputTest) -> bool {
    let Some(status) = &test.status else { return false };
    let total = status.cells.as_ref().map(|cells| cells.total as usize);
    total == Some(status.results.len())
        && status.results.last().is_some_and(|last| last.outcome == CellOutcome::Completed)
}

async fn is_as_found(tenant: &Tenant, target: &str) -> bool {
    let deployments: Api<Deployment> = tenant.api();
    let target = deployments.get(target).await.unwrap();
    target.spec.and_then(|spec| spec.replicas) == Some(FOUND)
}

/// Deletes a test, and what a cluster would collect of it.
async fn clear(tenant: &Tenant, name: &str) {
    let (now, of_test) = (DeleteParams::default(), format!("perf.pulpproject.org/test={name}"));
    let of_test = ListParams::default().labels(&of_test);
    let (tests, jobs): (Api<ThroughputTest>, Api<Job>) = (tenant.api(), tenant.api());
    let (maps, secrets): (Api<ConfigMap>, Api<Secret>) = (tenant.api(), tenant.api());
    // Each may be gone already.
    let _ = tests.delete(name, &now).await;
    let _ = jobs.delete_collection(&DeleteParams::background(), &of_test).await;
    let _ = maps.delete_collection(&now, &of_test).await;
    let _ = secrets.delete_collection(&now, &of_test).await;
}
