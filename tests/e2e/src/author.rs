//! Somebody who may create tests, and may neither read Secrets nor create pods.

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::{Cluster, NAMESPACE};

/// The author's name.
const NAME: &str = "e2e-author";

/// What the author may do, and nothing else.
const RIGHTS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: e2e-author}
rules:
  - apiGroups: [perf.pulpproject.org]
    resources: [throughputtests]
    verbs: [get, list, watch, create, update, patch, delete]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: e2e-author}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: e2e-author}
subjects:
  - {apiGroup: rbac.authorization.k8s.io, kind: User, name: e2e-author}
";

impl Cluster {
    /// The same cluster, as its author of tests sees it.
    pub async fn as_author(&self) -> Self {
        self.kubectl(&["apply", "--namespace", NAMESPACE, "--filename", "-"], RIGHTS)
            .await
            .expect("give the author his rights");
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).expect("read the cluster's kubeconfig");
        let options = KubeConfigOptions::default();
        let mut config =
            Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("a usable kubeconfig");
        config.auth_info.impersonate = Some(NAME.to_owned());
        Self { client: Client::try_from(config).expect("a client"), ..self.clone() }
    }
}
