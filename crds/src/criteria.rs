//! What a run has to reach.

use serde::{Deserialize, Serialize};

/// One thing that every cell has to reach, or the test's verdict is Failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("has(self.atLeast) != has(self.atMost)").message("give each criterion one bound: atLeast or atMost")),
)]
#[serde(rename_all = "camelCase")]
pub struct Criterion {
    /// The figure's name, with its unit: `tasks.successRatio`, `tasks.perSecond`,
    /// `tasks.wait.p99Milliseconds`, `repeats.tasksPerSecond.median`.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 100)))]
    pub metric: String,
    /// The figure must not be smaller: a decimal in quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(max = 19), regex(pattern = r"^[0-9]+(\.[0-9]+)?$")))]
    pub at_least: Option<String>,
    /// The figure must not be larger: a decimal in quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(max = 19), regex(pattern = r"^[0-9]+(\.[0-9]+)?$")))]
    pub at_most: Option<String>,
}
