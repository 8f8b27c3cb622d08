//! What the nodes of a cluster would do: Deployments have what they shall have, and the pods of Jobs run, as
//! processes of this machine.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Container, PodSpec, Secret, VolumeMount};
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::json;
use throughput_api_tests::Tenant;
use throughput_test_support::daemon::folder;
use tokio::task::JoinHandle;

use crate::process::{Process, Program};

/// How often they look.
const PERIOD: Duration = Duration::from_millis(200);

/// Nodes at work until dropped. The load generators that run on them are killed then.
pub struct Nodes {
    working: JoinHandle<()>,
}

impl Nodes {
    /// Nodes that run this program as the load generator.
    pub fn start(tenant: &Arc<Tenant>, loadgen: Program) -> Self {
        let tenant = tenant.clone();
        let working = tokio::spawn(async move {
            let mut pods: HashMap<String, Vec<Process>> = HashMap::new();
            loop {
                scale(&tenant).await;
                run(&tenant, &loadgen, &mut pods).await;
                tokio::time::sleep(PERIOD).await;
            }
        });
        Self { working }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.working.abort();
    }
}

/// Gives each Deployment the ready replicas that it shall have.
async fn scale(tenant: &Tenant) {
    let deployments: Api<Deployment> = tenant.api();
    for deployment in deployments.list(&ListParams::default()).await.unwrap() {
        let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        if deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or_default() != wanted {
            let status = json!({"status": {"replicas": wanted, "readyReplicas": wanted}});
            let (name, params) = (deployment.name_any(), PatchParams::default());
            deployments.patch_status(&name, &params, &Patch::Merge(status)).await.unwrap();
        }
    }
}

/// Starts the pods of new Jobs, and ends those of Jobs that are gone.
async fn run(tenant: &Tenant, loadgen: &Program, pods: &mut HashMap<String, Vec<Process>>) {
    let jobs: Api<Job> = tenant.api();
    let jobs = jobs.list(&ListParams::default()).await.unwrap().items;
    pods.retain(|uid, _| jobs.iter().any(|job| job.metadata.uid.as_deref() == Some(uid)));
    for job in jobs {
        let uid = job.uid().unwrap();
        if pods.contains_key(&uid) {
            continue;
        }
        let spec = job.spec.as_ref().unwrap();
        let mut started = Vec::new();
        for index in 0..spec.completions.unwrap_or(1) {
            started.push(pod(tenant, loadgen, &job, index).await);
        }
        pods.insert(uid, started);
    }
}

/// Starts the pod of this index: its first container, with the Secrets that it mounts.
async fn pod(tenant: &Tenant, loadgen: &Program, job: &Job, index: i32) -> Process {
    let spec = job.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
    let container = &spec.containers[0];
    let root = folder("pod").unwrap();
    for mount in container.volume_mounts.iter().flatten() {
        mount_secret(tenant, spec, mount, index, &root).await;
    }
    let environment = [
        ("POD_NAME", format!("{}-{index}", job.name_any())),
        ("POD_UID", format!("{}-{index}", job.uid().unwrap())),
        ("JOB_COMPLETION_INDEX", index.to_string()),
    ];
    let arguments = arguments(container, &root);
    loadgen.start("throughput-loadgen", &root, &environment, &arguments).unwrap()
}

/// Writes what of a Secret is mounted: all its items in a folder, or one of them as a file.
async fn mount_secret(tenant: &Tenant, spec: &PodSpec, mount: &VolumeMount, index: i32, root: &Path) {
    let volume = spec.volumes.iter().flatten().find(|known| known.name == mount.name).unwrap();
    let Some(source) = &volume.secret else {
        return;
    };
    let secrets: Api<Secret> = tenant.api();
    let data = secrets.get(source.secret_name.as_deref().unwrap()).await.unwrap().data.unwrap_or_default();
    let target = root.join(mount.mount_path.trim_start_matches('/'));
    let one = mount.sub_path_expr.as_ref().or(mount.sub_path.as_ref());
    let one = one.map(|path| path.replace("$(JOB_COMPLETION_INDEX)", &index.to_string()));
    for item in source.items.iter().flatten() {
        let file = match &one {
            None => target.join(&item.path),
            Some(path) if *path == item.path => target.clone(),
            Some(_) => continue,
        };
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, &data[&item.key].0).unwrap();
    }
}

/// The container's arguments, with its folders where they are on this machine.
fn arguments(container: &Container, root: &Path) -> Vec<String> {
    let mut arguments = container.args.clone().unwrap_or_default();
    let paths = container.volume_mounts.iter().flatten().map(|mount| mount.mount_path.as_str());
    for argument in &mut arguments {
        if let Some((flag, path)) = argument.split_once('=')
            && paths.clone().any(|mounted| path.starts_with(mounted))
        {
            *argument = format!("{flag}={}{path}", root.display());
        }
    }
    arguments
}
