//! Who decides about a target's replicas, and so where a run has to say how many there shall be.
//!
//! A Deployment that another operator made is not scaled by its own scale: that operator would undo it. It
//! is told instead, in the field of its own resource that it reads ([`ReplicasField`]). Recognising is pure: a file
//! each for [`pulp`], [`clowder`] and [`keda`]; [`find`] reads what they look at.

pub mod clowder;
mod find;
pub mod keda;
pub mod pulp;
pub mod replicas_field;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use throughput_core::reason::{Reason, Why};

pub(crate) use find::as_value;
pub use find::{find, owner_object, target, told};
pub use replicas_field::{Change, OwnerField, ReplicasField};

/// That the operator was not allowed to do something, and the chart's value that allows it.
fn not_permitted(what: &str, value: &str) -> Why {
    let message = format!(
        "the operator has no right to {what}: its administrator sets {value}=true in the chart's values"
    );
    Why::new(Reason::NotPermitted, message)
}

/// The group of an owner, without its version.
fn group(owner: &OwnerReference) -> &str {
    owner.api_version.split_once('/').map_or("", |(group, _)| group)
}

#[cfg(test)]
mod tests;
