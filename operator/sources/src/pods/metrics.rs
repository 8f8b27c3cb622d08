//! The names of the figures that groups of pods have. Pure.

use throughput_crds::ObservePods;

use crate::metric::Metric;
use crate::pods::counters::{COUNTED, Kind, THROTTLED};

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
const PODS: [&str; 2] = ["replicas", "notReady"];
const FIGURES: [&str; 2] = ["restarts.total", "outOfMemoryKills.total"];

/// The metrics of these groups.
pub fn metrics(groups: &[ObservePods]) -> Vec<Metric> {
    groups.iter().flat_map(of_group).collect()
}

/// What the metrics API is asked for, of these groups.
pub(crate) fn of_usage<'a>(groups: impl IntoIterator<Item = &'a ObservePods>) -> Vec<String> {
    let of = |group: &'a ObservePods| USAGE.map(|name| format!("{}.{name}", group.name));
    groups.into_iter().flat_map(of).collect()
}

/// What kubelets are asked for, of those groups for which they are.
pub(crate) fn of_kubelets<'a>(groups: impl IntoIterator<Item = &'a ObservePods>) -> Vec<String> {
    let names = || COUNTED.iter().filter(|counted| counted.kind != Kind::Periods).map(|counted| counted.name);
    let asked = groups.into_iter().filter(|group| group.kubelet);
    asked.flat_map(|group| names().chain([THROTTLED]).map(|name| format!("{}.{name}", group.name))).collect()
}

fn of_group(group: &ObservePods) -> Vec<Metric> {
    let named = |name: &str| format!("{}.{name}", group.name);
    let mut metrics: Vec<Metric> =
        USAGE.iter().chain(&PODS).map(|name| Metric::Series(named(name))).collect();
    metrics.extend(FIGURES.iter().map(|name| Metric::Figure(named(name))));
    if group.kubelet {
        metrics.extend(COUNTED.iter().filter_map(|counted| match counted.kind {
            Kind::Counter => Some(Metric::Counter(named(counted.name))),
            Kind::Gauge => Some(Metric::Series(named(counted.name))),
            Kind::Periods => None,
        }));
        metrics.push(Metric::Series(named(THROTTLED)));
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
        assert!(metrics(&[api.clone()]).contains(&Metric::Series("api.cpuPercentOfLimit".to_owned())));
        api.kubelet = true;
        let with_kubelet = metrics(&[api]);
        assert_eq!(with_kubelet.len(), 21);
        assert!(with_kubelet.contains(&Metric::Series("api.throttledPeriodsPercent".to_owned())));
        assert!(with_kubelet.contains(&Metric::Counter("api.cpuSeconds".to_owned())));
    }
}
