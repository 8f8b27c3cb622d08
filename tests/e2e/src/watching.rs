//! A namespace of its own for pods that are watched, and a source that watches them with the rights that the chart gives.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{Api, DeleteParams, PostParams};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use throughput_sources::recording::Recording;
use throughput_sources::source::{Settled, Source, Window};
use throughput_test_support::program;
use throughput_test_support::spec::WORKERS;

use crate::{Cluster, NAMESPACE};

/// The account that has the operator's rights there.
const ACCOUNT: &str = "watcher";
/// The release that the rights are rendered for.
const RELEASE: &str = "watching";

/// A namespace for pods that are watched.
pub struct Ground {
    /// The cluster, working in it.
    pub cluster: Cluster,
    rights: String,
}

impl Ground {
    /// Makes the namespace, after removing what an earlier run left of it, and gives an account in it the operator's
    /// rights: those of the chart with these values.
    pub async fn prepare(cluster: &Cluster, namespace: &str, values: &[&str]) -> Self {
        let cluster = cluster.in_namespace(namespace);
        let rights = rights(&cluster, values).await;
        let ground = Self { cluster, rights };
        ground.clear().await;
        let create = json!({"metadata": {"name": namespace}});
        let create: Namespace = serde_json::from_value(create).unwrap();
        let namespaces: Api<Namespace> = Api::all(ground.cluster.client.clone());
        namespaces.create(&PostParams::default(), &create).await.unwrap();
        let account: ServiceAccount = serde_json::from_value(json!({"metadata": {"name": ACCOUNT}})).unwrap();
        ground.cluster.api().create(&PostParams::default(), &account).await.unwrap();
        ground.cluster.kubectl(&["apply", "--filename", "-"], &ground.rights).await.unwrap();
        ground
    }

    /// Removes the namespace and the rights.
    pub async fn clear(&self) {
        let remove = ["delete", "--ignore-not-found", "--filename", "-"];
        self.cluster.kubectl(&remove, &self.rights).await.unwrap();
        let namespaces: Api<Namespace> = Api::all(self.cluster.client.clone());
        let name = self.cluster.namespace.as_str();
        if namespaces.delete(name, &DeleteParams::default()).await.is_ok() {
            self.cluster
                .until("the namespace is gone", Duration::from_mins(2), || async {
                    namespaces.get_opt(name).await.ok().flatten().is_none().then_some(())
                })
                .await;
        }
    }

    /// How the API server is reached with the operator's rights.
    pub async fn account(&self) -> Config {
        let accounts: Api<ServiceAccount> = self.cluster.api();
        let request = TokenRequest {
            spec: TokenRequestSpec { expiration_seconds: Some(3600), ..TokenRequestSpec::default() },
            ..TokenRequest::default()
        };
        let token = accounts.create_token_request(ACCOUNT, &PostParams::default(), &request).await.unwrap();
        let token = token.status.unwrap().token;
        let mut kubeconfig = Kubeconfig::read_from(&self.cluster.kubeconfig).unwrap();
        let account: AuthInfo = serde_json::from_value(json!({"token": token})).unwrap();
        for user in &mut kubeconfig.auth_infos {
            user.auth_info = Some(account.clone());
        }
        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap()
    }

    /// A client with the operator's rights.
    pub async fn client(&self) -> Client {
        Client::try_from(self.account().await).unwrap()
    }

    /// Starts a pod that runs this in Python, with these resources. The node has no registry: it is Pulp's own image,
    /// which is there already.
    pub async fn python(&self, name: &str, script: &str, resources: &Value) {
        let workers: Api<Deployment> = Api::namespaced(self.cluster.client.clone(), NAMESPACE);
        let pods = workers.get(WORKERS).await.unwrap().spec.unwrap().template.spec;
        let image = pods.unwrap().containers.remove(0).image.unwrap();
        let pod = json!({
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "automountServiceAccountToken": false,
                "containers": [{
                    "name": "main",
                    "image": image,
                    "imagePullPolicy": "Never",
                    "command": ["python3", "-c", script],
                    "resources": resources,
                }],
            },
        });
        let pods: Api<k8s_openapi::api::core::v1::Pod> = self.cluster.api();
        pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    }
}

/// The chart's rights for this namespace, given to the account there.
async fn rights(cluster: &Cluster, values: &[&str]) -> String {
    let chart = program::chart();
    let account = format!("serviceAccount.create=false,serviceAccount.name={ACCOUNT}");
    let images = "image.repository=localhost/a,loadgen.image.repository=localhost/b";
    let mut arguments = vec!["template", RELEASE, chart.to_str().unwrap(), "--namespace", &cluster.namespace];
    arguments.extend(["--set", &account, "--set", images]);
    arguments.extend(values.iter().flat_map(|value| ["--set", value]));
    arguments.extend([
        "--show-only",
        "templates/rbac-tests.yaml",
        "--show-only",
        "templates/rbac-nodes.yaml",
    ]);
    cluster.helm(&arguments).await.unwrap()
}

/// Settles a source as the operator does: again and again until it is complete.
pub async fn settle(source: &mut dyn Source, recording: &mut Recording) {
    let window = Window { start: recording.base(), end: Timestamp::now() };
    loop {
        match source.settle(window, recording).await.unwrap() {
            Settled::Complete => return,
            Settled::Again(after) => tokio::time::sleep(after).await,
        }
    }
}
