//! What a run may scale.

use serde::{Deserialize, Serialize};

/// Something that the run may scale, and puts back as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ScaleTarget {
    /// The name by which an axis of the matrix refers to it.
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 40), regex(pattern = "^[a-z][a-zA-Z0-9]*$"))
    )]
    pub name: String,
    /// The object, in the test's own namespace.
    #[serde(rename = "ref")]
    pub object: ObjectReference,
}

/// An object of the test's own namespace that has replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("self.apiVersion == 'apps/v1' && self.kind in ['Deployment', 'StatefulSet']").message("only a Deployment or a StatefulSet can be scaled: write one of these kinds, with the apiVersion apps/v1")),
)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// The group and version: `apps/v1`.
    #[cfg_attr(feature = "kube", schemars(length(max = 100)))]
    pub api_version: String,
    /// The kind: `Deployment` or `StatefulSet`. Where another object decides about its replicas (a `Pulp`, a
    /// `ClowdApp`, a `ScaledObject`), the operator finds that one by itself.
    #[cfg_attr(feature = "kube", schemars(length(max = 63)))]
    pub kind: String,
    /// The name.
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"))
    )]
    pub name: String,
}
