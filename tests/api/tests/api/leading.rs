//! The leader Lease: never two operators at work.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use throughput_api_tests::Tenant;
use throughput_api_tests::interrupted::{self, Cut};
use throughput_controller::process::leader::Candidate;
use throughput_test_support::wait::eventually;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long the Lease holds for others. Everything below has to be quicker.
const LEASE_DURATION: Duration = Duration::from_secs(15);

/// A candidate at work in the background.
struct Operator {
    candidate: Candidate,
    stop: CancellationToken,
    work: CancellationToken,
}

impl Operator {
    fn new(tenant: &Tenant, client: &Client, identity: &str) -> Self {
        let candidate = Candidate::new(client.clone(), &tenant.namespace, identity.to_owned());
        Self { candidate, stop: CancellationToken::new(), work: CancellationToken::new() }
    }

    fn keep(&self) -> JoinHandle<()> {
        let (candidate, stop, work) = (self.candidate.clone(), self.stop.clone(), self.work.clone());
        tokio::spawn(async move { candidate.keep(&stop, &work).await })
    }
}

async fn holder(tenant: &Tenant) -> Option<String> {
    let leases: Api<Lease> = tenant.api();
    leases.get("throughput-operator").await.unwrap().spec.and_then(|spec| spec.holder_identity)
}

#[tokio::test]
async fn of_two_candidates_one_leads_and_the_other_follows_soon_after_it_gives_up() {
    let tenant = Tenant::new().await;
    let one = Operator::new(&tenant, &tenant.client, "one");
    let other = Operator::new(&tenant, &tenant.client, "other");
    let (leader, follower) = tokio::select! {
        true = one.candidate.lead(&one.stop) => (&one, &other),
        true = other.candidate.lead(&other.stop) => (&other, &one),
    };
    let (kept, waiting) = (leader.keep(), follower.candidate.lead(&follower.stop));
    tokio::pin!(waiting);
    // Longer than it takes to look at the Lease again.
    let early = tokio::time::timeout(Duration::from_secs(4), &mut waiting).await;
    assert!(early.is_err(), "two lead");
    leader.stop.cancel();
    kept.await.unwrap();
    assert!(leader.work.is_cancelled());
    leader.candidate.give_up().await;
    let given_up = Instant::now();
    assert!(waiting.await);
    assert!(given_up.elapsed() < LEASE_DURATION / 2, "{:?}", given_up.elapsed());
    assert_eq!(
        holder(&tenant).await,
        Some(if std::ptr::eq(follower, &raw const one) { "one" } else { "other" }.to_owned())
    );
}

#[tokio::test]
async fn a_leader_that_finds_another_in_the_lease_stops_working() {
    let tenant = Tenant::new().await;
    let operator = Operator::new(&tenant, &tenant.client, "one");
    assert!(operator.candidate.lead(&operator.stop).await);
    let kept = operator.keep();
    let leases: Api<Lease> = tenant.api();
    let usurped = json!({"spec": {"holderIdentity": "usurper", "renewTime": "2026-01-01T00:00:00.000000Z"}});
    leases.patch("throughput-operator", &PatchParams::default(), &Patch::Merge(usurped)).await.unwrap();
    let lost = Instant::now();
    operator.work.cancelled().await;
    assert!(lost.elapsed() < LEASE_DURATION / 2, "{:?}", lost.elapsed());
    kept.await.unwrap();
    operator.candidate.give_up().await;
    assert_eq!(holder(&tenant).await.as_deref(), Some("usurper"), "only one's own Lease can be given up");
}

#[tokio::test]
async fn a_leader_whose_lease_is_annotated_while_it_is_renewed_goes_on() {
    let tenant = Tenant::new().await;
    let leases: Api<Lease> = tenant.api();
    let annotated = {
        let leases = leases.clone();
        || async move {
            let note = json!({"metadata": {"annotations": {"note": "here"}}});
            leases.patch("throughput-operator", &PatchParams::default(), &Patch::Merge(note)).await.unwrap();
        }
    };
    // Reading and creating it, and then what is read for the first renewal.
    let client = interrupted::overtaken(&tenant.client, 3, annotated);
    let operator = Operator::new(&tenant, &client, "one");
    assert!(operator.candidate.lead(&operator.stop).await);
    let created = leases.get("throughput-operator").await.unwrap().spec.unwrap().renew_time;
    let kept = operator.keep();
    let renewed = async || leases.get("throughput-operator").await.unwrap().spec.unwrap().renew_time;
    eventually("the Lease is renewed", renewed, |renewed| *renewed != created).await;
    assert!(!operator.work.is_cancelled());
    operator.stop.cancel();
    kept.await.unwrap();
}

#[tokio::test]
async fn a_leader_that_cannot_reach_the_api_server_stops_before_another_may_lead() {
    let tenant = Tenant::new().await;
    // Reading and creating the Lease is all that succeeds.
    let client = interrupted::cut_off(&tenant.client, 3, Cut::BeforeTheRequest);
    let operator = Operator::new(&tenant, &client, "one");
    assert!(operator.candidate.lead(&operator.stop).await);
    let led = Instant::now();
    operator.keep().await.unwrap();
    assert!(operator.work.is_cancelled());
    assert!(led.elapsed() < LEASE_DURATION, "{:?}", led.elapsed());
}

#[tokio::test]
async fn an_operator_that_was_killed_leads_again_at_once_under_the_same_name() {
    let tenant = Tenant::new().await;
    for _ in 0..2 {
        let operator = Operator::new(&tenant, &tenant.client, "one");
        let led = tokio::time::timeout(Duration::from_secs(2), operator.candidate.lead(&operator.stop)).await;
        assert_eq!(led, Ok(true));
    }
}

#[tokio::test]
async fn a_candidate_that_is_told_to_stop_does_not_lead() {
    let tenant = Tenant::new().await;
    let leader = Operator::new(&tenant, &tenant.client, "one");
    assert!(leader.candidate.lead(&leader.stop).await);
    let candidate = Operator::new(&tenant, &tenant.client, "other");
    candidate.stop.cancel();
    assert!(!candidate.candidate.lead(&candidate.stop).await);
}
