//! What the operator itself asks of Pulp, by its metrics.

use std::ops::Sub;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::Value;
use throughput_e2e_tests::{Cluster, NAMESPACE};

/// Requests to Pulp, and the time that they took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Requests {
    /// How many.
    pub count: f64,
    /// How long all of them took, one after the other.
    pub seconds: f64,
}

impl Sub for Requests {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { count: self.count - before.count, seconds: self.seconds - before.seconds }
    }
}

impl Requests {
    /// What the operator has sent since it started.
    pub async fn of_operator(cluster: &Cluster) -> Self {
        let selector = ListParams::default()
            .labels("app.kubernetes.io/name=throughput-operator,app.kubernetes.io/component=operator");
        let pods = cluster.api::<Pod>().list(&selector).await.expect("list pods");
        let pod = pods.items.iter().find(|pod| pod.metadata.deletion_timestamp.is_none());
        let pod = pod.expect("the operator's pod").name_any();
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}:8080/proxy/metrics");
        Self::read(&cluster.kubectl(&["get", "--raw", &path], "").await.expect("the operator's metrics"))
    }

    /// Reads what a scrape says.
    fn read(text: &str) -> Self {
        let values = |name: &'static str| {
            let of_metric = text.lines().filter(move |line| line.starts_with(name));
            of_metric.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        };
        Self {
            count: values("throughput_operator_pulp_requests_total{").sum(),
            seconds: values("throughput_operator_pulp_requests_taken_seconds_total ").sum(),
        }
    }

    /// What the load generators of a report's cells have sent.
    pub fn of_generators(report: &Value) -> Self {
        let cells = report["cells"].as_array().into_iter().flatten();
        let number = |value: &Value| value.as_f64().unwrap_or_default();
        cells.fold(Self::default(), |sum, cell| {
            let requests = &cell["requests"];
            let seconds: f64 = ["latency", "failedLatency"]
                .iter()
                .map(|kind| {
                    number(&requests[kind]["count"]) * number(&requests[kind]["meanMicroseconds"]) / 1e6
                })
                .sum();
            Self { count: sum.count + number(&requests["sent"]), seconds: sum.seconds + seconds }
        })
    }

    /// The share of these in these and the others: of the requests, and of their time.
    pub fn share_beside(self, others: Self) -> (f64, f64) {
        (self.count / (self.count + others.count), self.seconds / (self.seconds + others.seconds))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requests_are_summed_over_what_came_of_them() {
        let scrape = "# TYPE throughput_operator_pulp_requests counter\n\
            throughput_operator_pulp_requests_total{outcome=\"ok\"} 40\n\
            throughput_operator_pulp_requests_total{outcome=\"timeout\"} 2\n\
            throughput_operator_pulp_requests_taken_seconds_total 1.5\n# EOF\n";
        assert_eq!(Requests::read(scrape), Requests { count: 42.0, seconds: 1.5 });
    }

    #[test]
    fn the_share_is_of_all_requests() {
        let latency = |count: u32| json!({"count": count, "meanMicroseconds": 100_000});
        let cell = json!({"requests": {"sent": 90, "latency": latency(80), "failedLatency": latency(10)}});
        let generators = Requests::of_generators(&json!({"cells": [cell, {"requests": null}]}));
        assert_eq!(generators, Requests { count: 90.0, seconds: 9.0 });
        let (of_count, of_time) = Requests { count: 10.0, seconds: 1.0 }.share_beside(generators);
        assert!((of_count - 0.1).abs() < 1e-9 && (of_time - 0.1).abs() < 1e-9, "{of_count} {of_time}");
    }
}
