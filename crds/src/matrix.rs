//! The matrix: which combinations are measured.

use serde::{Deserialize, Serialize};

use crate::int_or_string::IntOrString;

/// One axis of the matrix. The cells are all combinations of the axes' values, the last axis changing
/// fastest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("self.of != 'Load' || self.name in ['concurrency', 'generators']").message("the load settings that an axis can vary are concurrency and generators")),
    x_kube(validation = kube::core::Rule::new("self.of == 'Target' || self.values.all(value, type(value) == int)").message("the values of a Scale or Load axis are whole numbers, written without quotes")),
    x_kube(validation = kube::core::Rule::new("self.values.all(value, type(value) != int || (int(value) >= 0 && int(value) <= 10000))").message("the values of an axis lie between 0 and 10000")),
    x_kube(validation = kube::core::Rule::new("self.of != 'Load' || self.values.all(value, type(value) != int || int(value) >= 1)").message("a concurrency and a number of generators are at least 1")),
    x_kube(validation = kube::core::Rule::new("self.of != 'Load' || self.name != 'generators' || self.values.all(value, type(value) != int || int(value) <= 64)").message("a cell has at most 64 generators")),
    x_kube(validation = kube::core::Rule::new("self.values.all(value, self.values.exists_one(other, other == value))").message("each value of an axis stands once; to measure a cell more often, set repeat")),
)]
#[serde(rename_all = "camelCase")]
pub struct Axis {
    /// What the axis varies: for Scale the name of an entry of `scale`, for Load a setting of `load`, for Target any word.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 40)))]
    pub name: String,
    /// Scale varies a replica count, Load a setting of the load, Target where the load goes.
    pub of: AxisKind,
    /// The values, measured in this order.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 64)))]
    pub values: Vec<IntOrString>,
}

/// What an axis varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum AxisKind {
    /// The replicas of an entry of `scale`.
    Scale,
    /// A setting of `load`.
    Load,
    /// The entry of `targets` that the load goes to.
    Target,
}
