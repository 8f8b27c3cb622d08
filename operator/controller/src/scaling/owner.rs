//! Who decides about a target's replicas, and so where a run has to say how many there shall be.
//!
//! A Deployment that another operator made is not scaled by its own scale: that operator would undo it. It
//! is told instead, in the field of its own resource that it reads ([`Lever`]). Recognising is pure: a file
//! each for [`pulp`], [`clowder`] and [`keda`]; [`find`] reads what they look at.

pub mod clowder;
mod find;
pub mod keda;
pub mod lever;
pub mod pulp;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

pub(crate) use find::as_value;
pub use find::{Told, find, lever_object, target, told};
pub use lever::{Change, Lever, LeverField};

/// Why a target must not be scaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unscalable {
    /// In one word.
    pub reason: &'static str,
    /// In a sentence that says what to do.
    pub message: String,
}

/// What the operator was not allowed to do; the message names the chart's value that allows it.
pub const NOT_PERMITTED: &str = "NotPermitted";
/// An autoscaler sets the replicas.
pub const AUTOSCALED: &str = "TargetAutoscaled";
/// The owner has no field for this target's replicas.
pub const NOT_SUPPORTED: &str = "OwnerNotSupported";
/// Two owners set the same replicas.
pub const TWO_OWNERS: &str = "TargetHasTwoOwners";
/// The owner through which a claimed target is scaled is not there any more.
pub const OWNER_GONE: &str = "OwnerGone";

impl Unscalable {
    fn not_permitted(what: &str, value: &str) -> Self {
        Self {
            reason: NOT_PERMITTED,
            message: format!(
                "the operator has no right to {what}: its administrator sets {value}=true in the chart's values"
            ),
        }
    }
}

/// The group of an owner, without its version.
fn group(owner: &OwnerReference) -> &str {
    owner.api_version.split_once('/').map_or("", |(group, _)| group)
}

#[cfg(test)]
mod tests;
