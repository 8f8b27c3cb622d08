//! The generators' own `ConfigMap`s.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use reqwest::{Method, StatusCode};
use serde_json::json;
use throughput_core::decide::Action;
use throughput_model::cell::CellAddress;
use throughput_model::protocol;
use throughput_model::pulp_load::PulpLoad;
use throughput_test_support::wait::eventually;

use crate::actions::{act, key, plan, start_attempt};
use crate::collecting::{GENERATOR, Served, delivered, registration, result_of};

#[tokio::test]
async fn the_results_of_64_generators_find_room() {
    let served = Served::at("Dispatching").await;
    // No two latencies alike: all 64 together have far more than the mebibyte of one ConfigMap.
    let mut load = PulpLoad::default();
    for number in 0..200_000_u32 {
        load.requests.latency.record(Duration::from_micros(500) * number);
    }
    load.requests.failed_latency = load.requests.latency.clone();
    let body = serde_json::to_vec(&result_of(load)).unwrap();
    assert!(64 * body.len() > 1 << 20, "{} bytes", body.len());
    for index in 0..64 {
        let token = key().token(&served.address, index);
        let prefix = protocol::prefix(&served.tenant.namespace, &served.facts.name, &served.address, index);
        let path = format!("{prefix}/result");
        let answer = served.send(Method::PUT, &path, Some(&token), Some(body.clone())).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{index}: {answer:?}");
    }
}

#[tokio::test]
async fn a_name_that_another_object_has_is_refused_and_the_object_left_alone() {
    let served = Served::at("StartingGenerators").await;
    let theirs = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": GENERATOR}, "data": {"their": "words"}});
    let theirs: ConfigMap = served.tenant.create(theirs).await;
    let answer = served.register("one").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(
        answer.body.contains(&format!("the ConfigMap {GENERATOR} exists and does not belong")),
        "{answer:?}"
    );
    served.stands_at("Dispatching");
    assert_eq!(served.deliver(&delivered()).await.status, StatusCode::CONFLICT);
    assert_eq!(served.tenant.api::<ConfigMap>().get(GENERATOR).await.unwrap(), theirs);
}

#[tokio::test]
async fn what_generators_stored_outlives_their_job_until_the_next_cell_starts_or_all_is_put_back() {
    let served = Served::at("Dispatching").await;
    let (client, facts) = (&served.tenant.client, &served.facts);
    served.deliver(&delivered()).await;
    let delete = Action::DeleteGenerators { address: served.address.clone() };
    act(client, facts, &[delete]).await.unwrap();
    assert_eq!(served.stored("result.json").await, Some(json!(delivered())), "it may have to be read again");
    let plan = plan(&served.tenant);
    act(client, facts, &[start_attempt(&plan, &served.address)]).await.unwrap();
    assert!(served.stored("result.json").await.is_some(), "starting the same attempt again");
    let next = CellAddress { attempt: 2, ..served.address.clone() };
    act(client, facts, &[start_attempt(&plan, &next)]).await.unwrap();
    assert_eq!(served.stored("result.json").await, None);
    served.deliver(&delivered()).await;
    act(client, facts, &[Action::Restore]).await.unwrap();
    assert_eq!(served.stored("result.json").await, None);
}

#[tokio::test]
async fn a_registration_that_somebody_else_wrote_keeps_no_generator_from_its_index() {
    let served = Served::at("StartingGenerators").await;
    served.register("one").await;
    let maps: Api<ConfigMap> = served.tenant.api();
    let forged = json!({"podName": "forged", "podUid": "uid-of-forged", "version": "0.1.0"}).to_string();
    let forged = Patch::Merge(json!({"data": {"registration.json": forged}}));
    maps.patch(GENERATOR, &PatchParams::default(), &forged).await.unwrap();
    assert_eq!(served.register("one").await.status, StatusCode::NO_CONTENT);
    assert_eq!(served.stored("registration.json").await, Some(json!(registration("one"))));
}

#[tokio::test]
async fn a_result_finds_a_place_though_somebody_deleted_what_was_stored() {
    let served = Served::at("StartingGenerators").await;
    served.register("one").await;
    served.stands_at("Dispatching");
    let maps: Api<ConfigMap> = served.tenant.api();
    for name in ["run-cell-0-attempt-1", GENERATOR] {
        maps.delete(name, &DeleteParams::default()).await.unwrap();
        eventually("it is gone", async || maps.get_opt(name).await.unwrap(), Option::is_none).await;
    }
    assert_eq!(served.deliver(&delivered()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(served.stored("result.json").await, Some(json!(delivered())));
}
