//! The metrics of an Amazon RDS instance. Pure.

use throughput_crds::ObserveRds;

use crate::metric::{Better, Metric};
use crate::rds::cloudwatch_metric::asked_for;
use crate::rds::insights::LOAD_BY_WAIT;
use crate::rds::instance::{CONNECTIONS_OF_MAXIMUM, MAX_CONNECTIONS};

/// The share of the window's minutes of which CloudWatch has the points.
pub(crate) const COVERAGE: &str = "coveragePercent";

/// The metrics that an instance can have.
pub(crate) fn metrics(settings: &ObserveRds) -> Vec<Metric> {
    let cloud_watch = asked_for(settings).into_iter();
    let mut metrics: Vec<Metric> =
        cloud_watch.map(|metric| Metric::series(metric.names.figure, metric.better)).collect();
    metrics.push(Metric::series(CONNECTIONS_OF_MAXIMUM, Better::Lower));
    if settings.performance_insights {
        metrics.push(Metric::series(LOAD_BY_WAIT, Better::Neither));
    }
    metrics.push(Metric::figure(COVERAGE, Better::Higher));
    metrics.push(Metric::figure(MAX_CONNECTIONS, Better::Neither));
    metrics
}
