//! The leader Lease: never two operators at work.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use kube::client::Body;
use serde_json::json;
use throughput_api_tests::Tenant;
use throughput_api_tests::interrupted::{self, Cut};
use throughput_controller::objects::lead::Lead;
use throughput_controller::process::leader::Candidate;
use throughput_controller::process::run::RunError;
use throughput_core::decide::Action;
use throughput_test_support::wait::eventually;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::actions::{act, claim, facts, scale};
use crate::crashed::left_claiming_two;
use crate::found::Found;
use crate::operator as whole;
use crate::watched::names;

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

    async fn lead(&self) -> Lead {
        self.candidate.lead(&self.stop).await.unwrap()
    }

    fn keep(&self, lead: Lead) -> JoinHandle<()> {
        let (candidate, stop, work) = (self.candidate.clone(), self.stop.clone(), self.work.clone());
        tokio::spawn(async move { candidate.keep(&lead, &stop, &work).await })
    }
}

/// Somebody else writes himself into the Lease.
async fn usurp(tenant: &Tenant) {
    let leases: Api<Lease> = tenant.api();
    let usurped = json!({"spec": {"holderIdentity": "usurper", "renewTime": "2026-01-01T00:00:00.000000Z"}});
    leases.patch("throughput-operator", &PatchParams::default(), &Patch::Merge(usurped)).await.unwrap();
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
    let (leader, lead, follower) = tokio::select! {
        lead = one.lead() => (&one, lead, &other),
        lead = other.lead() => (&other, lead, &one),
    };
    let (kept, waiting) = (leader.keep(lead), follower.candidate.lead(&follower.stop));
    tokio::pin!(waiting);
    // Longer than it takes to look at the Lease again.
    let early = tokio::time::timeout(Duration::from_secs(4), &mut waiting).await;
    assert!(early.is_err(), "two lead");
    leader.stop.cancel();
    kept.await.unwrap();
    assert!(leader.work.is_cancelled());
    leader.candidate.give_up().await;
    let given_up = Instant::now();
    assert!(waiting.await.is_some());
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
    let lead = operator.lead().await;
    let kept = operator.keep(lead.clone());
    usurp(&tenant).await;
    let lost = Instant::now();
    operator.work.cancelled().await;
    assert!(!lead.holds());
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
    let lead = operator.lead().await;
    let created = leases.get("throughput-operator").await.unwrap().spec.unwrap().renew_time;
    let kept = operator.keep(lead);
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
    let lead = operator.lead().await;
    let began = Instant::now();
    operator.keep(lead.clone()).await.unwrap();
    assert!(operator.work.is_cancelled());
    assert!(!lead.holds());
    assert!(began.elapsed() < LEASE_DURATION, "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_operator_that_was_killed_leads_again_at_once_under_the_same_name() {
    let tenant = Tenant::new().await;
    for _ in 0..2 {
        let operator = Operator::new(&tenant, &tenant.client, "one");
        let led = tokio::time::timeout(Duration::from_secs(2), operator.candidate.lead(&operator.stop)).await;
        assert!(led.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_candidate_that_is_told_to_stop_does_not_lead() {
    let tenant = Tenant::new().await;
    let leader = Operator::new(&tenant, &tenant.client, "one");
    let _lead = leader.lead().await;
    let candidate = Operator::new(&tenant, &tenant.client, "other");
    candidate.stop.cancel();
    assert!(candidate.candidate.lead(&candidate.stop).await.is_none());
}

#[tokio::test]
async fn a_leader_that_was_stopped_for_too_long_changes_nothing_though_nobody_has_told_it() {
    let tenant = Tenant::new().await;
    tenant.deployment("worker", 3).await;
    let lead = Operator::new(&tenant, &tenant.client, "one").lead().await;
    let client = lead.fenced(&tenant.client);
    let facts = facts(&tenant, "run");
    act(&client, &facts, &[claim(&["worker"])]).await.unwrap();
    // It renews nothing, as a process that is stopped.
    tokio::time::sleep(lead.left()).await;
    let error = act(&client, &facts, &[scale("worker", 9)]).await.unwrap_err().to_string();
    assert!(error.contains("this operator does not lead any more, and changes nothing"), "{error}");
    assert_eq!(Found::look(&tenant, "worker").await.spec.replicas, Some(3));
    let error = act(&client, &facts, &[Action::Restore]).await.unwrap_err().to_string();
    assert!(error.contains("this operator does not lead any more, and changes nothing"), "{error}");
    assert_eq!(names::<Lease>(&tenant).await.len(), 1);
}

#[tokio::test]
async fn a_look_in_whose_middle_the_lead_is_lost_does_nothing_more() {
    let tenant = Tenant::new().await;
    tenant.grant().await;
    left_claiming_two(&tenant, "run").await;
    // Claims are then all that it creates of this kind.
    let _: Lease = tenant.create(json!({"metadata": {"name": "throughput-operator"}, "spec": {}})).await;
    // The first of two claims is made, and the operator hears of it only after it has lost the lead.
    let claims = |request: &http::Request<Body>| {
        request.method() == http::Method::POST && request.uri().path().ends_with("/leases")
    };
    let held = interrupted::held(claims);
    let operator = whole::Operator::start_through(&tenant, |client| held.client(client));
    held.reached().await;
    usurp(&tenant).await;
    let closed = async || TcpStream::connect(operator.collector()).await.is_err();
    eventually("the operator knows that it has lost the lead", closed, |closed| *closed).await;
    held.release();
    let ended = operator.ended().await;
    assert!(matches!(ended, Err(RunError::LeadLost)), "{ended:?}");
    assert_eq!(names::<Lease>(&tenant).await.len(), 1, "a second claim was made");
}
