//! How much load, and the pods that make it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::int_or_string::IntOrString;

/// How much load, where no axis of the matrix varies it. The numbers are the whole test's: its generators share them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// How many load generators share the load: each takes its part of the tasks, and all start together.
    #[serde(default = "default_generators")]
    #[cfg_attr(feature = "kube", schemars(range(min = 1, max = 64)))]
    pub generators: u32,
    /// How many requests are under way at once, those of all generators together; each generator has its part of them,
    /// one at least. One for each generator when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(range(min = 1, max = 10_000)))]
    pub concurrency: Option<u32>,
    /// What the generators' pods are like, where not as the chart says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_pod: Option<GeneratorPod>,
}

impl Default for Load {
    fn default() -> Self {
        Self { generators: default_generators(), concurrency: None, generator_pod: None }
    }
}

fn default_generators() -> u32 {
    1
}

/// What the generators' pods are like. Labels, annotations, selectors and resources come to those that the chart gives
/// all load pods; of all else what stands here takes the chart's place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GeneratorPod {
    /// Labels of the Job and of its pods, such as a queue's name. The operator's administrator permits their keys
    /// (`allow.podLabels` of the chart): what selects pods by their labels could be deceived.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "kube", schemars(extend("maxProperties" = 16)))]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the pods, such as a mesh's. The operator's administrator permits their keys
    /// (`allow.podAnnotations` of the chart).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "kube", schemars(extend("maxProperties" = 16)))]
    pub annotations: BTreeMap<String, String>,
    /// The labels of the nodes that the pods may run on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "kube", schemars(extend("maxProperties" = 16)))]
    pub node_selector: BTreeMap<String, String>,
    /// The taints of nodes that the pods may run on all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "kube", schemars(length(max = 16)))]
    pub tolerations: Vec<Toleration>,
    /// Which nodes, and beside which pods, as `affinity` of a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(schema_with = "open_object"))]
    pub affinity: Option<serde_json::Value>,
    /// How the pods of a cell are spread over nodes. They are the pods that are counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "kube", schemars(length(max = 4)))]
    pub topology_spread_constraints: Vec<TopologySpread>,
    /// The pods' priority class. The operator's administrator permits it (`allow.priorityClasses` of the chart), since
    /// other pods may have to give way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 253), regex(pattern = crate::target::NAME)))]
    pub priority_class_name: Option<String>,
    /// The pods' runtime class. The operator's administrator permits it (`allow.runtimeClasses` of the chart).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 253), regex(pattern = crate::target::NAME)))]
    pub runtime_class_name: Option<String>,
    /// The Secrets of the test's namespace with which the image is pulled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "kube", schemars(length(max = 4)))]
    pub image_pull_secrets: Vec<ImagePullSecret>,
    /// What a pod's load generator requests of its node, and its limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<PodResources>,
    /// Settings of the pods' kernel. Of those that are not safe the operator's administrator permits each
    /// (`allow.sysctls` of the chart).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "kube", schemars(length(max = 8)))]
    pub sysctls: Vec<Sysctl>,
    /// Whether the pods use their node's network. The operator's administrator permits it (`allow.hostNetwork` of the
    /// chart).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub host_network: bool,
}

/// A Secret with which an image is pulled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImagePullSecret {
    /// The Secret's name.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 253), regex(pattern = crate::target::NAME)))]
    pub name: String,
}

/// What a container requests, and its limits: `{cpu: 250m, memory: 64Mi}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodResources {
    /// What it requests.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "kube", schemars(extend("maxProperties" = 16)))]
    pub requests: BTreeMap<String, IntOrString>,
    /// What it is limited to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "kube", schemars(extend("maxProperties" = 16)))]
    pub limits: BTreeMap<String, IntOrString>,
}

/// A setting of a pod's kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Sysctl {
    /// Its name: `net.ipv4.ip_local_port_range`.
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-_./a-z0-9]*[a-z0-9])?$"))
    )]
    pub name: String,
    /// Its value.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 256)))]
    pub value: String,
}

/// A taint that the pods tolerate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Toleration {
    /// The taint's key; any when it is left out, with `operator: Exists`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(max = 317)))]
    pub key: Option<String>,
    /// Whether the taint has this value, or any. `Equal` when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<TolerationOperator>,
    /// The taint's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(max = 63)))]
    pub value: Option<String>,
    /// The taint's effect; any when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaintEffect>,
    /// For how many seconds a taint with the effect `NoExecute` is tolerated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(range(min = 0)))]
    pub toleration_seconds: Option<i64>,
}

/// How a taint is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum TolerationOperator {
    /// It has any value.
    Exists,
    /// It has this value.
    Equal,
}

/// What a taint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum TaintEffect {
    /// Nothing is placed on the node.
    NoSchedule,
    /// Nothing is placed on the node where another is free.
    PreferNoSchedule,
    /// What runs on the node is ended.
    NoExecute,
}

/// How pods are spread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TopologySpread {
    /// How many more pods one part may have than another.
    #[cfg_attr(feature = "kube", schemars(range(min = 1, max = 64)))]
    pub max_skew: i32,
    /// The label of nodes by whose value they are told apart, such as `kubernetes.io/hostname`.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 317)))]
    pub topology_key: String,
    /// What happens to a pod that cannot be placed so.
    pub when_unsatisfiable: WhenUnsatisfiable,
}

/// What happens to a pod that cannot be placed as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum WhenUnsatisfiable {
    /// It waits.
    DoNotSchedule,
    /// It is placed all the same.
    ScheduleAnyway,
}

#[cfg(feature = "kube")]
fn open_object(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}
