//! The metrics of `AWS/RDS`: which are read, and what their figures are called.

use std::collections::BTreeSet;

use throughput_crds::ObserveRds;

/// A metric that is read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    /// CloudWatch's name.
    pub(crate) name: String,
    /// How figures call it, with its unit.
    pub(crate) figure: String,
    /// What a value is multiplied with to be in that unit.
    pub(crate) factor: f64,
    /// Whether a minute without a point is one that is missing.
    pub(crate) presence: Presence,
}

/// When CloudWatch has points of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Each minute, of an engine and storage that know it.
    EachMinute,
    /// Only under load, or only of some kinds of storage.
    Sometimes,
    /// Not known here; but it was asked for by name.
    Asked,
}

use Presence::{EachMinute, Sometimes};

/// The metric that an instance of any engine has.
pub(crate) const OF_ANY_INSTANCE: &str = "CPUUtilization";
/// The metric whose share of the maximum is a figure of its own.
pub(crate) const CONNECTIONS: &str = "DatabaseConnections";

/// What is read unasked: CloudWatch's name, the figure's, the factor, the presence.
const USUAL: [(&str, &str, f64, Presence); 18] = [
    (OF_ANY_INSTANCE, "cpuPercent", 1.0, EachMinute),
    (CONNECTIONS, "databaseConnections", 1.0, EachMinute),
    ("FreeableMemory", "freeableMemoryBytes", 1.0, EachMinute),
    ("SwapUsage", "swapUsageBytes", 1.0, EachMinute),
    ("FreeStorageSpace", "freeStorageSpaceBytes", 1.0, EachMinute),
    ("ReadIOPS", "readIops", 1.0, EachMinute),
    ("WriteIOPS", "writeIops", 1.0, EachMinute),
    ("ReadLatency", "readLatencyMilliseconds", 1_000.0, EachMinute),
    ("WriteLatency", "writeLatencyMilliseconds", 1_000.0, EachMinute),
    ("ReadThroughput", "readThroughputBytesPerSecond", 1.0, EachMinute),
    ("WriteThroughput", "writeThroughputBytesPerSecond", 1.0, EachMinute),
    ("NetworkReceiveThroughput", "networkReceiveThroughputBytesPerSecond", 1.0, EachMinute),
    ("NetworkTransmitThroughput", "networkTransmitThroughputBytesPerSecond", 1.0, EachMinute),
    ("DiskQueueDepth", "diskQueueDepth", 1.0, EachMinute),
    ("BurstBalance", "burstBalancePercent", 1.0, Sometimes),
    ("DBLoad", "dbLoad", 1.0, Sometimes),
    ("DBLoadCPU", "dbLoadCpu", 1.0, Sometimes),
    ("DBLoadNonCPU", "dbLoadNonCpu", 1.0, Sometimes),
];

/// Others whose unit is known.
const FURTHER: [(&str, &str, f64); 15] = [
    ("BufferCacheHitRatio", "bufferCacheHitRatioPercent", 1.0),
    ("CheckpointLag", "checkpointLagSeconds", 1.0),
    ("CommitLatency", "commitLatencyMilliseconds", 1.0),
    ("CommitThroughput", "commitsPerSecond", 1.0),
    ("DiskQueueDepthLogVolume", "diskQueueDepthLogVolume", 1.0),
    ("FreeLocalStorage", "freeLocalStorageBytes", 1.0),
    ("FreeStorageSpaceLogVolume", "freeStorageSpaceLogVolumeBytes", 1.0),
    ("OldestReplicationSlotLag", "oldestReplicationSlotLagBytes", 1.0),
    ("ReadLatencyLogVolume", "readLatencyLogVolumeMilliseconds", 1_000.0),
    ("ReplicaLag", "replicaLagSeconds", 1.0),
    ("ReplicationSlotDiskUsage", "replicationSlotDiskUsageBytes", 1.0),
    ("TempStorageThroughput", "tempStorageThroughputBytesPerSecond", 1.0),
    ("TransactionLogsDiskUsage", "transactionLogsDiskUsageBytes", 1.0),
    ("TransactionLogsGeneration", "transactionLogsGenerationBytesPerSecond", 1.0),
    ("WriteLatencyLogVolume", "writeLatencyLogVolumeMilliseconds", 1_000.0),
];

/// The usual metrics, and those that are asked for besides.
pub(crate) fn metrics(rds: &ObserveRds) -> Vec<Metric> {
    let usual = USUAL.iter().map(|(name, figure, factor, presence)| Metric {
        name: (*name).to_owned(),
        figure: (*figure).to_owned(),
        factor: *factor,
        presence: *presence,
    });
    let asked: BTreeSet<&str> = rds.metrics.iter().map(String::as_str).collect();
    let is_usual = |name: &str| USUAL.iter().any(|(usual, ..)| *usual == name);
    let asked = asked.into_iter().filter(|name| !is_usual(name)).map(|name| {
        let known = FURTHER.iter().find(|(known, ..)| *known == name);
        Metric {
            name: name.to_owned(),
            figure: known.map_or_else(|| figure(name), |(_, figure, _)| (*figure).to_owned()),
            factor: known.map_or(1.0, |(_, _, factor)| *factor),
            presence: Presence::Asked,
        }
    });
    usual.chain(asked).collect()
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

    fn asked(names: &[&str]) -> Vec<Metric> {
        let metrics_asked = names.iter().map(|name| (*name).to_owned()).collect();
        let rds =
            ObserveRds { instance: "pulp".to_owned(), metrics: metrics_asked, performance_insights: false };
        metrics(&rds)
    }

    #[test]
    fn what_is_asked_for_is_added_to_the_usual_once() {
        let more = asked(&["CPUCreditBalance", "BurstBalance", "ReadLatencyLogVolume", "CPUCreditBalance"]);
        assert_eq!(more.len(), USUAL.len() + 2);
        let expected = Metric {
            name: "CPUCreditBalance".to_owned(),
            figure: "cpuCreditBalance".to_owned(),
            factor: 1.0,
            presence: Presence::Asked,
        };
        assert_eq!(more[USUAL.len()], expected);
        assert_eq!(more[USUAL.len() + 1].figure, "readLatencyLogVolumeMilliseconds");
        assert!((more[USUAL.len() + 1].factor - 1_000.0).abs() < f64::EPSILON);
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
