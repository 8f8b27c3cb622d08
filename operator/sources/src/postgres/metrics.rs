//! The metrics of a PostgreSQL database. Pure.

use throughput_crds::ObservePostgres;

use crate::metric::{Better, Metric};

use super::look;

/// The metrics that each look samples.
const LOOK: [(&str, Better); 9] = [
    ("sessions", Better::Neither),
    ("activeSessions", Better::Neither),
    ("idleInTransactionSessions", Better::Lower),
    ("waitingSessions", Better::Lower),
    ("connections", Better::Neither),
    ("connectionsPercentOfMax", Better::Lower),
    ("blockedSessions", Better::Lower),
    ("longestBlockedSeconds", Better::Lower),
    ("longestTransactionSeconds", Better::Lower),
];
/// The figures of the cost of statements.
const STATEMENTS: [(&str, Better); 4] = [
    ("statements.calls", Better::Neither),
    ("statements.rows", Better::Neither),
    ("statements.totalMilliseconds", Better::Neither),
    ("statements.slowestMeanMilliseconds", Better::Lower),
];

/// The metrics of this source.
pub(crate) fn metrics(spec: &ObservePostgres) -> Vec<Metric> {
    let mut metrics: Vec<Metric> = LOOK.map(|(name, better)| Metric::series(name, better)).into();
    metrics.extend(look::COUNTERS.map(|(_, name, better)| Metric::counter(name, better)));
    if spec.connection_probe {
        metrics.push(Metric::series("connectTimeMilliseconds", Better::Lower));
        metrics.push(Metric::counter("connectFailures", Better::Lower));
        let percentiles = ["p50", "p99", "max"].map(|rank| format!("connectTime.{rank}Milliseconds"));
        metrics.extend(percentiles.map(|name| Metric::figure(name, Better::Lower)));
    }
    if spec.statements > 0 {
        metrics.extend(STATEMENTS.map(|(name, better)| Metric::figure(name, better)));
    }
    metrics
}
