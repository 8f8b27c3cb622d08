//! The names of the figures that a spec's sources have, so that a criterion on one that does not exist is refused before
//! anything is measured.

use std::collections::BTreeSet;

use throughput_core::source_catalog::SourceCatalog;
use throughput_crds::Observe;

use crate::registry::Registry;

/// The full names of all figures that these sources can have: `SOURCE.METRIC.STATISTIC`.
pub fn figures(observe: &Observe) -> BTreeSet<String> {
    Registry.figure_names(observe)
}
