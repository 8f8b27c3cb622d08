//! Rights that the chart has not granted: the test waits, and says which value grants them.

use serde_json::json;

use crate::controllers::{clowder, pulp_operator, until_ready};
use crate::kinds::{CLOWD_APP, DEPLOYMENT, Kind, PULP, STATEFUL_SET, tenant};
use crate::run::{ALL_RIGHTS, waits_with_its_rights_for};

/// All rights but this one.
fn without(value: &str) -> Vec<&'static str> {
    ALL_RIGHTS.into_iter().filter(|given| !given.starts_with(value)).collect()
}

async fn waits_for_the_right(
    tenant: &throughput_api_tests::Tenant,
    target: (Kind, &str),
    value: &str,
) -> String {
    tenant.grant_with(&without(value)).await;
    let message = waits_with_its_rights_for(tenant, target, "NotPermitted").await;
    let remedy = format!(": its administrator sets {value}=true in the chart's values");
    message.strip_suffix(&remedy).unwrap_or_else(|| panic!("{message}")).to_owned()
}

#[tokio::test]
async fn a_pulp_that_may_not_be_changed_is_named() {
    let tenant = tenant().await;
    PULP.create(&tenant, "my", json!({"worker": {"replicas": 2}})).await;
    let _controllers = pulp_operator(&tenant);
    until_ready(&tenant, DEPLOYMENT, "my-worker", 2).await;
    let lacks = waits_for_the_right(&tenant, (DEPLOYMENT, "my-worker"), "scale.pulp").await;
    assert_eq!(
        lacks,
        "the operator has no right to change the Pulp my, which the Deployment my-worker belongs to"
    );
}

#[tokio::test]
async fn a_clowd_app_that_may_not_be_changed_is_named() {
    let tenant = tenant().await;
    CLOWD_APP.create(&tenant, "pulp", json!({"deployments": [{"name": "worker", "replicas": 2}]})).await;
    let _controllers = clowder(&tenant);
    until_ready(&tenant, DEPLOYMENT, "pulp-worker", 2).await;
    let lacks = waits_for_the_right(&tenant, (DEPLOYMENT, "pulp-worker"), "scale.clowdApp").await;
    assert_eq!(
        lacks,
        "the operator has no right to change the ClowdApp pulp, which the Deployment pulp-worker belongs to"
    );
}

#[tokio::test]
async fn where_keda_is_installed_the_operator_has_to_see_what_it_scales() {
    let tenant = tenant().await;
    tenant.deployment("worker", 2).await;
    let lacks = waits_for_the_right(&tenant, (DEPLOYMENT, "worker"), "scale.keda").await;
    assert_eq!(lacks, "the operator has no right to look whether KEDA scales the Deployment worker");
}

#[tokio::test]
async fn stateful_sets_are_scaled_only_where_the_chart_says_so() {
    let tenant = tenant().await;
    let lacks = waits_for_the_right(&tenant, (STATEFUL_SET, "database"), "scale.statefulSets").await;
    assert_eq!(lacks, "the operator has no right to scale StatefulSets");
}
