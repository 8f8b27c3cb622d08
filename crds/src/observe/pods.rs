//! Pods of the system under test.

use serde::{Deserialize, Serialize};

use crate::selector::LabelSelector;

/// Pods of the test's namespace: processors and memory by the metrics API, restarts and out-of-memory kills by their
/// status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ObservePods {
    /// How figures call them: `api` makes `pods.api.cpuPercentOfLimit.max`.
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 40), regex(pattern = "^[a-z][a-zA-Z0-9]*$"))
    )]
    pub name: String,
    /// Which pods.
    pub selector: LabelSelector,
    /// Whether the kubelet's own counters are read: processor seconds, throttling, disk, network, threads, open files
    /// and sockets. It takes rights on the cluster's nodes (`observe.kubelet` of the chart).
    #[serde(default)]
    pub kubelet: bool,
}
