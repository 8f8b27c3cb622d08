//! What a run scales, and how it is left as it was found: claims, the owners of replicas, and what outlived its test.

pub mod claim;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod managed_fields;
pub mod orphans;
pub mod own_pods;
pub mod owner;
pub mod scalable;
