//! Small controllers that do to replicas what the real ones do, and the kubelet's part: what shall be there is
//! ready.

use kube::ResourceExt;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use throughput_api_tests::{Tenant, deployment};
use throughput_test_support::wait::eventually;
use tokio::runtime::Runtime;

use crate::kinds::{CLOWD_APP, DEPLOYMENT, Kind, PULP, SCALED_OBJECT, STATEFUL_SET};

const PAUSED_REPLICAS: &str = "autoscaling.keda.sh/paused-replicas";
const COMPONENTS: [&str; 3] = ["api", "content", "worker"];

/// Controllers of a namespace, at work until this is dropped.
pub(crate) struct Controllers {
    runtime: Option<Runtime>,
}

impl Drop for Controllers {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Starts this one's work besides the kubelet's, over and over.
fn start<F>(tenant: &Tenant, once: impl Fn(Tenant) -> F + Send + Sync + 'static) -> Controllers
where
    F: Future<Output = Result<(), kube::Error>> + Send,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let namespace = tenant.namespace.clone();
    runtime.spawn(async move {
        // A client belongs to the runtime that it is made in.
        let client = Tenant::another_client();
        loop {
            // Whoever was faster: the next round sees it.
            let _ = once(Tenant { client: client.clone(), namespace: namespace.clone() }).await;
            let _ = become_ready(&Tenant { client: client.clone(), namespace: namespace.clone() }).await;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    Controllers { runtime: Some(runtime) }
}

/// Nobody but the kubelet.
pub(crate) fn nobody(tenant: &Tenant) -> Controllers {
    start(tenant, async |_| Ok(()))
}

/// pulp-operator: each Deployment has the replicas that the `Pulp` says.
pub(crate) fn pulp_operator(tenant: &Tenant) -> Controllers {
    start(tenant, |tenant| async move {
        for pulp in PULP.of(&tenant).list(&ListParams::default()).await?.items {
            let spec = &pulp.data["spec"];
            for component in COMPONENTS.into_iter().filter(|_| spec["unmanaged"] != true) {
                let wanted = spec[component]["replicas"].as_i64().unwrap_or(1);
                insist(&tenant, PULP, &pulp, component, wanted).await?;
            }
        }
        Ok(())
    })
}

/// Clowder: each Deployment has the replicas that its entry says.
pub(crate) fn clowder(tenant: &Tenant) -> Controllers {
    start(tenant, |tenant| async move {
        for app in CLOWD_APP.of(&tenant).list(&ListParams::default()).await?.items {
            for entry in app.data["spec"]["deployments"].as_array().into_iter().flatten() {
                let wanted = entry["replicas"].as_i64().or(entry["minReplicas"].as_i64()).unwrap_or(1);
                insist(&tenant, CLOWD_APP, &app, entry["name"].as_str().unwrap(), wanted).await?;
            }
        }
        Ok(())
    })
}

/// Makes the Deployment of a part of this object, or writes its replicas where they are others.
async fn insist(
    tenant: &Tenant,
    kind: Kind,
    owner: &DynamicObject,
    part: &str,
    replicas: i64,
) -> Result<(), kube::Error> {
    let name = format!("{}-{part}", owner.name_any());
    let deployments = DEPLOYMENT.of(tenant);
    let params = PostParams { field_manager: Some("manager".to_owned()), ..PostParams::default() };
    let Some(mut found) = deployments.get_opt(&name).await? else {
        let mut made = deployment(&name, i32::try_from(replicas).ok());
        let Kind(group, version, owner_kind, _) = kind;
        made["metadata"]["ownerReferences"] = json!([{
            "apiVersion": format!("{group}/{version}"),
            "kind": owner_kind,
            "name": owner.name_any(),
            "uid": owner.uid().unwrap(),
            "controller": true,
        }]);
        deployments.create(&params, &serde_json::from_value(made).unwrap()).await?;
        return Ok(());
    };
    if found.data["spec"]["replicas"] != replicas {
        found.data["spec"]["replicas"] = replicas.into();
        deployments.replace(&name, &params, &found).await?;
    }
    Ok(())
}

/// KEDA: while a `ScaledObject` is paused at a number, its target has it; otherwise an autoscaler raises the
/// target to the minimum.
pub(crate) fn keda(tenant: &Tenant) -> Controllers {
    start(tenant, |tenant| async move {
        for scaled_object in SCALED_OBJECT.of(&tenant).list(&ListParams::default()).await?.items {
            hold_or_autoscale(&tenant, &scaled_object).await?;
        }
        Ok(())
    })
}

async fn hold_or_autoscale(tenant: &Tenant, scaled_object: &DynamicObject) -> Result<(), kube::Error> {
    let spec = &scaled_object.data["spec"];
    let target = spec["scaleTargetRef"]["name"].as_str().unwrap();
    let autoscaler = format!("keda-hpa-{}", scaled_object.name_any());
    let autoscalers: Api<k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler> = tenant.api();
    let replicas = DEPLOYMENT.of(tenant).get(target).await?.data["spec"]["replicas"].as_i64().unwrap();
    let paused = scaled_object.annotations().get(PAUSED_REPLICAS).and_then(|number| number.parse().ok());
    if let Some(paused) = paused {
        if autoscalers.get_opt(&autoscaler).await?.is_some() {
            autoscalers.delete(&autoscaler, &DeleteParams::default()).await?;
        }
        return if replicas == paused { Ok(()) } else { scale(tenant, target, "keda", paused).await };
    }
    if autoscalers.get_opt(&autoscaler).await?.is_none() {
        let made = json!({
            "metadata": {"name": autoscaler, "ownerReferences": [{
                "apiVersion": "keda.sh/v1alpha1",
                "kind": "ScaledObject",
                "name": scaled_object.name_any(),
                "uid": scaled_object.uid().unwrap(),
                "controller": true,
            }]},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
                "minReplicas": spec["minReplicaCount"],
                "maxReplicas": 100,
            },
        });
        autoscalers.create(&PostParams::default(), &serde_json::from_value(made).unwrap()).await?;
    }
    match spec["minReplicaCount"].as_i64() {
        Some(least) if replicas < least => scale(tenant, target, "kube-controller-manager", least).await,
        _ => Ok(()),
    }
}

async fn scale(tenant: &Tenant, target: &str, manager: &str, replicas: i64) -> Result<(), kube::Error> {
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    let patch = json!({"spec": {"replicas": replicas}});
    DEPLOYMENT.of(tenant).patch_scale(target, &params, &Patch::Merge(&patch)).await.map(drop)
}

/// The kubelet's part.
async fn become_ready(tenant: &Tenant) -> Result<(), kube::Error> {
    let params =
        PatchParams { field_manager: Some("kube-controller-manager".to_owned()), ..PatchParams::default() };
    for kind in [DEPLOYMENT, STATEFUL_SET] {
        for target in kind.of(tenant).list(&ListParams::default()).await?.items {
            let wanted = &target.data["spec"]["replicas"];
            if target.data["status"]["readyReplicas"].as_i64().unwrap_or_default()
                != wanted.as_i64().unwrap_or(1)
            {
                let status = json!({"status": {"replicas": wanted, "readyReplicas": wanted}});
                kind.of(tenant).patch_status(&target.name_any(), &params, &Patch::Merge(&status)).await?;
            }
        }
    }
    Ok(())
}

/// Waits until a target has as many replicas, all of them ready.
pub(crate) async fn until_ready(tenant: &Tenant, kind: Kind, name: &str, replicas: i64) {
    let look = async || {
        let found = kind.of(tenant).get_opt(name).await.unwrap();
        found.map(|found| {
            let count = |value: &Value| value.as_i64().unwrap_or_default();
            (count(&found.data["spec"]["replicas"]), count(&found.data["status"]["readyReplicas"]))
        })
    };
    let what = format!("{name} has {replicas} replicas, and they are ready");
    eventually(&what, look, |seen| *seen == Some((replicas, replicas))).await;
}
