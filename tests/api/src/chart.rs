//! What the chart grants the operator, in a test's namespace.

use kube::Client;
use kube::api::{Api, ListParams};
use serde_json::Value;
use throughput_crds::ThroughputTest;

use throughput_test_support::program::rendered;
use throughput_test_support::wait::eventually;
use tokio::sync::OnceCell;

use crate::server;
use crate::tenant::Tenant;

/// Stands for a test's namespace: Helm is asked only once.
const PLACEHOLDER: &str = "placeholder-of-a-namespace";

impl Tenant {
    /// Gives the operator its rights here, as the chart does.
    pub async fn grant(&self) {
        static RENDERED: OnceCell<String> = OnceCell::const_new();
        self.create_rights(RENDERED.get_or_init(|| render_rights(&[])).await).await;
    }

    /// Gives the operator its rights here, as the chart does with these values.
    pub async fn grant_with(&self, values: &[&str]) {
        self.create_rights(&render_rights(values).await).await;
    }

    /// Gives the operator the rights on nodes that the chart gives with these values.
    pub async fn grant_nodes(&self, values: &[&str]) {
        let rendered = render(&["templates/rbac-nodes.yaml"], values).await;
        self.create_all(
            serde_saphyr::from_multiple(&rendered.replace(PLACEHOLDER, &self.namespace)).unwrap(),
        )
        .await;
    }

    async fn create_rights(&self, rendered: &str) {
        self.create_all(objects(&rendered.replace(PLACEHOLDER, &self.namespace))).await;
        // The API server takes a moment to heed new rights.
        let operator = Self { client: self.operators_client(), namespace: self.namespace.clone() };
        let tests: Api<ThroughputTest> = operator.api();
        let may = async || tests.list(&ListParams::default()).await.map(|_| ());
        let _ = eventually("the operator has its rights", may, Result::is_ok).await;
    }

    async fn create_all(&self, objects: Vec<Value>) {
        for object in objects {
            let kind = object["kind"].as_str().unwrap().to_lowercase();
            let within = if kind.starts_with("cluster") {
                String::new()
            } else {
                format!("namespaces/{}/", self.namespace)
            };
            let path = format!("/apis/rbac.authorization.k8s.io/v1/{within}{kind}s");
            let request = http::Request::post(path)
                .header(http::header::CONTENT_TYPE, "application/json")
                .body(object.to_string().into_bytes())
                .unwrap();
            self.client.request::<Value>(request).await.unwrap();
        }
    }

    /// A client that has the rights of the operator, and no others.
    pub fn operators_client(&self) -> Client {
        let mut config = server::admin();
        config.auth_info.impersonate =
            Some(format!("system:serviceaccount:{}:throughput-operator", self.namespace));
        config.auth_info.impersonate_groups = Some(vec!["system:authenticated".to_owned()]);
        Client::try_from(config).unwrap()
    }
}

fn objects(rendered: &str) -> Vec<Value> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(rendered).unwrap();
    assert!(objects.len() >= 6, "Roles or RoleBindings are missing: {objects:?}");
    objects
}

/// The Roles and `RoleBinding`s of the chart, with these values, and with the right to let go of tests
/// whose namespace is being deleted.
async fn render_rights(values: &[&str]) -> String {
    let templates = ["templates/rbac-tests.yaml", "templates/rbac-own.yaml", "templates/rbac-leaving.yaml"];
    render(&templates, &[values, &["rbac.namespaceDeletion=true"]].concat()).await
}

/// What these templates of the chart yield with these values.
async fn render(templates: &[&str], values: &[&str]) -> String {
    rendered(("throughput-operator", PLACEHOLDER), templates, values).await.unwrap()
}
