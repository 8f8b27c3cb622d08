//! Queries to a Prometheus.

use serde::{Deserialize, Serialize};

use crate::target::{CaBundle, SecretReference, ServiceReference};

/// A Prometheus, or whatever speaks its API: Thanos, OpenShift's monitoring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("has(self.service) != has(self.url)").message("name one: service, a Service of this namespace, or url, which the operator's administrator has to permit")),
)]
#[serde(rename_all = "camelCase")]
pub struct ObservePrometheus {
    /// A Service of the test's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceReference>,
    /// Anything else: scheme, host and port, and a path before `/api/v1` if there is one. The operator's administrator
    /// has to permit it (`allow.urls` of the chart).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(max = 300), regex(pattern = "^https?://[^?# ]+$")))]
    pub url: Option<String>,
    /// Whom its certificate has to be from; else those that the operator's image trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<CaBundle>,
    /// A Secret of the test's namespace whose key `token` is sent as a bearer token. It must carry the annotation
    /// `perf.pulpproject.org/for` with the Service and its port (`prometheus:9090`, for `scheme: https`
    /// `https://prometheus:9090`) or the URL; with a `caBundle`, `perf.pulpproject.org/ca-config-map` with its `ConfigMap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
    /// What is asked.
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 32)),
        x_kube(merge_strategy = kube::core::ListMerge::Map(vec!["name".to_owned()]))
    )]
    pub queries: Vec<PrometheusQuery>,
}

/// A query over the cell's window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("has(self.range) != has(self.instant)").message("a query is one of range and instant")),
)]
#[serde(rename_all = "camelCase")]
pub struct PrometheusQuery {
    /// How figures call it: `apiCpuSeconds` makes `prometheus.apiCpuSeconds.max`. The unit belongs into it.
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 40), regex(pattern = "^[a-z][a-zA-Z0-9]*$"))
    )]
    pub name: String,
    /// A range query in PromQL, evaluated over the window. `$(window)` stands for the window's length: `[$(window)]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 2048)))]
    pub range: Option<String>,
    /// An instant query, evaluated at the window's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 2048)))]
    pub instant: Option<String>,
}
