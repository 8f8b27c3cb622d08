//! What ran.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[cfg(feature = "kube")]
use crate::target::NAME;

/// What ran: image digests, resources, replicas, nodes and versions of every target and of the load generators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ObserveProvenance {
    /// Further Deployments of the test's namespace, besides those in `scale`: the API's, say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "kube", schemars(length(max = 8), inner(length(min = 1, max = 253), regex(pattern = NAME))))]
    pub deployments: Vec<String>,
    /// What the containers' resources should be; where they differ, the run says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "kube", schemars(length(max = 8)))]
    pub expect: Vec<ExpectedResources>,
}

/// What the resources of a Deployment's containers should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("has(self.like) != has(self.containers)").message("name one reference: like, another Deployment of this namespace, or containers with their resources")),
)]
#[serde(rename_all = "camelCase")]
pub struct ExpectedResources {
    /// The Deployment that is compared.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 253), regex(pattern = NAME)))]
    pub deployment: String,
    /// Another Deployment of the test's namespace: containers of the same name should have the same resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 253), regex(pattern = NAME)))]
    pub like: Option<String>,
    /// Resources by container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "kube", schemars(length(max = 8)))]
    pub containers: Vec<ContainerResources>,
}

/// A container's resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ContainerResources {
    /// The container's name.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 63), regex(pattern = NAME)))]
    pub name: String,
    /// What it asks for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: ResourceQuantities,
    /// What it may use.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: ResourceQuantities,
}

/// Quantities by resource, as Kubernetes writes them: `cpu: 500m`, `memory: 1Gi`.
pub type ResourceQuantities = BTreeMap<String, String>;
