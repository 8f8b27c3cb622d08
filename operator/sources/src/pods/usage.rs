//! Processors and memory, as the metrics API (`metrics.k8s.io`) has them. Pure.
//!
//! Each of its samples stands for a span of its own, some ten seconds long, and is told until there is a newer one. A sample
//! counts once, and only if at least half of its span lies within the cell.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde::Deserialize;

use crate::pods::group::{Bounds, WatchedPod};
use crate::pods::memory::Memory;
use crate::quantity::Amount;
use crate::recording::Recording;

/// A pod's sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Usage {
    /// The pod's name.
    pub(crate) pod: String,
    /// When the sample's span ended.
    pub(crate) ended_at: Timestamp,
    /// How long the span was.
    pub(crate) span: SignedDuration,
    /// The usage, by container.
    containers: BTreeMap<String, Used>,
}

/// The usage of a container.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Used {
    /// Processors, as a mean over the span.
    cores: Option<f64>,
    /// Memory in use at its end.
    bytes: Option<f64>,
}

/// The time in which samples count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// From when.
    pub(crate) start: Timestamp,
    /// Until when, once that is known.
    pub(crate) end: Option<Timestamp>,
}

impl Span {
    /// Whether an instant lies within it.
    pub(crate) fn contains(self, at: Timestamp) -> bool {
        at >= self.start && self.end.is_none_or(|end| at <= end)
    }
}

#[derive(Deserialize)]
struct Answer {
    timestamp: Timestamp,
    window: String,
    #[serde(default)]
    containers: Vec<AnsweredContainer>,
}

#[derive(Deserialize)]
struct AnsweredContainer {
    name: String,
    #[serde(default)]
    usage: BTreeMap<String, Quantity>,
}

impl Usage {
    /// Reads a `PodMetrics`; none where it is not one.
    pub(crate) fn read(object: &DynamicObject) -> Option<Self> {
        let answer = Answer::deserialize(&object.data).ok()?;
        let containers = answer.containers.into_iter().map(|container| {
            let value = |resource: &str| Some(Amount::parse(&container.usage.get(resource)?.0)?.value());
            let used = Used { cores: value("cpu"), bytes: value("memory") };
            (container.name, used)
        });
        Some(Self {
            pod: object.name_any(),
            ended_at: answer.timestamp,
            span: answer.window.parse().ok()?,
            containers: containers.collect(),
        })
    }

    /// The middle of its span: where that lies, there lies the better part of it.
    pub(crate) fn middle(&self) -> Timestamp {
        self.ended_at.saturating_sub(self.span / 2).unwrap_or(self.ended_at)
    }
}

/// Records the samples of a group's pods that are new, and lie within this time.
pub(crate) fn record(
    memory: &mut Memory,
    recording: &mut Recording,
    group: &str,
    pods: &[WatchedPod],
    usages: &[Usage],
    within: Span,
) {
    for pod in pods {
        let Some(usage) = usages.iter().find(|usage| usage.pod == pod.name) else { continue };
        if memory.sampled.get(&pod.name).is_some_and(|last| *last >= usage.ended_at)
            || !within.contains(usage.middle())
        {
            continue;
        }
        for container in &pod.containers {
            let Some(used) = usage.containers.get(&container.name) else { continue };
            for (metric, value) in values(*used, container.requests, container.limits) {
                let metric = format!("{group}.{metric}");
                recording.sample(&metric, &container.subject, usage.ended_at, value);
                memory.recorded.insert(metric);
            }
        }
    }
}

/// Notes which samples were seen. It follows on [`record`] for all groups: a pod may be in two of them.
pub(crate) fn note_seen(memory: &mut Memory, usages: &[Usage], within: Span) {
    let seen = usages.iter().filter(|usage| within.contains(usage.middle()));
    for usage in seen {
        let last = memory.sampled.entry(usage.pod.clone()).or_insert(usage.ended_at);
        *last = usage.ended_at.max(*last);
    }
    memory.sampled.retain(|pod, _| usages.iter().any(|usage| usage.pod == *pod));
}

/// The figures of one sample: what was used, and which part that is of what the container asked for, and may use.
fn values(used: Used, requests: Bounds, limits: Bounds) -> Vec<(&'static str, f64)> {
    let percent = |used: Option<f64>, of: Option<f64>| Some(used? / of? * 100.0);
    let all = [
        ("cpuMillicores", used.cores.map(|cores| cores * 1_000.0)),
        ("cpuPercentOfLimit", percent(used.cores, limits.cores)),
        ("cpuPercentOfRequest", percent(used.cores, requests.cores)),
        ("memoryBytes", used.bytes),
        ("memoryPercentOfLimit", percent(used.bytes, limits.bytes)),
        ("memoryPercentOfRequest", percent(used.bytes, requests.bytes)),
    ];
    all.into_iter().filter_map(|(metric, value)| Some((metric, value?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::pods::fixture::pod;
    use crate::pods::group::watched;

    fn at(time: &str) -> Timestamp {
        format!("2026-11-22T{time}Z").parse().unwrap()
    }

    /// What a real metrics-server says of a pod.
    fn usage(ended_at: &str, cores: &str) -> Usage {
        let answer = json!({
            "metadata": {"name": "burner", "namespace": "pulp", "creationTimestamp": "2026-11-22T09:07:52Z"},
            "timestamp": at(ended_at),
            "window": "9.999s",
            "containers": [{"name": "main", "usage": {"cpu": cores, "memory": "16Mi"}}],
        });
        Usage::read(&serde_json::from_value(answer).unwrap()).unwrap()
    }

    fn recorded(usages: &[Usage], within: Span) -> (Recording, Memory) {
        let mut recording = Recording::new("pods", at("09:00:00"));
        let mut memory = Memory::default();
        let pods = [watched(&pod(json!({})))];
        for usage in usages {
            let usages = std::slice::from_ref(usage);
            record(&mut memory, &mut recording, "api", &pods, usages, within);
            note_seen(&mut memory, usages, within);
        }
        (recording, memory)
    }

    fn figure(recording: &Recording, name: &str) -> Option<f64> {
        recording.report().summary.figures.get(&format!("pods.api.{name}")).copied()
    }

    const ALWAYS: Span = Span { start: Timestamp::UNIX_EPOCH, end: None };

    #[test]
    fn what_is_used_is_told_against_what_is_asked_for_and_allowed() {
        let (recording, memory) = recorded(&[usage("09:07:48", "49650193n")], ALWAYS);
        for (name, expected) in [
            ("cpuMillicores.max", 49.6502),
            ("cpuPercentOfLimit.max", 99.3004),
            ("cpuPercentOfRequest.max", 496.502),
            ("memoryBytes.max", 16_777_200.0),
            ("memoryPercentOfLimit.max", 25.0),
            ("memoryPercentOfRequest.max", 100.0),
        ] {
            assert_eq!(figure(&recording, name), Some(expected), "{name}");
        }
        assert_eq!(memory.recorded.len(), 6);
    }

    #[test]
    fn where_nothing_is_asked_for_or_allowed_there_is_no_percentage() {
        let mut recording = Recording::new("pods", at("09:00:00"));
        let mut free = watched(&pod(json!({})));
        (free.containers[0].limits, free.containers[0].requests) = (Bounds::default(), Bounds::default());
        let usages = [usage("09:07:48", "1")];
        record(&mut Memory::default(), &mut recording, "api", &[free], &usages, ALWAYS);
        let figures = recording.report().summary.figures;
        assert_eq!(figures.keys().filter(|name| name.contains("Percent")).count(), 0);
        assert_eq!(figures.get("pods.api.cpuMillicores.max"), Some(&1_000.0));
    }

    #[test]
    fn a_sample_counts_once() {
        let samples = [("09:07:48", "10m"), ("09:07:48", "10m"), ("09:07:58", "40m"), ("09:07:48", "10m")];
        let usages = samples.map(|(at, cores)| usage(at, cores));
        let (recording, _) = recorded(&usages, ALWAYS);
        assert_eq!(figure(&recording, "cpuMillicores.mean"), Some(25.0));
    }

    #[test]
    fn a_sample_counts_only_if_the_better_part_of_it_lies_within_the_cell() {
        let within = Span { start: at("09:07:40"), end: Some(at("09:08:00")) };
        for (ended_at, counts) in [
            ("09:07:44", false),
            ("09:07:45", true),
            ("09:08:00", true),
            ("09:08:04", true),
            ("09:08:06", false),
        ] {
            let (recording, memory) = recorded(&[usage(ended_at, "1")], within);
            assert_eq!(figure(&recording, "cpuMillicores.max").is_some(), counts, "{ended_at}");
            assert_eq!(memory.sampled.len(), usize::from(counts), "{ended_at}");
        }
    }

    #[test]
    fn what_is_no_sample_is_left_out() {
        let read = |data: Value| {
            let mut object = json!({"metadata": {"name": "burner"}});
            object.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
            Usage::read(&serde_json::from_value(object).unwrap())
        };
        assert_eq!(read(json!({})), None);
        assert_eq!(read(json!({"timestamp": "2026-11-22T09:07:48Z", "window": "soon"})), None);
        let minute = read(json!({"timestamp": "2026-11-22T09:07:48Z", "window": "1m0.5s"})).unwrap();
        assert_eq!(minute.span, SignedDuration::from_millis(60_500));
        let odd = json!({"timestamp": "2026-11-22T09:07:48Z", "window": "10s", "containers": [{"name": "main", "usage": {"cpu": "x"}}]});
        assert_eq!(read(odd).unwrap().containers["main"], Used { cores: None, bytes: None });
    }
}
