//! The Deployments that a plan scales.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};

use crate::claim::{Claimant, holder};
use crate::deadline::{RequestError, within};
use crate::observed::Target;
use crate::plan::Plan;

pub(super) async fn look(
    client: &Client,
    claimant: &Claimant,
    plan: &Plan,
) -> Result<Vec<Target>, RequestError> {
    let autoscalers: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), &claimant.namespace);
    let autoscalers = within("list autoscalers", autoscalers.list(&ListParams::default())).await?.items;
    let mut targets = Vec::new();
    for entry in &plan.scale {
        targets.push(look_at(client, claimant, &entry.deployment, &autoscalers).await?);
    }
    Ok(targets)
}

async fn look_at(
    client: &Client,
    claimant: &Claimant,
    name: &str,
    autoscalers: &[HorizontalPodAutoscaler],
) -> Result<Target, RequestError> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &claimant.namespace);
    let Some(deployment) = within("read a target", deployments.get_opt(name)).await? else {
        return Ok(Target::Missing);
    };
    let scales_it = |autoscaler: &&HorizontalPodAutoscaler| {
        autoscaler
            .spec
            .as_ref()
            .map(|spec| &spec.scale_target_ref)
            .is_some_and(|target| target.kind == "Deployment" && target.name == name)
    };
    if let Some(autoscaler) = autoscalers.iter().find(scales_it) {
        return Ok(Target::Autoscaled { autoscaler: autoscaler.name_any() });
    }
    let uid = deployment.uid().unwrap_or_default();
    let count = |replicas: Option<i32>| u32::try_from(replicas.unwrap_or_default()).unwrap_or_default();
    Ok(Target::Present {
        replicas: count(deployment.spec.as_ref().map(|spec| spec.replicas.unwrap_or(1))),
        ready: count(deployment.status.as_ref().and_then(|status| status.ready_replicas)),
        holder: holder(client, claimant, &uid).await?,
    })
}
