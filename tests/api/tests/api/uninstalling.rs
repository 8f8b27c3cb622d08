//! What `helm uninstall` runs before it deletes anything.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::api::Api;
use throughput_api_tests::{Tenant, interrupted, spec};
use throughput_controller::process::leader::Candidate;
use throughput_controller::process::run::{self, RunError};
use throughput_controller::scaling::claim;
use throughput_crds::{Stage, Verdict};
use throughput_test_support::wait::eventually;
use tokio_util::sync::CancellationToken;

use crate::actions::{self, act};
use crate::crashed::left;
use crate::found::Found;
use crate::operator::{Operator, common_flags};
use crate::restoring::forged;
use crate::watched::{Watched, names};

async fn uninstall(tenant: &Tenant) -> Result<(), RunError> {
    run::restore(&tenant.client, &common_flags(&tenant.namespace, &[])).await
}

/// What the leader Lease says, if there is one.
async fn lead(tenant: &Tenant) -> Option<LeaseSpec> {
    let leases: Api<Lease> = tenant.api();
    leases.get_opt("throughput-operator").await.unwrap()?.spec
}

#[tokio::test]
async fn the_operator_that_leads_stops_first_and_nobody_leads_until_it_is_deleted() {
    let tenant = Tenant::new().await;
    let left = left(&tenant, "run", Stage::Draining).await;
    let operator = Operator::start(&tenant).await;
    let leads = async || lead(&tenant).await.and_then(|lead| lead.holder_identity);
    eventually("the operator leads", leads, Option::is_some).await;
    uninstall(&tenant).await.unwrap();
    let ended = operator.ended().await;
    assert!(matches!(ended, Err(RunError::LeadLost)), "{ended:?}");
    assert_eq!(Found::look(&tenant, &left.found.name).await, left.found);
    let status = Watched { tenant: &tenant, name: "run" }.now().await.status.unwrap();
    assert_eq!(status.verdict, Some(Verdict::Aborted));
    let lead = lead(&tenant).await.unwrap();
    assert_eq!(
        (lead.holder_identity.as_deref(), lead.lease_duration_seconds),
        (Some("throughput-operator-0-restore"), Some(30))
    );
}

#[tokio::test]
async fn what_a_stopped_operator_had_decided_before_is_not_carried_out_afterwards() {
    let tenant = Tenant::new().await;
    let left = left(&tenant, "run", Stage::Draining).await;
    // One that neither renews its lead nor hears that it has lost it.
    let candidate =
        Candidate::new(tenant.client.clone(), &tenant.namespace, "throughput-operator-0".to_owned());
    let lead = candidate.lead(&CancellationToken::new()).await.unwrap();
    let client = lead.fenced(&tenant.client);
    uninstall(&tenant).await.unwrap();
    let name = left.found.name.as_str();
    act(&client, &left.facts, &[actions::claim(&[name]), actions::scale(name, 9)]).await.unwrap_err();
    assert_eq!(Found::look(&tenant, name).await, left.found);
    assert_eq!(names::<Lease>(&tenant).await, Vec::<String>::new());
}

#[tokio::test]
async fn when_something_cannot_be_put_back_an_operator_may_go_on() {
    let tenant = Tenant::new().await;
    let left = left(&tenant, "run", Stage::Draining).await;
    // Its record holds a number that the API server does not take.
    let leases: Api<Lease> = tenant.api();
    let name = claim::lease_name(&left.found.uid);
    forged(&leases, &name, -1, &actions::key()).await;
    let restored = uninstall(&tenant).await;
    assert!(matches!(restored, Err(RunError::NotRestored(1))), "{restored:?}");
    assert_eq!(lead(&tenant).await.unwrap().holder_identity, None);
}

#[tokio::test]
async fn tests_are_listed_by_pages_and_without_what_is_in_them() {
    let tenant = Tenant::new().await;
    for number in 0..45 {
        tenant.test(&format!("other-{number}"), spec()).await;
    }
    let left = left(&tenant, "run", Stage::Draining).await;
    let (client, requests) = interrupted::recorded(&tenant.client);
    run::restore(&client, &common_flags(&tenant.namespace, &[])).await.unwrap();
    assert_eq!(Found::look(&tenant, &left.found.name).await, left.found);
    let requests = requests.lock().unwrap();
    let lists: Vec<_> = requests
        .iter()
        .filter(|request| {
            let kind = request.path.rsplit('/').next().unwrap_or_default();
            request.method == "GET" && ["throughputtests", "leases", "jobs", "configmaps"].contains(&kind)
        })
        .collect();
    let of_tests = lists.iter().filter(|list| list.path.ends_with("/throughputtests")).count();
    assert_eq!(of_tests, 3, "pages of 46 tests: {lists:?}");
    for list in lists {
        assert!(list.query.contains("limit=20"), "{list:?}");
        assert!(list.accept.contains("PartialObjectMetadataList"), "{list:?}");
    }
}
