//! All sources: one table, a row for each.
//!
//! A further source is a file or a folder of its own, a section of `spec.observe`, a section of the README, and a row here.

use std::collections::BTreeSet;

use kube::Config;
use throughput_core::source_catalog::SourceCatalog;
use throughput_core::source_catalog::{Mistake, Wanted};
use throughput_crds::Observe;

use crate::access::Access;
use crate::aws;
use crate::logs;
use crate::metric::Metric;
use crate::pods::{self, Pods};
use crate::postgres::{self, Postgres};
use crate::profile::{self, Profile};
use crate::prometheus::{self, Prometheus};
use crate::provenance::{self, Provenance};
use crate::rds::{self, Rds};
use crate::source::Source;

/// A source.
pub struct Row {
    /// Its name: that of its section in `spec.observe` and in the README, with which its figures begin.
    pub name: &'static str,
    /// Whether a spec names it.
    pub is_named: fn(&Observe) -> bool,
    /// Makes it, before it has begun; `None` where a spec does not name it, or not all that it needs.
    pub open: fn(&Observe, &Access) -> Option<Box<dyn Source>>,
    /// The metrics that it can have; none where a spec does not name it.
    pub metrics: fn(&Observe) -> Vec<Metric>,
    /// The permissions that its section needs; or the mistake in it.
    pub check: fn(&Observe) -> Result<Vec<Wanted>, Mistake>,
}

/// All sources, in the order in which they are made and reported.
pub static SOURCES: [Row; 7] = [
    Row {
        name: provenance::NAME,
        is_named: |observe| observe.provenance.is_some(),
        open: |observe, access| Some(Box::new(Provenance::new(observe.provenance.as_ref()?, access))),
        metrics: |observe| observe.provenance.as_ref().map(|_| provenance::metrics()).unwrap_or_default(),
        check: |observe| observe.provenance.as_ref().map_or(NOTHING_WANTED, provenance::check),
    },
    Row {
        name: pods::NAME,
        is_named: |observe| !observe.pods.is_empty(),
        open: |observe, access| {
            let groups = Some(&observe.pods).filter(|groups| !groups.is_empty())?;
            Some(Box::new(Pods::new(groups, access, Config::incluster().ok())))
        },
        metrics: |observe| pods::metrics(&observe.pods),
        check: |_| NOTHING_WANTED,
    },
    Row {
        name: rds::NAME,
        is_named: |observe| observe.rds.is_some(),
        open: |observe, access| {
            let (rds, aws) = (observe.rds.clone()?, observe.aws.clone()?);
            Some(Box::new(Rds::new(rds, aws, access.clone())))
        },
        metrics: |observe| observe.rds.as_ref().map(rds::metrics).unwrap_or_default(),
        check: |observe| {
            observe.rds.as_ref().map_or(NOTHING_WANTED, |rds| rds::check(rds, observe.aws.as_ref()))
        },
    },
    Row {
        name: logs::NAME,
        is_named: |observe| observe.logs.is_some(),
        open: |observe, access| Some(logs::open(observe.logs.as_ref()?, observe.aws.as_ref(), access)),
        metrics: |observe| observe.logs.as_ref().map(logs::metrics).unwrap_or_default(),
        check: |observe| {
            observe.logs.as_ref().map_or(NOTHING_WANTED, |logs| logs::check(logs, observe.aws.as_ref()))
        },
    },
    Row {
        name: profile::NAME,
        is_named: |observe| observe.profile.is_some(),
        open: |observe, access| Some(Box::new(Profile::new(observe.profile.as_ref()?, access))),
        metrics: |observe| observe.profile.as_ref().map(|_| profile::metrics()).unwrap_or_default(),
        check: |_| NOTHING_WANTED,
    },
    Row {
        name: postgres::NAME,
        is_named: |observe| observe.postgres.is_some(),
        open: |observe, access| Some(Box::new(Postgres::new(observe.postgres.as_ref()?, access))),
        metrics: |observe| observe.postgres.as_ref().map(postgres::metrics).unwrap_or_default(),
        check: |_| NOTHING_WANTED,
    },
    Row {
        name: prometheus::NAME,
        is_named: |observe| observe.prometheus.is_some(),
        open: |observe, access| Some(Box::new(Prometheus::new(observe.prometheus.as_ref()?, access))),
        metrics: |observe| observe.prometheus.as_ref().map(prometheus::metrics).unwrap_or_default(),
        check: |observe| observe.prometheus.as_ref().map_or(NOTHING_WANTED, prometheus::check),
    },
];

/// The answer of a source that needs no permission.
const NOTHING_WANTED: Result<Vec<Wanted>, Mistake> = Ok(Vec::new());

/// The sources of this crate, as a plan knows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registry;

impl SourceCatalog for Registry {
    fn is_watched(&self, observe: &Observe) -> bool {
        SOURCES.iter().any(|row| (row.is_named)(observe))
    }

    fn figure_names(&self, observe: &Observe) -> BTreeSet<String> {
        let of_row = |row: &Row| {
            let metrics = (row.metrics)(observe).into_iter();
            metrics.flat_map(|metric| metric.figures(row.name)).collect::<Vec<_>>()
        };
        SOURCES.iter().flat_map(of_row).map(|figure| figure.name).collect()
    }

    fn check(&self, observe: &Observe) -> Result<Vec<Wanted>, Mistake> {
        // How AWS is reached belongs to no source alone.
        let access = observe.aws.as_ref().map_or(NOTHING_WANTED, aws::check_access)?;
        SOURCES.iter().try_fold(access, |mut wanted, row| {
            wanted.extend((row.check)(observe)?);
            Ok(wanted)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_is_none_is_a_mistake() {
        let checked = |regex: &str| {
            let logs = serde_json::json!({"pods": [{"selector": {"matchLabels": {"app": "pulp"}}}], "patterns": [{"name": "slow", "regex": regex}]});
            Registry.check(&serde_json::from_value(serde_json::json!({"logs": logs})).unwrap())
        };
        assert_eq!(checked("slow: [0-9]+ s"), Ok(Vec::new()));
        let mistake = checked("slow (").unwrap_err().to_string();
        assert!(
            mistake.starts_with("observe.logs.patterns: slow is no regular expression: unclosed group"),
            "{mistake}"
        );
    }

    #[test]
    fn what_of_aws_needs_the_administrators_word_is_told_and_a_missing_region_is_a_mistake() {
        let observe = |aws: serde_json::Value| -> Observe {
            let rds = serde_json::json!({"instance": "pulp"});
            serde_json::from_value(serde_json::json!({"aws": aws, "rds": rds})).unwrap()
        };
        let own = observe(serde_json::json!({"region": "us-east-1"}));
        assert_eq!(Registry.check(&own), Ok(vec![Wanted::RdsInstance("pulp".to_owned())]));
        let keys = observe(serde_json::json!({"region": "us-east-1", "secretRef": {"name": "aws"}}));
        assert_eq!(Registry.check(&keys), Ok(Vec::new()));
        let mistake = Registry.check(&observe(serde_json::Value::Null)).unwrap_err();
        assert_eq!(mistake.0, "observe.rds needs to know the region: write observe.aws: {region: …}");
    }

    #[test]
    fn log_groups_need_what_instances_need() {
        let observe = |aws: serde_json::Value| -> Observe {
            let logs = serde_json::json!({"cloudWatch": [{"logGroup": "/pulp/api"}]});
            serde_json::from_value(serde_json::json!({"aws": aws, "logs": logs})).unwrap()
        };
        let role = "arn:aws:iam::123456789012:role/reads";
        let own = observe(serde_json::json!({"region": "us-east-1", "roleArn": role}));
        let expected = vec![Wanted::AwsRole(role.to_owned()), Wanted::LogGroup("/pulp/api".to_owned())];
        assert_eq!(Registry.check(&own), Ok(expected));
        let keys = observe(serde_json::json!({"region": "us-east-1", "secretRef": {"name": "aws"}}));
        assert_eq!(Registry.check(&keys), Ok(Vec::new()));
        let mistake = Registry.check(&observe(serde_json::Value::Null)).unwrap_err();
        assert!(mistake.0.starts_with("observe.logs.cloudWatch needs to know the region"), "{mistake}");
    }
}
