//! What starting a cell's generators takes, all of it: whoever carries the order out asks for nothing else.

use std::time::Duration;

use throughput_crds::{GeneratorPod, InProcessDispatch};
use throughput_model::cell::CellAddress;
use throughput_model::workload::Workload;

use super::destination::Trust;

/// What starting a cell's generators takes.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratorOrder {
    /// The attempt at a cell that they are for.
    pub address: CellAddress,
    /// The number of generators; at least 1.
    pub generators: u32,
    /// The load that they are told to make, shared among them.
    pub workload: Workload,
    /// The container that dispatches, where that is not the generator itself.
    pub in_process: Option<InProcessDispatch>,
    /// The Secret with the target's credentials; `None` where it asks for none.
    pub credentials: Option<CredentialsSource>,
    /// How the target is trusted, and who is shown to it.
    pub trust: Trust,
    /// What their pods are like, where not as the chart says.
    pub pod: GeneratorPod,
    /// How long the generators may live: their Job's deadline, besides the time for delivery.
    pub lifetime: Duration,
}

/// A Secret of the test's namespace, and which of its keys are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialsSource {
    /// The Secret's name.
    pub secret: String,
    /// The keys.
    pub keys: &'static [&'static str],
}

/// A duration in milliseconds, as assignments tell it.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
