//! The kubelet's metrics that are read: one table. Pure.

use crate::metric::Better;

/// How values become figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It only grows: its rate and its total are figures.
    Counter,
    /// Its values are figures as they are.
    Gauge,
    /// It only grows, and counts for the share of periods in which a container was held back.
    Periods,
}

/// A metric of the kubelet's, and how figures call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The kubelet's name.
    pub(crate) metric: &'static str,
    /// The name in figures, with the unit.
    pub(crate) name: &'static str,
    /// How its values become figures.
    pub(crate) kind: Kind,
    /// Whether every kubelet has it of every container. Whether a container is held back is told only of those with a
    /// processor limit.
    pub(crate) is_expected: bool,
    /// Which way its figures are better.
    pub(crate) better: Better,
}

/// The share of periods in which a container was held back by its processor limit.
pub(crate) const THROTTLED: &str = "throttledPeriodsPercent";
/// All periods in which a container wanted to run.
pub(crate) const PERIODS: &str = "periods";
/// Those of them in which it was held back.
pub(crate) const THROTTLED_PERIODS: &str = "throttledPeriods";

/// All metrics that are read.
pub(crate) const COUNTED: [Counted; 12] = [
    expected("container_cpu_usage_seconds_total", "cpuSeconds", Kind::Counter),
    limited("container_cpu_cfs_throttled_seconds_total", "throttledSeconds", Kind::Counter),
    limited("container_cpu_cfs_periods_total", PERIODS, Kind::Periods),
    limited("container_cpu_cfs_throttled_periods_total", THROTTLED_PERIODS, Kind::Periods),
    expected("container_memory_working_set_bytes", "workingSetBytes", Kind::Gauge),
    expected("container_threads", "threads", Kind::Gauge),
    expected("container_file_descriptors", "openFiles", Kind::Gauge),
    expected("container_sockets", "sockets", Kind::Gauge),
    expected("container_fs_reads_bytes_total", "diskReadBytes", Kind::Counter),
    expected("container_fs_writes_bytes_total", "diskWrittenBytes", Kind::Counter),
    expected("container_network_receive_bytes_total", "networkReceivedBytes", Kind::Counter),
    expected("container_network_transmit_bytes_total", "networkSentBytes", Kind::Counter),
];

const fn expected(metric: &'static str, name: &'static str, kind: Kind) -> Counted {
    Counted { metric, name, kind, is_expected: true, better: Better::Neither }
}

const fn limited(metric: &'static str, name: &'static str, kind: Kind) -> Counted {
    Counted { metric, name, kind, is_expected: false, better: Better::Lower }
}
