//! Patterns in logs.

use serde::{Deserialize, Serialize};

use crate::selector::LabelSelector;

/// Patterns in the logs of pods, followed while a cell is measured, and of CloudWatch, asked afterwards: counts per
/// minute and a few samples of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("size(self.pods) + size(self.cloudWatch) > 0").message("name the logs: pods, cloudWatch, or both")),
)]
#[serde(rename_all = "camelCase")]
pub struct ObserveLogs {
    /// Pods of the test's namespace.
    #[serde(default)]
    #[cfg_attr(feature = "kube", schemars(length(max = 8)))]
    pub pods: Vec<PodLogs>,
    /// Log groups of CloudWatch.
    #[serde(default)]
    #[cfg_attr(feature = "kube", schemars(length(max = 8)))]
    pub cloud_watch: Vec<CloudWatchLogs>,
    /// Sets of patterns that are known already.
    #[serde(default = "default_built_in")]
    #[cfg_attr(
        feature = "kube",
        schemars(length(max = 4)),
        x_kube(merge_strategy = kube::core::ListMerge::Set)
    )]
    pub built_in: Vec<BuiltInPatterns>,
    /// Patterns of your own.
    #[serde(default)]
    #[cfg_attr(
        feature = "kube",
        schemars(length(max = 16)),
        x_kube(merge_strategy = kube::core::ListMerge::Map(vec!["name".to_owned()]))
    )]
    pub patterns: Vec<LogPattern>,
}

/// Pods whose logs are followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PodLogs {
    /// Which pods.
    pub selector: LabelSelector,
    /// The container; all of a pod's when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))
    )]
    pub container: Option<String>,
}

/// A log group of CloudWatch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CloudWatchLogs {
    /// Its name.
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 512), regex(pattern = "^[-._/#A-Za-z0-9]+$"))
    )]
    pub log_group: String,
    /// Whether it is asked by a query of Logs Insights, which is for much; it is billed by what it scans.
    #[serde(default)]
    pub insights: bool,
}

/// Patterns that are known already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum BuiltInPatterns {
    /// Pulp's API, its workers and gunicorn.
    Pulp,
    /// A PostgreSQL server.
    PostgreSql,
}

/// A pattern of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LogPattern {
    /// How figures call it: `slow` makes `logs.slow.count`.
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 40), regex(pattern = "^[a-z][a-zA-Z0-9]*$"))
    )]
    pub name: String,
    /// A regular expression that a line has to match.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 1024)))]
    pub regex: String,
}

fn default_built_in() -> Vec<BuiltInPatterns> {
    vec![BuiltInPatterns::Pulp]
}
