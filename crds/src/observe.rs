//! Further sources of figures: what of the system under test is watched while a cell is measured.
//!
//! Each is off until it is named. None of them can end a run: a source that misses something is marked, and only a
//! criterion that needs it makes its cell Invalid.

mod aws;
mod logs;
mod pods;
mod postgres;
mod profile;
mod prometheus;
mod provenance;

use serde::{Deserialize, Serialize};

pub use aws::{AwsAccess, AwsEndpoints, ObserveRds};
pub use logs::{BuiltInPatterns, CloudWatchLogs, LogPattern, ObserveLogs, PodLogs};
pub use pods::ObservePods;
pub use postgres::{ConnectionStringReference, ObservePostgres};
pub use profile::{Delay, ObserveProfile, ProfileDuration, ProfilerCapabilities};
pub use prometheus::{ObservePrometheus, PrometheusQuery};
pub use provenance::{ContainerResources, ExpectedResources, ObserveProvenance, ResourceQuantities};

use crate::duration::BoundedDuration;

/// The time between two looks of a source: a second at least, since every look is a request to somebody, and an hour at
/// most.
pub type Interval = BoundedDuration<1, 3600>;

/// What of the system under test is watched while a cell is measured; each source is off until it is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("!has(self.rds) || has(self.aws)").message("rds needs to know the region: write observe.aws: {region: …}")),
    x_kube(validation = kube::core::Rule::new("!has(self.logs) || size(self.logs.cloudWatch) == 0 || has(self.aws)").message("logs.cloudWatch needs to know the region: write observe.aws: {region: …}")),
)]
#[serde(rename_all = "camelCase")]
pub struct Observe {
    /// How often sources that are asked by the operator are asked.
    #[serde(default = "default_interval")]
    pub interval: Interval,
    /// How AWS is reached, for `rds` and `logs.cloudWatch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsAccess>,
    /// What ran: image digests, resources, replicas, nodes, versions; and whether it is what it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<ObserveProvenance>,
    /// Pods' processors and memory, restarts, and the kubelet's counters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(
        feature = "kube",
        schemars(length(max = 8)),
        x_kube(merge_strategy = kube::core::ListMerge::Map(vec!["name".to_owned()]))
    )]
    pub pods: Vec<ObservePods>,
    /// A PostgreSQL database, by a connection of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<ObservePostgres>,
    /// An Amazon RDS instance, by CloudWatch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rds: Option<ObserveRds>,
    /// Patterns in the logs of pods and of CloudWatch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<ObserveLogs>,
    /// Queries to a Prometheus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<ObservePrometheus>,
    /// Where Python processes spend their time, by py-spy. A profiled cell is not compared with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ObserveProfile>,
}

impl Default for Observe {
    fn default() -> Self {
        Self {
            interval: default_interval(),
            aws: None,
            provenance: None,
            pods: Vec::new(),
            postgres: None,
            rds: None,
            logs: None,
            prometheus: None,
            profile: None,
        }
    }
}

fn default_interval() -> Interval {
    const { Interval::from_seconds(5) }
}
