//! What a kind of load makes its part of a plan from, and what the rest of the plan asks of that part.

use throughput_crds::ThroughputTestSpec;
use throughput_report::kind_facts::KindFacts;

use crate::plan::destination::PlannedTarget;
use crate::plan::matrix::ScaledTarget;
use crate::plan::permissions::Permissions;

/// What a kind makes its part of a plan from.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The namespace of the test.
    pub(crate) namespace: &'a str,
    /// Its spec.
    pub(crate) spec: &'a ThroughputTestSpec,
    /// What it scales.
    pub(crate) scale: &'a [ScaledTarget],
    /// Its targets, in the order of the spec.
    pub(crate) targets: &'a [PlannedTarget],
    /// What the administrator permits.
    pub(crate) permissions: &'a Permissions,
}

/// What a plan asks of its load, whatever its kind.
pub trait PlannedLoad {
    /// What its reports have: the figures by which criteria can judge, the headline, the columns.
    fn facts(&self) -> &'static KindFacts;

    /// The target whose replicas are the load's main axis, such as Pulp's workers.
    fn main_target(&self) -> Option<&ScaledTarget> {
        None
    }
}
