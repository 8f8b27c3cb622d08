//! What is kept of a test between two looks.

use kube::core::PartialObjectMeta;
use throughput_crds::ThroughputTest;

/// The metadata of a test.
pub type Known = PartialObjectMeta<ThroughputTest>;
