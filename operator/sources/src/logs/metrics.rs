//! The metrics of logs: what is counted of each pattern. Pure.

use throughput_crds::ObserveLogs;

use super::ledger;
use super::patterns::{LINES, names};
use crate::metric::{Better, Metric};

/// The metrics that a spec's logs have, two for each pattern and each sum of several.
pub(crate) fn metrics(logs: &ObserveLogs) -> Vec<Metric> {
    let is_own = |name: &str| logs.patterns.iter().any(|pattern| pattern.name == name);
    let of_pattern = |name: &str| {
        // What is built in are mishaps; what a spec looks for is its own affair.
        let better = if name == LINES || is_own(name) { Better::Neither } else { Better::Lower };
        [Metric::figure(format!("{name}.count"), better), Metric::series(ledger::metric(name), better)]
    };
    names(logs).into_iter().flat_map(of_pattern).collect()
}
