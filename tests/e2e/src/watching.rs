//! A namespace of its own for pods that are watched, and a source that watches them with the rights that the chart gives.

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use throughput_test_support::program;

use crate::Cluster;

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
        let rights = rights(&cluster.in_namespace(namespace), values).await;
        let ground = Self { cluster: cluster.in_new_namespace(namespace, &json!({})).await, rights };
        ground.remove_rights().await;
        let account: ServiceAccount = serde_json::from_value(json!({"metadata": {"name": ACCOUNT}})).unwrap();
        ground.cluster.api().create(&PostParams::default(), &account).await.unwrap();
        ground.cluster.kubectl(&["apply", "--filename", "-"], &ground.rights).await.unwrap();
        ground
    }

    /// Removes the namespace and the rights.
    pub async fn clear(&self) {
        self.remove_rights().await;
        self.cluster.remove_namespace().await;
    }

    async fn remove_rights(&self) {
        let remove = ["delete", "--ignore-not-found", "--filename", "-"];
        self.cluster.kubectl(&remove, &self.rights).await.unwrap();
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

    /// Starts a pod that runs this in Python, with these resources.
    pub async fn python(&self, name: &str, script: &str, resources: &Value) {
        let image = self.cluster.pulps_image().await;
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
    let account = format!("serviceAccount.create=false,serviceAccount.name={ACCOUNT}");
    let templates = ["templates/rbac-tests.yaml", "templates/rbac-nodes.yaml"];
    let values = [&[account.as_str()], values].concat();
    program::rendered((RELEASE, &cluster.namespace), &templates, &values).await.unwrap()
}
