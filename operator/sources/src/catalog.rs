//! The names of the figures that a spec's sources have, so that a criterion on one that does not exist is refused before
//! anything is measured.

use std::collections::BTreeSet;

use throughput_crds::Observe;

use crate::logs;
pub use crate::metric::Metric;
use crate::{pods, provenance};

/// The full names of all figures that these sources can have.
pub fn figures(observe: &Observe) -> BTreeSet<String> {
    let sources = sources(observe);
    sources
        .iter()
        .flat_map(|(source, metrics)| metrics.iter().flat_map(|metric| metric.figures(source)))
        .collect()
}

/// The metrics of each source that is named.
fn sources(observe: &Observe) -> Vec<(&'static str, Vec<Metric>)> {
    let Observe { interval: _, aws: _, provenance, pods, postgres, rds, logs, prometheus, profile } = observe;
    let mut sources = Vec::new();
    if provenance.is_some() {
        sources.push(("provenance", provenance::metrics()));
    }
    if !pods.is_empty() {
        sources.push(("pods", pods::metrics(pods)));
    }
    if let Some(rds) = rds {
        sources.push((crate::rds::NAME, crate::rds::catalog(rds)));
    }
    if let Some(logs) = logs {
        sources.push(("logs", logs::metrics(logs)));
    }
    if profile.is_some() {
        sources.push(("profile", crate::profile::metrics()));
    }
    if let Some(spec) = postgres {
        sources.push(("postgres", crate::postgres::metrics(spec)));
    }
    if let Some(spec) = prometheus {
        sources.push(("prometheus", crate::prometheus::metrics(spec)));
    }
    sources
}
