//! The metrics of `AWS/RDS`: which are read, and what their figures are called. Pure.

use std::collections::BTreeSet;

use throughput_crds::ObserveRds;

use crate::metric::Better;

/// A metric that CloudWatch is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CloudWatchMetric {
    /// Its names.
    pub(crate) names: Names,
    /// The factor that brings a value into the figure's unit.
    pub(crate) factor: f64,
    /// Whether a minute without a point is one that is missing.
    pub(crate) presence: Presence,
    /// Which way its figures are better.
    pub(crate) better: Better,
}

/// The two names of a metric.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Names {
    /// CloudWatch's: `ReadLatency`.
    pub(crate) cloud_watch: String,
    /// The name in its figures, with the unit: `readLatencyMilliseconds`.
    pub(crate) figure: String,
}

/// When CloudWatch has points of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Each minute, of an engine and storage that know it.
    EachMinute,
    /// Only under load, or only of some kinds of storage.
    Sometimes,
    /// Not known here; it is read only where a spec asks for it by name.
    Asked,
}

use Better::{Higher, Lower, Neither};
use Presence::{Asked, EachMinute, Sometimes};

/// The metric that an instance of any engine has.
pub(crate) const OF_ANY_INSTANCE: &str = "CPUUtilization";
/// The metric whose share of the maximum is a figure of its own.
pub(crate) const CONNECTIONS: &str = "DatabaseConnections";

/// CloudWatch's name, the figure's, the factor from one to the other, the presence, and which way is better.
type Known = (&'static str, &'static str, f64, Presence, Better);

/// The metrics whose unit is known. All are read unasked but those that say [`Asked`].
const KNOWN: [Known; 33] = [
    (OF_ANY_INSTANCE, "cpuPercent", 1.0, EachMinute, Neither),
    (CONNECTIONS, "databaseConnections", 1.0, EachMinute, Neither),
    ("FreeableMemory", "freeableMemoryBytes", 1.0, EachMinute, Higher),
    ("SwapUsage", "swapUsageBytes", 1.0, EachMinute, Lower),
    ("FreeStorageSpace", "freeStorageSpaceBytes", 1.0, EachMinute, Higher),
    ("ReadIOPS", "readIops", 1.0, EachMinute, Neither),
    ("WriteIOPS", "writeIops", 1.0, EachMinute, Neither),
    ("ReadLatency", "readLatencyMilliseconds", 1_000.0, EachMinute, Lower),
    ("WriteLatency", "writeLatencyMilliseconds", 1_000.0, EachMinute, Lower),
    ("ReadThroughput", "readThroughputBytesPerSecond", 1.0, EachMinute, Neither),
    ("WriteThroughput", "writeThroughputBytesPerSecond", 1.0, EachMinute, Neither),
    ("NetworkReceiveThroughput", "networkReceiveThroughputBytesPerSecond", 1.0, EachMinute, Neither),
    ("NetworkTransmitThroughput", "networkTransmitThroughputBytesPerSecond", 1.0, EachMinute, Neither),
    ("DiskQueueDepth", "diskQueueDepth", 1.0, EachMinute, Lower),
    ("BurstBalance", "burstBalancePercent", 1.0, Sometimes, Higher),
    ("DBLoad", "dbLoad", 1.0, Sometimes, Neither),
    ("DBLoadCPU", "dbLoadCpu", 1.0, Sometimes, Neither),
    ("DBLoadNonCPU", "dbLoadNonCpu", 1.0, Sometimes, Neither),
    ("BufferCacheHitRatio", "bufferCacheHitRatioPercent", 1.0, Asked, Higher),
    ("CheckpointLag", "checkpointLagSeconds", 1.0, Asked, Lower),
    ("CommitLatency", "commitLatencyMilliseconds", 1.0, Asked, Lower),
    ("CommitThroughput", "commitsPerSecond", 1.0, Asked, Neither),
    ("DiskQueueDepthLogVolume", "diskQueueDepthLogVolume", 1.0, Asked, Lower),
    ("FreeLocalStorage", "freeLocalStorageBytes", 1.0, Asked, Higher),
    ("FreeStorageSpaceLogVolume", "freeStorageSpaceLogVolumeBytes", 1.0, Asked, Higher),
    ("OldestReplicationSlotLag", "oldestReplicationSlotLagBytes", 1.0, Asked, Lower),
    ("ReadLatencyLogVolume", "readLatencyLogVolumeMilliseconds", 1_000.0, Asked, Lower),
    ("ReplicaLag", "replicaLagSeconds", 1.0, Asked, Lower),
    ("ReplicationSlotDiskUsage", "replicationSlotDiskUsageBytes", 1.0, Asked, Lower),
    ("TempStorageThroughput", "tempStorageThroughputBytesPerSecond", 1.0, Asked, Neither),
    ("TransactionLogsDiskUsage", "transactionLogsDiskUsageBytes", 1.0, Asked, Neither),
    ("TransactionLogsGeneration", "transactionLogsGenerationBytesPerSecond", 1.0, Asked, Neither),
    ("WriteLatencyLogVolume", "writeLatencyLogVolumeMilliseconds", 1_000.0, Asked, Lower),
];

/// The usual metrics, and those that a spec asks for besides.
pub(crate) fn asked_for(rds: &ObserveRds) -> Vec<CloudWatchMetric> {
    let usual = || KNOWN.iter().filter(|(.., presence, _)| *presence != Asked);
    let asked: BTreeSet<&str> = rds.metrics.iter().map(String::as_str).collect();
    let is_usual = |name: &str| usual().any(|(usual, ..)| *usual == name);
    let further = asked.into_iter().filter(|name| !is_usual(name)).map(|name| {
        let known = KNOWN.iter().find(|(known, ..)| *known == name);
        known.map_or_else(|| CloudWatchMetric::unknown(name), CloudWatchMetric::known)
    });
    usual().map(CloudWatchMetric::known).chain(further).collect()
}

impl CloudWatchMetric {
    fn known((name, figure, factor, presence, better): &Known) -> Self {
        let names = Names { cloud_watch: (*name).to_owned(), figure: (*figure).to_owned() };
        Self { names, factor: *factor, presence: *presence, better: *better }
    }

    fn unknown(name: &str) -> Self {
        let names = Names { cloud_watch: name.to_owned(), figure: figure(name) };
        Self { names, factor: 1.0, presence: Asked, better: Neither }
    }
}

/// CloudWatch's name as a figure is written: `CPUCreditBalance` is `cpuCreditBalance`, `EBSIOBalance%`
/// `ebsioBalancePercent`.
fn figure(name: &str) -> String {
    let (name, unit) = name.strip_suffix('%').map_or((name, ""), |name| (name, "Percent"));
    let capitals = name.bytes().take_while(u8::is_ascii_uppercase).count();
    // The last of several capitals begins the next word, unless there is none.
    let lowered = if capitals > 1 && capitals < name.len() { capitals - 1 } else { capitals };
    let (first, rest) = name.split_at(lowered);
    format!("{}{rest}{unit}", first.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: usize = 18;

    fn asked(names: &[&str]) -> Vec<CloudWatchMetric> {
        let metrics_asked = names.iter().map(|name| (*name).to_owned()).collect();
        let rds =
            ObserveRds { instance: "pulp".to_owned(), metrics: metrics_asked, performance_insights: false };
        asked_for(&rds)
    }

    #[test]
    fn what_is_asked_for_is_added_to_the_usual_once() {
        let more = asked(&["CPUCreditBalance", "BurstBalance", "ReadLatencyLogVolume", "CPUCreditBalance"]);
        assert_eq!(more.len(), USUAL + 2);
        let names =
            Names { cloud_watch: "CPUCreditBalance".to_owned(), figure: "cpuCreditBalance".to_owned() };
        let expected = CloudWatchMetric { names, factor: 1.0, presence: Asked, better: Neither };
        assert_eq!(more[USUAL], expected);
        assert_eq!(more[USUAL + 1].names.figure, "readLatencyLogVolumeMilliseconds");
        assert!((more[USUAL + 1].factor - 1_000.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_most_that_can_be_asked_for_fits_into_one_call() {
        let names: Vec<String> = (0..32).map(|number| format!("M{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(asked(&names).len() * 3 <= 500);
    }

    #[test]
    fn a_name_becomes_a_figures_name() {
        for (name, expected) in [
            ("CPUCreditBalance", "cpuCreditBalance"),
            ("Deadlocks", "deadlocks"),
            ("EBSByteBalance%", "ebsByteBalancePercent"),
            ("ACUUtilization", "acuUtilization"),
            ("ABC", "abc"),
        ] {
            assert_eq!(figure(name), expected);
        }
    }
}
