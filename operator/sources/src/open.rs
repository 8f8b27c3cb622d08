//! The sources that a spec names.

use throughput_crds::Observe;

use crate::access::Access;
use crate::source::Source;

/// The sources that a spec names, none of which has begun.
pub fn open(observe: &Observe, access: &Access) -> Vec<Box<dyn Source>> {
    let Observe {
        interval: _,
        aws: _,
        provenance: _,
        pods: _,
        postgres: _,
        rds: _,
        logs: _,
        prometheus: _,
        profile: _,
    } = observe;
    let _ = access;
    Vec::new()
}

/// Whether a spec names any source.
pub fn is_watched(observe: &Observe) -> bool {
    let Observe { interval: _, aws: _, provenance, pods, postgres, rds, logs, prometheus, profile } = observe;
    provenance.is_some()
        || !pods.is_empty()
        || postgres.is_some()
        || rds.is_some()
        || logs.is_some()
        || prometheus.is_some()
        || profile.is_some()
}
