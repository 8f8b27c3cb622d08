//! A namespace of its own for each test.

use std::sync::atomic::{AtomicU32, Ordering};

use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use throughput_crds::ThroughputTest;
use throughput_test_support::spec::PulpSpec;

use crate::server;

/// The Secret with the operator's key.
const KEY_SECRET: &str = "throughput-operator-key";

/// The key that operators have in the tests' namespaces.
pub const KEY: [u8; 32] = [7; 32];

/// A namespace, and an administrator in it.
pub struct Tenant {
    /// The administrator's client.
    pub client: Client,
    /// The namespace.
    pub namespace: String,
}

impl Tenant {
    /// A new namespace, with a key for its operator that the tests know.
    pub async fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let namespace = format!("test-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let tenant = Self { client: Self::another_client(), namespace };
        let metadata = ObjectMeta { name: Some(tenant.namespace.clone()), ..ObjectMeta::default() };
        let namespaces: Api<Namespace> = Api::all(tenant.client.clone());
        namespaces
            .create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() })
            .await
            .unwrap();
        tenant.store_key(KEY).await;
        tenant
    }

    /// Stores the operator's key.
    pub async fn store_key(&self, key: [u8; 32]) {
        let secret = Secret {
            metadata: ObjectMeta { name: Some(KEY_SECRET.to_owned()), ..ObjectMeta::default() },
            data: Some([("key".to_owned(), ByteString(key.to_vec()))].into()),
            ..Secret::default()
        };
        let secrets: Api<Secret> = self.api();
        secrets.create(&PostParams::default(), &secret).await.unwrap();
    }

    /// Deletes the operator's key.
    pub async fn delete_key(&self) {
        let secrets: Api<Secret> = self.api();
        secrets.delete(KEY_SECRET, &DeleteParams::default()).await.unwrap();
    }

    /// A client with connections of its own.
    pub fn another_client() -> Client {
        Client::try_from(server::admin()).unwrap()
    }

    /// A kubeconfig with which a program acts as this user.
    pub fn kubeconfig_as(user: &str) -> String {
        server::kubeconfig_as(user)
    }

    /// The objects of a kind in the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Creates an object.
    pub async fn create<K>(&self, object: Value) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + Serialize
            + DeserializeOwned,
    {
        let object: K = serde_json::from_value(object).unwrap();
        self.api().create(&PostParams::default(), &object).await.unwrap()
    }

    /// Creates a Deployment of so many replicas.
    pub async fn deployment(&self, name: &str, replicas: i32) -> Deployment {
        self.create(deployment(name, Some(replicas))).await
    }

    /// Asks whether an object would be created, unknown fields forbidden as `kubectl` does by default. Returns
    /// it as the API server would store it, or why it is refused.
    pub async fn dry_run<K>(&self, object: &Value) -> Result<Value, String>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let path = K::url_path(&(), Some(&self.namespace));
        let request = http::Request::post(format!("{path}?dryRun=All&fieldValidation=Strict"))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(object.to_string().into_bytes())
            .unwrap();
        self.client.request(request).await.map_err(|error| error.to_string())
    }

    /// Creates a `ThroughputTest`.
    pub async fn test(&self, name: &str, spec: Value) -> ThroughputTest {
        self.create(throughput_test(name, spec)).await
    }
}

/// A Deployment; without replicas where its author leaves them to others.
pub fn deployment(name: &str, replicas: Option<i32>) -> Value {
    let mut deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "localhost/none"}]},
            },
        },
    });
    if let Some(replicas) = replicas {
        deployment["spec"]["replicas"] = replicas.into();
    }
    deployment
}

/// A `ThroughputTest` of this spec.
pub fn throughput_test(name: &str, spec: Value) -> Value {
    let mut test = json!({
        "apiVersion": "perf.pulpproject.org/v1alpha1",
        "kind": "ThroughputTest",
        "metadata": {"name": name},
    });
    test["spec"] = spec;
    test
}

/// The shortest useful spec: one Pulp that asks for no password, and the Deployment `pulp-worker`.
pub fn spec() -> Value {
    PulpSpec::of(100).credentials(json!({"method": "None"})).into()
}
