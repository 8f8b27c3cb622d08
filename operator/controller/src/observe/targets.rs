//! What a plan scales.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use throughput_core::observed::Target;
use throughput_core::plan::Plan;
use throughput_core::target::{Holder, TargetName};

use crate::generators::token::TokenKey;
use crate::objects::deadline::RequestError;
use crate::objects::obstacle::Obstacle;
use crate::objects::pages;
use crate::scaling::claim::{Claim, Claimant, holder};
use crate::scaling::own_pods::OwnPods;
use crate::scaling::owner::{self, keda};
use crate::scaling::scalable;

pub(super) async fn look(
    (client, key): (&Client, &TokenKey),
    claimant: &Claimant,
    plan: &Plan,
    claims: &[Claim],
    own: &OwnPods,
) -> Result<BTreeMap<TargetName, Target>, RequestError> {
    let autoscalers: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), &claimant.namespace);
    let is_wanted = |autoscaler: &HorizontalPodAutoscaler| {
        plan.scale.iter().any(|entry| scales(autoscaler, &entry.target))
    };
    let autoscalers: Vec<HorizontalPodAutoscaler> =
        pages::listed("list autoscalers", &autoscalers, ListParams::default())
            .try_filter(|autoscaler| std::future::ready(is_wanted(autoscaler)))
            .try_collect()
            .await?;
    let mut targets = BTreeMap::new();
    for entry in &plan.scale {
        let seen = look_at((client, key), claimant, &entry.target, (claims, own), &autoscalers).await;
        let target = match seen {
            Ok(target) => target,
            Err(Obstacle::Refused(why)) => Target::Refused(why),
            Err(Obstacle::Request(error)) => return Err(error),
        };
        targets.insert(entry.target.clone(), target);
    }
    Ok(targets)
}

async fn look_at(
    (client, key): (&Client, &TokenKey),
    claimant: &Claimant,
    name: &TargetName,
    (claims, own): (&[Claim], &OwnPods),
    autoscalers: &[HorizontalPodAutoscaler],
) -> Result<Target, Obstacle> {
    let namespace = claimant.namespace.as_str();
    let Some(target) = owner::target(client, namespace, name, own).await? else {
        return Ok(Target::Missing);
    };
    let uid = target.uid().unwrap_or_default();
    // Once it is claimed, the claim says who is told.
    let claimed = claims.iter().find(|claim| claim.record.uid == uid);
    let field = match claimed {
        Some(claim) => claim.record.replicas_field.clone(),
        None => owner::find(client, namespace, name, &target).await?,
    };
    let undoes_it = |autoscaler: &&HorizontalPodAutoscaler| {
        scales(autoscaler, name) && !keda::made(autoscaler, field.as_ref())
    };
    if let Some(autoscaler) = autoscalers.iter().find(undoes_it) {
        return Ok(Target::Autoscaled { autoscaler: autoscaler.name_any() });
    }
    let count = |replicas: i32| u32::try_from(replicas).unwrap_or_default();
    let replicas = count(scalable::wanted_replicas(&target));
    let holder = holder(client, key, claimant, &uid).await?;
    let agreed = match field.filter(|_| holder == Holder::This) {
        None => true,
        Some(field) => owner::told(client, namespace, &field).await? == Some(replicas),
    };
    Ok(Target::Present { replicas, ready: count(scalable::ready_replicas(&target)), holder, agreed })
}

fn scales(autoscaler: &HorizontalPodAutoscaler, name: &TargetName) -> bool {
    autoscaler
        .spec
        .as_ref()
        .map(|spec| &spec.scale_target_ref)
        .is_some_and(|target| target.kind == name.kind.as_str() && target.name == name.name)
}
