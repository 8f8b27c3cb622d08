//! Servers outside of the cluster that are Services within it.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::Cluster;

/// A Service of this name, behind which is a port of this machine.
pub async fn service(cluster: &Cluster, name: &str, port: u16, (address, target): (IpAddr, u16)) {
    let params = PatchParams::apply("throughput-e2e-tests").force();
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"ports": [{"name": "http", "port": port, "targetPort": target}]},
    });
    cluster.api::<Service>().patch(name, &params, &Patch::Apply(&service)).await.expect("make a Service");
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
        "ports": [{"name": "http", "port": target}], "endpoints": [{"addresses": [address.to_string()]}],
    });
    cluster.api::<EndpointSlice>().patch(name, &params, &Patch::Apply(&slice)).await.expect("make a Service");
}

/// Removes it.
pub async fn remove_service(cluster: &Cluster, name: &str) {
    cluster.api::<Service>().delete(name, &DeleteParams::default()).await.expect("remove a Service");
    cluster
        .api::<EndpointSlice>()
        .delete(name, &DeleteParams::default())
        .await
        .expect("remove its endpoints");
}
