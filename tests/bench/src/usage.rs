//! What the operator's pod uses, by metrics-server.

use kube::ResourceExt;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use serde_json::Value;
use throughput_e2e_tests::{Cluster, NAMESPACE};

/// What the operator's pod uses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Memory.
    pub memory_bytes: u64,
    /// Processors, in thousandths of one.
    pub millicores: u32,
}

impl Usage {
    /// The larger of both, in each.
    #[must_use]
    pub fn largest(self, other: Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            millicores: self.millicores.max(other.millicores),
        }
    }

    /// Its memory in millions of bytes.
    pub fn megabytes(self) -> f64 {
        megabytes(self.memory_bytes)
    }
}

/// Bytes in millions.
#[expect(clippy::cast_precision_loss, reason = "a size to two decimals")]
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// What metrics-server says of the operator's pod; nothing until it has seen the pod twice.
pub async fn operator_usage(cluster: &Cluster) -> Usage {
    let kind = GroupVersionKind::gvk("metrics.k8s.io", "v1beta1", "PodMetrics");
    let resource = ApiResource::from_gvk_with_plural(&kind, "pods");
    let metrics: kube::Api<DynamicObject> =
        kube::Api::namespaced_with(cluster.client.clone(), NAMESPACE, &resource);
    let Ok(pods) = metrics.list(&ListParams::default()).await else {
        return Usage::default();
    };
    let operator = pods.items.iter().find(|pod| pod.name_any().starts_with("throughput-operator"));
    let usage = operator.map(|pod| pod.data["containers"][0]["usage"].clone()).unwrap_or_default();
    let millicores = quantity(&usage["cpu"], &[("n", 1), ("u", 1_000), ("m", 1_000_000)], 1_000_000);
    Usage {
        memory_bytes: quantity(&usage["memory"], &[("Ki", 1_024), ("Mi", 1_048_576), ("", 1)], 1),
        millicores: u32::try_from(millicores).unwrap_or(u32::MAX),
    }
}

fn quantity(value: &Value, units: &[(&str, u64)], divisor: u64) -> u64 {
    let text = value.as_str().unwrap_or("0");
    let (unit, factor) =
        units.iter().find(|(unit, _)| !unit.is_empty() && text.ends_with(unit)).unwrap_or(&("", 1));
    let number: u64 = text.trim_end_matches(unit).parse().unwrap_or_default();
    (number * factor).div_ceil(divisor)
}
