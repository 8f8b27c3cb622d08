//! A run of the real operator that scales something to nine and is deleted: what it leaves, and what it tells.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use throughput_api_tests::{Tenant, spec};
use throughput_crds::{ConditionStatus, ConditionType, Stage, ThroughputTest};
use throughput_test_support::wait::eventually;

use crate::controllers::until_ready;
use crate::kinds::Kind;
use crate::operator::Operator;
use crate::watched::{Watched, names};

/// All that the chart can grant besides its defaults.
pub(crate) const ALL_RIGHTS: [&str; 4] =
    ["scale.statefulSets=true", "scale.pulp=true", "scale.clowdApp=true", "scale.keda=true"];

/// An object as somebody who compares would look at it: what it shall be, and who says so.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    uid: Option<String>,
    spec: Value,
    annotations: std::collections::BTreeMap<String, String>,
    /// Without those of the status, which controllers write when they like.
    managed_fields: Vec<ManagedFieldsEntry>,
}

impl Found {
    pub(crate) async fn look(tenant: &Tenant, kind: Kind, name: &str) -> Self {
        let object = kind.of(tenant).get(name).await.unwrap();
        let mut managed_fields = object.managed_fields().to_vec();
        managed_fields.retain(|entry| entry.subresource.as_deref() != Some("status"));
        Self {
            uid: object.uid(),
            annotations: object.annotations().clone(),
            spec: object.data["spec"].clone(),
            managed_fields,
        }
    }
}

/// Several objects as they were found; then waits until the times in managed fields, which are whole
/// seconds, would show that something was written.
pub(crate) async fn found(tenant: &Tenant, objects: &[(Kind, &str)]) -> Vec<Found> {
    let mut all = Vec::new();
    for (kind, name) in objects {
        all.push(Found::look(tenant, *kind, name).await);
    }
    let written = jiff::Timestamp::now().as_second();
    eventually("the next second", async || jiff::Timestamp::now().as_second(), |now| *now > written).await;
    all
}

/// A spec that scales this to nine.
pub(crate) fn spec_for(kind: Kind, name: &str) -> Value {
    let mut spec = spec();
    spec["scale"][0]["ref"]["kind"] = kind.2.into();
    spec["scale"][0]["ref"]["name"] = name.into();
    spec["matrix"] = json!([{"name": "workers", "of": "Scale", "values": [9]}]);
    spec
}

/// Lets an operator claim the target and scale it to nine, checks what is announced, deletes the test, and
/// checks that target and owner are as they were found.
pub(crate) async fn leaves_as_found(
    tenant: &Tenant,
    (kind, name): (Kind, &str),
    owner: Option<(Kind, &str)>,
    announced: Option<&str>,
) {
    let objects: Vec<(Kind, &str)> = [Some((kind, name)), owner].into_iter().flatten().collect();
    let before = found(tenant, &objects).await;
    let operator = claims(tenant, spec_for(kind, name), announced).await;
    let test = Watched { tenant, name: "run" };
    // There is no Pulp here that would say that its queue is empty.
    write_stage(tenant, Stage::ScalingWorkers).await;
    until_ready(tenant, kind, name, 9).await;
    let ready = format!("the {} {name} has 9 of 9 replicas ready", kind.2);
    test.until("the operator sees it", |status| {
        status.conditions.iter().any(|condition| {
            (condition.type_, condition.status) == (ConditionType::Running, ConditionStatus::True)
                && condition.message.contains(&ready)
        })
    })
    .await;
    test.delete().await;
    test.until_it_is_gone().await;
    operator.stop().await.unwrap();
    assert_eq!(names::<Lease>(tenant).await, Vec::<String>::new());
    assert_eq!(found(tenant, &objects).await, before);
}

/// Lets an operator with all rights claim what a test of this spec scales, and checks what is announced.
pub(crate) async fn claims(tenant: &Tenant, spec: Value, announced: Option<&str>) -> Operator {
    tenant.test("run", spec).await;
    write_stage(tenant, Stage::Claiming).await;
    tenant.grant_with(&ALL_RIGHTS).await;
    let operator = Operator::start_again(tenant);
    let test = Watched { tenant, name: "run" };
    // What comes next may be over before anybody looks.
    test.until("everything is claimed", |status| status.started_at.is_some()).await;
    eventually(
        "owners are announced",
        async || notes(tenant).await,
        |notes| notes.iter().map(String::as_str).eq(announced),
    )
    .await;
    operator
}

/// Puts the test into this stage.
pub(crate) async fn write_stage(tenant: &Tenant, stage: Stage) {
    let tests: Api<ThroughputTest> = tenant.api();
    let timeline = json!([{"stage": stage, "since": jiff::Timestamp::now()}]);
    let current = json!({"cell": 0, "attempt": 1, "stage": stage, "timeline": timeline});
    let status = json!({"status": {"cells": {"total": 1, "finished": 0}, "current": current}});
    tests.patch_status("run", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
}

/// What events say about owners.
async fn notes(tenant: &Tenant) -> Vec<String> {
    let events: Api<Event> = tenant.api();
    let events = events.list(&ListParams::default()).await.unwrap().items;
    events
        .into_iter()
        .filter(|event| event.reason.as_deref() == Some("OwnerRecognised"))
        .filter_map(|event| event.note)
        .collect()
}

/// Lets an operator with all rights look at a test of this target, until it waits for this reason; the
/// message that says why.
pub(crate) async fn waits_for(tenant: &Tenant, (kind, name): (Kind, &str), reason: &str) -> String {
    tenant.grant_with(&ALL_RIGHTS).await;
    waits_with_its_rights_for(tenant, (kind, name), reason).await
}

/// The same, with the rights that it has.
pub(crate) async fn waits_with_its_rights_for(
    tenant: &Tenant,
    (kind, name): (Kind, &str),
    reason: &str,
) -> String {
    tenant.test("run", spec_for(kind, name)).await;
    let _operator = Operator::start_again(tenant);
    let message = Watched { tenant, name: "run" }.until_it_waits_for(reason).await;
    assert_eq!(names::<Lease>(tenant).await, Vec::<String>::new());
    message
}
