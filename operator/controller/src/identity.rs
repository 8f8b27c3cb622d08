//! Which test something is about.

use kube::core::PartialObjectMeta;
use throughput_crds::ThroughputTest;

/// What is kept of a test between two looks.
pub type Known = PartialObjectMeta<ThroughputTest>;

/// The identity of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestFacts {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// The generation of its spec.
    pub generation: Option<i64>,
}
