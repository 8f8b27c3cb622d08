//! The kubelet's own counters of containers: read, and recorded as figures. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::pods::counted::{COUNTED, Kind, PERIODS, THROTTLED, THROTTLED_PERIODS};
use crate::pods::exposition::Sample;
use crate::pods::memory::Memory;
use crate::pods::owners::{Owner, Owners};
use crate::pods::usage::Span;
use crate::recording::Recording;

/// Values, and when they were measured, by control group.
type ByControlGroup = BTreeMap<String, (f64, Timestamp)>;

/// The kubelets' answers about our containers: by metric, owner and control group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    values: BTreeMap<(&'static str, Owner), ByControlGroup>,
}

/// The state since the reading before: small, and not worth to outlive the operator.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before {
    /// When each gauge was measured.
    gauges: BTreeMap<(&'static str, Owner), Timestamp>,
    /// All periods, and those in which a container was held back.
    periods: BTreeMap<Owner, (f64, f64)>,
    /// The counters that were read before, by the metric and the series' subject.
    known: BTreeSet<(String, String)>,
}

impl Reading {
    /// Takes a line of what a kubelet told, if it is about one of these.
    pub(crate) fn take(&mut self, line: &str, owners: &Owners, namespace: &str, now: Timestamp) {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let Some(counted) = COUNTED.iter().find(|counted| counted.metric == name) else { return };
        let Some(sample) = Sample::parse(line) else { return };
        let at = sample.at.unwrap_or(now);
        for owner in owners.of(&sample, namespace) {
            let groups = self.values.entry((counted.name, owner.clone())).or_default();
            let control_group = sample.label("id").unwrap_or_default().to_owned();
            // Disks and network interfaces are told one by one.
            let sum = groups.entry(control_group).or_insert((0.0, at));
            *sum = (sum.0 + sample.value, sum.1.max(at));
        }
    }

    /// Adds another reading.
    pub(crate) fn merge(&mut self, other: Self) {
        self.values.extend(other.values);
    }

    /// Until when all of its counters were measured; none where there is none.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.values.values().flat_map(BTreeMap::values).map(|(_, at)| *at).min()
    }

    /// The value: where a pod has its network in two control groups, they tell of the same.
    fn value(groups: &ByControlGroup) -> Option<(f64, Timestamp)> {
        groups.values().copied().max_by(|one, other| one.0.total_cmp(&other.0))
    }
}

/// Records a reading.
pub(crate) fn record(
    memory: &mut Memory,
    recording: &mut Recording,
    before: &mut Before,
    reading: &Reading,
    within: Span,
) {
    let mut periods: BTreeMap<Owner, BTreeMap<&str, (f64, Timestamp)>> = BTreeMap::new();
    for ((name, owner), groups) in &reading.values {
        let Some((value, at)) = Reading::value(groups) else { continue };
        let Some(counted) = COUNTED.iter().find(|counted| counted.name == *name) else { continue };
        let metric = format!("{}.{name}", owner.group);
        match counted.kind {
            Kind::Counter => {
                let is_new = before.known.insert((metric.clone(), owner.subject.clone()));
                // A container that started within the cell had counted nothing then.
                let started_at = owner.started_at.filter(|at| is_new && within.contains(*at));
                if let Some(started_at) = started_at {
                    recording.count(&metric, &owner.subject, started_at, 0.0);
                }
                recording.count(&metric, &owner.subject, at, value);
                memory.recorded.insert(metric);
            }
            Kind::Gauge => {
                let last = before.gauges.insert((name, owner.clone()), at);
                if within.contains(at) && last.is_none_or(|last| last < at) {
                    recording.sample(&metric, &owner.subject, at, value);
                }
                memory.recorded.insert(metric);
            }
            Kind::Periods => {
                periods.entry(owner.clone()).or_default().insert(name, (value, at));
            }
        }
    }
    // Containers that are gone are forgotten.
    before.gauges.retain(|gauge, _| reading.values.contains_key(gauge));
    before.periods.retain(|owner, _| periods.contains_key(owner));
    for (owner, values) in periods {
        let (Some((all, at)), Some((throttled, _))) = (values.get(PERIODS), values.get(THROTTLED_PERIODS))
        else {
            continue;
        };
        record_throttling(memory, recording, before, &owner, (*all, *throttled), *at);
    }
}

/// The share of the periods since the last reading in which a container was held back.
fn record_throttling(
    memory: &mut Memory,
    recording: &mut Recording,
    before: &mut Before,
    owner: &Owner,
    (all, throttled): (f64, f64),
    at: Timestamp,
) {
    let Some((all_before, throttled_before)) = before.periods.insert(owner.clone(), (all, throttled)) else {
        return;
    };
    let (all, throttled) = (all - all_before, throttled - throttled_before);
    if all > 0.0 && throttled >= 0.0 {
        let metric = format!("{}.{THROTTLED}", owner.group);
        recording.sample(&metric, &owner.subject, at, (throttled / all * 100.0).min(100.0));
        memory.recorded.insert(metric);
    }
}

/// The names of the metrics that every kubelet should have of a group's containers, and none had.
pub(crate) fn missing(memory: &Memory, group: &str) -> Vec<&'static str> {
    let expected = COUNTED.iter().filter(|counted| counted.is_expected);
    let missing = expected.filter(|counted| !memory.recorded.contains(&format!("{group}.{}", counted.name)));
    missing.map(|counted| counted.name).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pods::fixture::pod;
    use crate::pods::group::watched;

    /// What a real kubelet says of the container, so many milliseconds after the epoch.
    fn told(at: i64, cpu_seconds: f64, periods: u32, throttled: u32) -> String {
        let pod = "/throughput/kubepods/burstable/pod6a23387b";
        let group = format!(r#"container="",id="{pod}/88bf37f5",image="",name="",namespace="",pod="""#);
        let sandbox = format!(r#"container="",id="{pod}/ce5c450d",image="",name="",namespace="",pod="""#);
        let whole = format!(r#"container="",id="{pod}",image="",name="",namespace="pulp",pod="burner""#);
        format!(
            "# HELP container_threads Number of threads\n\
             container_cpu_usage_seconds_total{{{whole},cpu=\"total\"}} 900 {at}\n\
             container_cpu_usage_seconds_total{{{group},cpu=\"total\"}} {cpu_seconds} {at}\n\
             container_cpu_usage_seconds_total{{{sandbox},cpu=\"total\"}} 0.04 {at}\n\
             container_cpu_cfs_periods_total{{{group}}} {periods} {at}\n\
             container_cpu_cfs_throttled_periods_total{{{group}}} {throttled} {at}\n\
             container_file_descriptors{{{whole}}} 0 {at}\n\
             container_file_descriptors{{{group}}} 22 {at}\n\
             container_fs_reads_bytes_total{{{group},device=\"/dev/vda\"}} 4096 {at}\n\
             container_fs_reads_bytes_total{{{group},device=\"/dev/vdb\"}} 8192 {at}\n\
             container_network_receive_bytes_total{{{whole},interface=\"eth0\"}} 1e+03 {at}\n\
             container_network_receive_bytes_total{{{whole},interface=\"eth1\"}} 500 {at}\n\
             container_network_receive_bytes_total{{id=\"/\",interface=\"eth0\",namespace=\"\",pod=\"\"}} 7 {at}\n\
             container_network_receive_bytes_total{{id=\"/x\",interface=\"eth0\",namespace=\"other\",pod=\"burner\"}} 9 {at}\n\
             container_processes{{{group}}} 3 {at}\n"
        )
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    struct Run {
        owners: Owners,
        memory: Memory,
        before: Before,
        recording: Recording,
    }

    impl Run {
        fn new(started_at: i64) -> Self {
            let mut pod = watched(&pod(json!({})));
            pod.containers[0].started_at = Some(at(started_at));
            let mut owners = Owners::default();
            owners.add("api", &[pod]);
            let recording = Recording::new("pods", at(0));
            Self { owners, memory: Memory::default(), before: Before::default(), recording }
        }

        fn read(&mut self, text: &str) -> Reading {
            let mut reading = Reading::default();
            for line in text.lines() {
                reading.take(line, &self.owners, "pulp", at(0));
            }
            let within = Span { start: at(100), end: None };
            record(&mut self.memory, &mut self.recording, &mut self.before, &reading, within);
            reading
        }

        fn figure(&self, name: &str) -> Option<f64> {
            self.recording.report().summary.figures.get(&format!("pods.api.{name}")).copied()
        }
    }

    #[test]
    fn counters_are_those_of_the_container_and_grow_into_rates_and_totals() {
        let mut run = Run::new(50);
        run.read(&told(100_000, 10.0, 300, 280));
        run.read(&told(110_000, 10.5, 400, 375));
        for (name, expected) in [
            ("cpuSeconds.total", Some(0.5)),
            ("cpuSecondsPerSecond.max", Some(0.05)),
            ("throttledPeriodsPercent.max", Some(95.0)),
            ("openFiles.min", Some(22.0)),
            ("openFiles.max", Some(22.0)),
            ("diskReadBytes.total", Some(0.0)),
            ("networkReceivedBytes.total", Some(0.0)),
            ("sockets.max", None),
            ("diskWrittenBytes.total", None),
        ] {
            assert_eq!(run.figure(name), expected, "{name}");
        }
    }

    #[test]
    fn what_was_started_within_the_cell_counts_from_nothing() {
        let mut run = Run::new(105);
        run.read(&told(110_000, 10.0, 300, 280));
        assert_eq!(run.figure("cpuSeconds.total"), Some(10.0));
        assert_eq!(run.figure("cpuSecondsPerSecond.max"), Some(2.0));
        assert_eq!(run.figure("diskReadBytes.total"), Some(12_288.0));
        assert_eq!(run.figure("networkReceivedBytes.total"), Some(1_500.0));
    }

    #[test]
    fn what_the_kubelet_has_not_measured_again_does_not_count_again() {
        let mut run = Run::new(50);
        for _ in 0..3 {
            run.read(&told(100_000, 10.0, 300, 280));
        }
        run.read(&told(99_000, 9.0, 290, 270));
        let series = run.recording.report().series;
        let files = series.iter().find(|series| series.metric == "api.openFiles").unwrap();
        assert_eq!(files.points.len(), 1);
        assert!(!series.iter().any(|series| series.metric.contains("PerSecond")));
    }

    #[test]
    fn a_gauge_from_before_the_cell_does_not_count() {
        let mut run = Run::new(50);
        run.read(&told(95_000, 10.0, 300, 280));
        assert_eq!(run.figure("openFiles.max"), None);
    }

    #[test]
    fn a_container_that_began_again_is_not_held_back_less_than_not_at_all() {
        let mut run = Run::new(50);
        run.read(&told(100_000, 10.0, 300, 280));
        run.read(&told(110_000, 1.0, 20, 5));
        assert_eq!(run.figure("throttledPeriodsPercent.max"), None);
        run.read(&told(120_000, 1.0, 120, 30));
        assert_eq!(run.figure("throttledPeriodsPercent.max"), Some(25.0));
        assert_eq!(run.figure("cpuSeconds.total"), Some(1.0));
    }

    #[test]
    fn what_every_kubelet_should_have_and_none_had_is_named() {
        let mut run = Run::new(50);
        let reading = run.read(&told(100_000, 10.0, 300, 280));
        let expected = ["workingSetBytes", "threads", "sockets", "diskWrittenBytes", "networkSentBytes"];
        assert_eq!(missing(&run.memory, "api"), expected);
        assert_eq!(reading.oldest(), Some(at(100)));
    }
}
