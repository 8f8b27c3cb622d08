//! The names of the figures that groups of pods have. Pure.

use throughput_crds::ObservePods;

use crate::metric::{Better, Metric};
use crate::pods::counted::{COUNTED, Kind, THROTTLED};

/// By the metrics API.
const USAGE: [&str; 6] = [
    "cpuMillicores",
    "cpuPercentOfLimit",
    "cpuPercentOfRequest",
    "memoryBytes",
    "memoryPercentOfLimit",
    "memoryPercentOfRequest",
];
/// By the pods' status.
const PODS: [(&str, Better); 2] = [("replicas", Better::Neither), ("notReady", Better::Lower)];
/// By the containers' status, within the cell.
const FIGURES: [&str; 2] = ["restarts.total", "outOfMemoryKills.total"];

/// The metrics of these groups.
pub(crate) fn metrics(groups: &[ObservePods]) -> Vec<Metric> {
    groups.iter().flat_map(of_group).collect()
}

/// The metrics of these groups that come from the metrics API.
pub(crate) fn of_usage<'a>(groups: impl IntoIterator<Item = &'a ObservePods>) -> Vec<String> {
    let of = |group: &'a ObservePods| USAGE.map(|name| format!("{}.{name}", group.name));
    groups.into_iter().flat_map(of).collect()
}

/// The metrics that come from kubelets, of those groups that ask for them.
pub(crate) fn of_kubelets<'a>(groups: impl IntoIterator<Item = &'a ObservePods>) -> Vec<String> {
    let names = || COUNTED.iter().filter(|counted| counted.kind != Kind::Periods).map(|counted| counted.name);
    let asked = groups.into_iter().filter(|group| group.kubelet);
    asked.flat_map(|group| names().chain([THROTTLED]).map(|name| format!("{}.{name}", group.name))).collect()
}

fn of_group(group: &ObservePods) -> Vec<Metric> {
    let named = |name: &str| format!("{}.{name}", group.name);
    let usage = USAGE.map(|name| Metric::series(named(name), Better::Neither));
    let pods = PODS.map(|(name, better)| Metric::series(named(name), better));
    let figures = FIGURES.map(|name| Metric::figure(named(name), Better::Lower));
    let mut metrics: Vec<Metric> = usage.into_iter().chain(pods).chain(figures).collect();
    if group.kubelet {
        metrics.extend(COUNTED.iter().filter_map(|counted| match counted.kind {
            Kind::Counter => Some(Metric::counter(named(counted.name), counted.better)),
            Kind::Gauge => Some(Metric::series(named(counted.name), counted.better)),
            Kind::Periods => None,
        }));
        metrics.push(Metric::series(named(THROTTLED), Better::Lower));
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pods::fixture::group;

    #[test]
    fn a_group_has_the_kubelets_figures_only_where_the_kubelet_is_asked() {
        let mut api = group("api", &[("app", "pulp")]);
        assert_eq!(metrics(&[api.clone()]).len(), 10);
        assert!(metrics(&[api.clone()]).contains(&Metric::series("api.cpuPercentOfLimit", Better::Neither)));
        api.kubelet = true;
        let with_kubelet = metrics(&[api]);
        assert_eq!(with_kubelet.len(), 21);
        assert!(with_kubelet.contains(&Metric::series("api.throttledPeriodsPercent", Better::Lower)));
        assert!(with_kubelet.contains(&Metric::counter("api.cpuSeconds", Better::Neither)));
    }
}
