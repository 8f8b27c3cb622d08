//! The sources that a spec names.

use kube::Config;
use throughput_crds::Observe;

use crate::access::Access;
use crate::logs;
use crate::pods::Pods;
use crate::postgres::Postgres;
use crate::profile::Profile;
use crate::prometheus::Prometheus;
use crate::provenance::Provenance;
use crate::rds::Rds;
use crate::source::Source;

/// The sources that a spec names, none of which has begun.
pub fn open(observe: &Observe, access: &Access) -> Vec<Box<dyn Source>> {
    let Observe { interval: _, aws, provenance, pods, postgres, rds, logs, prometheus, profile } = observe;
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    if let Some(provenance) = provenance {
        sources.push(Box::new(Provenance::new(provenance, access)));
    }
    if !pods.is_empty() {
        sources.push(Box::new(Pods::new(pods, access, Config::incluster().ok())));
    }
    if let (Some(rds), Some(aws)) = (rds, aws) {
        sources.push(Box::new(Rds::new(rds.clone(), aws.clone(), access.clone())));
    }
    if let Some(logs) = logs {
        sources.push(logs::open(logs, aws.as_ref(), access));
    }
    if let Some(profile) = profile {
        sources.push(Box::new(Profile::new(profile, access)));
    }
    if let Some(postgres) = postgres {
        sources.push(Box::new(Postgres::new(postgres, access)));
    }
    if let Some(prometheus) = prometheus {
        sources.push(Box::new(Prometheus::new(prometheus, access)));
    }
    sources
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
