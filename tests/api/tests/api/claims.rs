//! Claims: one test at a time scales a Deployment.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::json;
use throughput_api_tests::Tenant;
use throughput_api_tests::interrupted::{self, Cut};
use throughput_controller::scaling::claim::{self, Claimant};
use throughput_controller::scaling::own_pods::OwnPods;
use throughput_core::decide::Action;
use throughput_core::target::Holder;

use crate::actions::{self, act, facts, key};
use crate::found::{As, Found};

fn claimant(tenant: &Tenant, test: &str) -> Claimant {
    let facts = facts(tenant, test);
    Claimant { namespace: facts.namespace, test: facts.name, test_uid: facts.uid }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn deployments_held(tenant: &Tenant, test: &str) -> Vec<String> {
    let held = claim::held_by(&tenant.client, &key(), &tenant.namespace, &claimant(tenant, test).test_uid)
        .await
        .unwrap();
    held.into_iter().map(|claim| claim.record.target.name).collect()
}

/// Claims at the same time, each from a connection of its own, and returns who got what.
async fn race(tenant: &Tenant, wanted: &[(&str, &[&str])]) -> Vec<bool> {
    let claims = wanted.iter().map(|(test, deployments)| {
        let (client, claimant, targets) =
            (Tenant::another_client(), claimant(tenant, test), actions::targets(deployments));
        tokio::spawn(async move {
            claim::claim_all(&client, &key(), &claimant, &targets, &OwnPods::default()).await.unwrap()
        })
    });
    let claims: Vec<_> = claims.collect();
    futures::future::join_all(claims).await.into_iter().map(Result::unwrap).collect()
}

async fn let_go(tenant: &Tenant, test: &str) {
    act(&tenant.client, &facts(tenant, test), &[Action::Restore]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_claimants_exactly_one_wins() {
    let tenant = Tenant::new().await;
    tenant.deployment("worker", 3).await;
    let tests = ["one", "two", "three", "four"];
    for round in 0..12 {
        let won = race(&tenant, &tests.map(|test| (test, ["worker"].as_slice()))).await;
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "round {round}: {won:?}");
        for (test, won) in tests.iter().zip(won) {
            let expected = if won { vec!["worker"] } else { Vec::new() };
            assert_eq!(deployments_held(&tenant, test).await, expected, "round {round}, {test}");
            let_go(&tenant, test).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_want_the_same_two_one_gets_both_and_the_other_none() {
    let tenant = Tenant::new().await;
    tenant.deployment("api", 3).await;
    tenant.deployment("worker", 3).await;
    for round in 0..12 {
        let won = race(&tenant, &[("one", &["api", "worker"]), ("two", &["worker", "api"])]).await;
        let held = [deployments_held(&tenant, "one").await, deployments_held(&tenant, "two").await];
        let (winner, loser) = if won[0] { (0, 1) } else { (1, 0) };
        assert_eq!((won[winner], won[loser]), (true, false), "round {round}");
        assert_eq!(
            (held[winner].as_slice(), held[loser].len()),
            (names(&["api", "worker"]).as_slice(), 0),
            "round {round}"
        );
        let_go(&tenant, "one").await;
        let_go(&tenant, "two").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_overlap_in_a_ring_do_not_wait_for_each_other() {
    let tenant = Tenant::new().await;
    for name in ["a", "b", "c"] {
        tenant.deployment(name, 1).await;
    }
    for round in 0..8 {
        let won = race(&tenant, &[("one", &["a", "b"]), ("two", &["b", "c"]), ("three", &["c", "a"])]).await;
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "round {round}: {won:?}");
        for test in ["one", "two", "three"] {
            let_go(&tenant, test).await;
        }
    }
}

#[tokio::test]
async fn a_claim_tells_who_holds_it_and_people_see_it_on_the_deployment() {
    let tenant = Tenant::new().await;
    let uid = tenant.deployment("worker", 3).await.uid().unwrap();
    let (one, two) = (claimant(&tenant, "one"), claimant(&tenant, "two"));
    assert_eq!(claim::holder(&tenant.client, &key(), &one, &uid).await.unwrap(), Holder::Nobody);
    assert!(
        claim::claim_all(&tenant.client, &key(), &one, &actions::targets(&["worker"]), &OwnPods::default())
            .await
            .unwrap()
    );
    assert_eq!(claim::holder(&tenant.client, &key(), &one, &uid).await.unwrap(), Holder::This);
    assert_eq!(
        claim::holder(&tenant.client, &key(), &two, &uid).await.unwrap(),
        Holder::Another(one.identity())
    );
    let claimed = Found::look(&tenant, "worker").await;
    assert_eq!(claimed.annotation("perf.pulpproject.org/claimed-by"), Some("ThroughputTest one"));
}

#[tokio::test]
async fn claiming_again_what_one_holds_keeps_what_was_found() {
    let tenant = Tenant::new().await;
    let found = As::AppliedWithReplicas.create(&tenant, "worker").await;
    let claim = [actions::claim(&["worker"])];
    let scale = [actions::scale("worker", 9)];
    let facts = facts(&tenant, "one");
    for actions in [&claim, &scale, &claim] {
        act(&tenant.client, &facts, actions).await.unwrap();
    }
    let_go(&tenant, "one").await;
    assert_eq!(Found::look(&tenant, "worker").await, found);
}

#[tokio::test]
async fn a_deployment_that_does_not_exist_is_not_claimed_and_neither_are_the_others() {
    let tenant = Tenant::new().await;
    tenant.deployment("api", 1).await;
    let claimed = claim::claim_all(
        &tenant.client,
        &key(),
        &claimant(&tenant, "one"),
        &actions::targets(&["api", "worker"]),
        &OwnPods::default(),
    )
    .await;
    assert!(!claimed.unwrap());
    let leases: Api<Lease> = tenant.api();
    assert!(leases.list(&ListParams::default()).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn what_another_test_scaled_is_never_taken_for_what_was_found() {
    let tenant = Tenant::new().await;
    for number in 1.. {
        let name = format!("worker-{number}");
        let found = As::AppliedWithReplicas.create(&tenant, &name).await;
        let first = facts(&tenant, &format!("first-{number}"));
        let claim = actions::claim(&[&name]);
        let scale = actions::scale(&name, 20);
        act(&tenant.client, &first, &[claim, scale]).await.unwrap();
        let (sender, overtaken) = tokio::sync::oneshot::channel();
        let client = tenant.client.clone();
        let second = interrupted::overtaken(&tenant.client, number, move || async move {
            act(&client, &first, &[Action::Restore]).await.unwrap();
            sender.send(()).unwrap();
        });
        let test = format!("second-{number}");
        claim::claim_all(
            &second,
            &key(),
            &claimant(&tenant, &test),
            &actions::targets(&[&name]),
            &OwnPods::default(),
        )
        .await
        .unwrap();
        drop(second);
        let_go(&tenant, &test).await;
        if overtaken.await.is_err() {
            break;
        }
        assert_eq!(
            Found::look(&tenant, &name).await,
            found,
            "the first test let go at request {number} of the second"
        );
    }
}

#[tokio::test]
async fn claiming_can_be_interrupted_anywhere() {
    let tenant = Tenant::new().await;
    for cut in [Cut::BeforeTheRequest, Cut::BeforeTheAnswer] {
        for last in 1.. {
            let name = format!("worker-{last}-{cut:?}").to_lowercase();
            let (one, other) = (format!("{name}-a"), format!("{name}-b"));
            let found = [
                As::AppliedWithReplicas.create(&tenant, &one).await,
                As::ScaledByAnother.create(&tenant, &other).await,
            ];
            let facts = facts(&tenant, &name);
            let claim = [actions::claim(&[&one, &other])];
            let scale = [actions::scale(&one, 9)];
            let interrupted = act(&interrupted::cut_off(&tenant.client, last, cut), &facts, &claim).await;
            for actions in [&claim, &scale, &[Action::Restore]] {
                act(&tenant.client, &facts, actions).await.unwrap();
            }
            let left = [Found::look(&tenant, &one).await, Found::look(&tenant, &other).await];
            assert_eq!(left, found, "interrupted at request {last}, {cut:?}");
            assert_eq!(deployments_held(&tenant, &name).await, Vec::<String>::new());
            if interrupted.is_ok() {
                assert!(last > 4, "nothing was interrupted");
                break;
            }
        }
    }
}

#[tokio::test]
async fn the_operators_own_deployment_is_not_claimed_and_neither_are_the_others() {
    let tenant = Tenant::new().await;
    tenant.deployment("api", 1).await;
    tenant.deployment("operator", 1).await;
    let pod = json!({
        "metadata": {"name": "operator-7d4f-x", "labels": {"app": "operator"}},
        "spec": {"containers": [{"name": "operator", "image": "localhost/none"}]},
    });
    tenant.create::<Pod>(pod).await;
    let own = OwnPods::read(&tenant.client, &tenant.namespace, "operator-7d4f-x").await.unwrap();
    let targets = actions::targets(&["api", "operator"]);
    let claimed = claim::claim_all(&tenant.client, &key(), &claimant(&tenant, "one"), &targets, &own).await;
    assert!(!claimed.unwrap());
    let leases: Api<Lease> = tenant.api();
    assert_eq!(leases.list(&ListParams::default()).await.unwrap().items, []);
    let targets = actions::targets(&["api"]);
    assert!(
        claim::claim_all(&tenant.client, &key(), &claimant(&tenant, "one"), &targets, &own).await.unwrap()
    );
}
