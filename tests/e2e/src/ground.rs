//! What a test prepares on the cluster besides: a namespace of its own, and an image that the node has.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use throughput_test_support::spec::WORKERS;

use crate::{Cluster, NAMESPACE};

/// How long a namespace may take to go, with all that is in it.
const GOES: Duration = Duration::from_mins(3);

impl Cluster {
    /// The cluster, working in a new namespace with these labels, without what an earlier run left in it.
    pub async fn in_new_namespace(&self, name: &str, labels: &Value) -> Self {
        let there = self.in_namespace(name);
        there.remove_namespace().await;
        let namespace = json!({"metadata": {"name": name, "labels": labels}});
        let namespace: Namespace = serde_json::from_value(namespace).expect("a namespace");
        self.namespaces().create(&PostParams::default(), &namespace).await.expect("make a namespace");
        there
    }

    /// Removes the namespace that is worked in, if it is there, and waits until it is gone. Never Pulp's.
    pub async fn remove_namespace(&self) {
        let (namespaces, name) = (self.namespaces(), self.namespace.as_str());
        assert_ne!(name, NAMESPACE, "only what was made here is removed");
        // It may be gone already, or about to go.
        let _ = namespaces.delete(name, &DeleteParams::default()).await;
        self.until("the namespace is gone", GOES, async || {
            namespaces.get_opt(name).await.ok()?.is_none().then_some(())
        })
        .await;
    }

    /// All namespaces.
    pub fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.client.clone())
    }

    /// The image that Pulp's workers run, which has Python and knows how to sleep. The node has no registry, and this it
    /// has already.
    pub async fn pulps_image(&self) -> String {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), NAMESPACE);
        let workers = deployments.get(WORKERS).await.expect("Pulp's workers");
        let pods = workers.spec.and_then(|spec| spec.template.spec).expect("a pod");
        pods.containers.into_iter().next().and_then(|container| container.image).expect("Pulp's image")
    }
}
