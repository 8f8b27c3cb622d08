//! Leases that look like claims and that the operator did not sign, and what becomes of claims when its key is gone.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams};
use kube::runtime::events::{Recorder, Reporter};
use serde_json::json;
use throughput_api_tests::{KEY, Tenant, spec};
use throughput_controller::generators::token::TokenKey;
use throughput_controller::generators::token_key;
use throughput_controller::process::run::{self, RunError};
use throughput_controller::scaling::claim;
use throughput_controller::scaling::orphans::{self, Told};
use throughput_crds::{ConditionStatus, ConditionType, Stage, Verdict};
use throughput_test_support::wait::eventually;

use crate::actions::key;
use crate::crashed::left;
use crate::found::{As, Found};
use crate::operator::{Operator, common_flags};
use crate::restoring::forged;
use crate::watched::{Watched, condition, names};

/// A claim on a Deployment as somebody writes it who may write Leases and has no key: for a test that never was.
async fn forge(tenant: &Tenant, found: &Found) -> String {
    let name = claim::lease_name(&found.uid);
    let record = json!({"kind": "Deployment", "name": found.name, "replicas": 20, "replicasOwners": [], "uid": found.uid});
    let lease = json!({
        "metadata": {
            "name": name,
            "labels": {
                "app.kubernetes.io/managed-by": "throughput-operator",
                "perf.pulpproject.org/claim": "true",
                "perf.pulpproject.org/test-uid": "11111111-2222-3333-4444-555555555555",
            },
            "annotations": {
                "perf.pulpproject.org/claim": record.to_string(),
                "perf.pulpproject.org/claim-holder": "nobody/nothing/11111111-2222-3333-4444-555555555555",
                "perf.pulpproject.org/claim-signature": TokenKey::new(vec![8; 32]).unwrap().signature("claim/1"),
            },
        },
        "spec": {"holderIdentity": "nobody"},
    });
    tenant.create::<Lease>(lease).await;
    name
}

/// What events say of Leases that are no claims: the kind and the name that they are about.
async fn told(tenant: &Tenant) -> Vec<(String, String)> {
    let events: Api<Event> = tenant.api();
    let events = events.list(&ListParams::default()).await.unwrap().items;
    let of_claims = events.into_iter().filter(|event| event.reason.as_deref() == Some("ClaimNotSigned"));
    let about = of_claims.filter_map(|event| {
        // One event that is told again is the same object, with a count.
        assert!(event.series.is_none(), "{event:?}");
        event.regarding
    });
    about.map(|about| (about.kind.unwrap(), about.name.unwrap())).collect()
}

fn recorder(tenant: &Tenant) -> Recorder {
    let reporter = Reporter { controller: "throughput-operator".to_owned(), instance: None };
    Recorder::new(tenant.client.clone(), reporter)
}

async fn uninstall(tenant: &Tenant) -> Result<(), RunError> {
    run::restore(&tenant.client, &common_flags(&tenant.namespace, &[])).await
}

/// The bytes of the stored key.
async fn stored_key(tenant: &Tenant) -> Option<Vec<u8>> {
    let secrets: Api<Secret> = tenant.api();
    let secret = secrets.get_opt("throughput-operator-key").await.unwrap()?;
    Some(secret.data?["key"].0.clone())
}

#[tokio::test]
async fn by_a_forged_claim_nothing_is_scaled_and_people_are_told_once() {
    let tenant = Tenant::new().await;
    let found = As::AppliedWithReplicas.create(&tenant, "worker").await;
    let lease = forge(&tenant, &found).await;
    let (recorder, mut remembered) = (recorder(&tenant), Told::default());
    for _ in 0..3 {
        orphans::restore(&tenant.client, &key(), &tenant.namespace).await.unwrap();
        orphans::tell(&tenant.client, &key(), &recorder, &tenant.namespace, &mut remembered).await.unwrap();
        assert_eq!(Found::look(&tenant, "worker").await, found);
        assert_eq!(names::<Lease>(&tenant).await, std::slice::from_ref(&lease));
    }
    assert_eq!(told(&tenant).await, [("Lease".to_owned(), lease)]);
}

#[tokio::test]
async fn a_test_that_wants_what_a_forged_claim_names_says_what_to_do_and_goes_on_without_it() {
    let tenant = Tenant::new().await;
    let found = As::Created.create(&tenant, "pulp-worker").await;
    let lease = forge(&tenant, &found).await;
    let _operator = Operator::start(&tenant).await;
    tenant.test("run", spec()).await;
    let test = Watched { tenant: &tenant, name: "run" };
    let message = test.until_it_waits_for("ClaimNotSigned").await;
    let told_so = format!(
        "the Lease {lease} claims the Deployment pulp-worker, and this operator did not sign it, so that nothing is put back by it: look at it, set the replicas as they should be, and delete it"
    );
    assert_eq!(message, told_so);
    eventually("an event is about the Lease", async || told(&tenant).await, |told| !told.is_empty()).await;
    assert_eq!(Found::look(&tenant, "pulp-worker").await, found);
    let leases: Api<Lease> = tenant.api();
    leases.delete(&lease, &DeleteParams::default()).await.unwrap();
    // Nothing else is missing but the Service.
    test.until_it_waits_for("ServiceNotFound").await;
}

#[tokio::test]
async fn a_claim_of_which_the_replicas_were_changed_is_not_carried_out() {
    let tenant = Tenant::new().await;
    let left = left(&tenant, "run", Stage::Draining).await;
    let lease = claim::lease_name(&left.found.uid);
    forged(&tenant.api(), &lease, 20, &TokenKey::new(vec![8; 32]).unwrap()).await;
    let _operator = Operator::start(&tenant).await;
    let test = Watched { tenant: &tenant, name: "run" };
    let message =
        test.until_condition(ConditionType::TargetsRestored, ConditionStatus::Unknown, "ClaimLost").await;
    assert!(message.contains(&lease) && message.contains("set its replicas yourself"), "{message}");
    test.delete().await;
    test.until_it_is_gone().await;
    assert_eq!(Found::look(&tenant, &left.found.name).await.spec.replicas, Some(9));
    assert_eq!(names::<Lease>(&tenant).await, [lease]);
}

#[tokio::test]
async fn a_restarted_operator_restores_by_the_key_that_it_made_at_its_first_start() {
    let tenant = Tenant::new().await;
    tenant.delete_key().await;
    let operator = Operator::start(&tenant).await;
    eventually("there is a key", async || stored_key(&tenant).await, Option::is_some).await;
    operator.kill();
    let made = stored_key(&tenant).await.unwrap();
    assert_ne!(made, KEY);
    let left = left(&tenant, "run", Stage::ScalingWorkers).await;
    // As this operator would have claimed it.
    let leases: Api<Lease> = tenant.api();
    let mut lease = leases.get(&claim::lease_name(&left.found.uid)).await.unwrap();
    claim::sign(&TokenKey::new(made.clone()).unwrap(), &mut lease);
    leases.replace(&lease.name_any(), &kube::api::PostParams::default(), &lease).await.unwrap();
    let _operator = Operator::start_again(&tenant);
    let test = Watched { tenant: &tenant, name: "run" };
    test.delete().await;
    test.until_it_is_gone().await;
    assert_eq!(Found::look(&tenant, &left.found.name).await, left.found);
    assert_eq!(stored_key(&tenant).await, Some(made));
}

#[tokio::test]
async fn a_key_that_is_deleted_while_the_operator_runs_is_stored_again() {
    let tenant = Tenant::new().await;
    tenant.delete_key().await;
    assert!(token_key::restore(&tenant.client, &tenant.namespace, &key()).await.unwrap());
    assert_eq!(stored_key(&tenant).await.as_deref(), Some(KEY.as_slice()));
    let other = TokenKey::new(vec![8; 32]).unwrap();
    assert!(!token_key::restore(&tenant.client, &tenant.namespace, &other).await.unwrap());
    assert_eq!(stored_key(&tenant).await.as_deref(), Some(KEY.as_slice()));
}

#[tokio::test]
async fn before_it_is_uninstalled_without_its_key_the_operator_does_nothing_and_says_so() {
    let tenant = Tenant::new().await;
    let left = left(&tenant, "run", Stage::Draining).await;
    tenant.delete_key().await;
    let refused = uninstall(&tenant).await;
    assert!(matches!(refused, Err(RunError::NotSigned(1))), "{refused:?}");
    assert_eq!(stored_key(&tenant).await, None);
    let test = Watched { tenant: &tenant, name: "run" }.now().await;
    assert_eq!((test.finalizers().len(), test.status.unwrap().verdict), (1, None));
    // With the key of before it is put back.
    tenant.store_key(KEY).await;
    uninstall(&tenant).await.unwrap();
    assert_eq!(Found::look(&tenant, &left.found.name).await, left.found);
}

#[tokio::test]
async fn without_a_claim_it_is_uninstalled_without_a_key_and_makes_none() {
    let tenant = Tenant::new().await;
    tenant.delete_key().await;
    uninstall(&tenant).await.unwrap();
    assert_eq!(stored_key(&tenant).await, None);
}

#[tokio::test]
async fn before_it_is_uninstalled_what_it_claimed_is_put_back_and_what_is_forged_is_told() {
    let tenant = Tenant::new().await;
    let left = left(&tenant, "run", Stage::Draining).await;
    let found = As::AppliedWithReplicas.create(&tenant, "content").await;
    let lease = forge(&tenant, &found).await;
    let refused = uninstall(&tenant).await;
    assert!(matches!(refused, Err(RunError::NotSigned(1))), "{refused:?}");
    assert_eq!(Found::look(&tenant, &left.found.name).await, left.found);
    assert_eq!(Found::look(&tenant, "content").await, found);
    assert_eq!(names::<Lease>(&tenant).await, [lease]);
    let status = Watched { tenant: &tenant, name: "run" }.now().await.status.unwrap();
    assert_eq!(status.verdict, Some(Verdict::Aborted));
    assert_eq!(condition(&status, ConditionType::TargetsRestored), Some((ConditionStatus::True, "AsFound")));
}
