//! The pods' own status: how many there are, how often they were started again, and how often they were killed for their
//! memory. Pure.
//!
//! The API has counts since a pod was made. What counts for a cell is the difference from its begin; a pod that came later
//! counts whole, and what one that is gone had is kept.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::error::SourceError;
use crate::pods::group::WatchedPod;
use crate::pods::memory::Memory;
use crate::pods::tally::Tally;
use crate::recording::Recording;

/// The most pods that are kept in mind.
const MOST_PODS: usize = 200;
/// The title of the table of restarts.
const RESTARTS: &str = "Containers that were started again";

/// Notes how often the pods of a group were started again.
pub(crate) fn note_restarts(
    memory: &mut Memory,
    recording: &mut Recording,
    group: &str,
    pods: &[WatchedPod],
    now: Timestamp,
) {
    let mut count: usize = memory.tallies.values().map(BTreeMap::len).sum();
    let tallies = memory.tallies.entry(group.to_owned()).or_default();
    for pod in pods {
        let is_known = tallies.contains_key(&pod.uid);
        if !is_known && count >= MOST_PODS {
            let message =
                format!("there were more than {MOST_PODS} pods: restarts of the others are not counted");
            let metrics = ["restarts", "outOfMemoryKills"].map(|name| format!("{group}.{name}"));
            recording.fall_short(&SourceError::new("TooManyPods", message).only_of(metrics), now);
            continue;
        }
        count += usize::from(!is_known);
        tallies.entry(pod.uid.clone()).or_default().note(pod, memory.has_begun);
    }
    if !tallies.is_empty() {
        let restarts: i64 = tallies.values().map(Tally::restarts).fold(0, i64::saturating_add);
        let kills: u64 = tallies.values().map(Tally::kills).fold(0, u64::saturating_add);
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        let (restarts, kills) = (restarts as f64, kills as f64);
        recording.set_figure(&format!("{group}.restarts.total"), restarts);
        recording.set_figure(&format!("{group}.outOfMemoryKills.total"), kills);
    }
    set_table(memory, recording);
}

/// Samples how many pods a group has.
pub(crate) fn sample_replicas(recording: &mut Recording, group: &str, pods: &[WatchedPod], now: Timestamp) {
    let wanted = || pods.iter().filter(|pod| pod.is_wanted);
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    recording.sample(&format!("{group}.replicas"), "", now, count(wanted().count()));
    let not_ready = wanted().filter(|pod| !pod.is_ready).count();
    recording.sample(&format!("{group}.notReady"), "", now, count(not_ready));
}

fn set_table(memory: &Memory, recording: &mut Recording) {
    let pods = memory.tallies.iter().flat_map(|(group, pods)| pods.values().map(move |pod| (group, pod)));
    let containers = pods.flat_map(|(group, pod)| {
        pod.containers.iter().map(move |(name, container)| (group, &pod.pod, name, container))
    });
    let rows: Vec<Vec<String>> = containers
        .filter(|(.., container)| container.since() > 0 || container.kills > 0)
        .map(|(group, pod, name, container)| {
            let (restarts, kills) = (container.since().to_string(), container.kills.to_string());
            vec![group.clone(), pod.clone(), name.clone(), restarts, kills, container.reason.clone()]
        })
        .collect();
    if !rows.is_empty() {
        let columns = ["Group", "Pod", "Container", "Restarts", "Out of memory", "Ended last because"];
        recording.set_table(RESTARTS, &columns, rows);
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;
    use throughput_model::source_report::SourceReport;
    use throughput_test_support::mutated;

    use super::*;
    use crate::pods::fixture::{pod, restarted};
    use crate::pods::group::watched;

    struct Run {
        memory: Memory,
        recording: Recording,
    }

    impl Run {
        fn begin(pods: &[Pod]) -> Self {
            let mut run =
                Self { memory: Memory::default(), recording: Recording::new("pods", Timestamp::UNIX_EPOCH) };
            run.look(pods);
            run.memory.has_begun = true;
            run
        }

        fn look(&mut self, pods: &[Pod]) {
            let pods: Vec<WatchedPod> = pods.iter().map(watched).collect();
            note_restarts(&mut self.memory, &mut self.recording, "api", &pods, Timestamp::UNIX_EPOCH);
        }

        fn figures(&self) -> [Option<f64>; 2] {
            let figures = self.recording.report().summary.figures;
            ["pods.api.restarts.total", "pods.api.outOfMemoryKills.total"]
                .map(|name| figures.get(name).copied())
        }
    }

    #[test]
    fn what_was_before_the_cell_does_not_count() {
        let mut run = Run::begin(&[restarted("a", 7, &[("x", "OOMKilled")])]);
        run.look(&[restarted("a", 7, &[("x", "OOMKilled")])]);
        assert_eq!(run.figures(), [Some(0.0), Some(0.0)]);
        assert_eq!(run.recording.report().tables, []);
    }

    #[test]
    fn a_container_that_is_killed_again_and_again_is_counted_each_time() {
        let mut run = Run::begin(&[restarted("a", 0, &[])]);
        run.look(&[restarted("a", 1, &[("x", "OOMKilled")])]);
        run.look(&[restarted("a", 1, &[("x", "OOMKilled")])]);
        run.look(&[restarted("a", 2, &[("z", "OOMKilled"), ("y", "OOMKilled")])]);
        run.look(&[restarted("a", 3, &[("z", "OOMKilled")])]);
        run.look(&[restarted("a", 4, &[("w", "Error")])]);
        assert_eq!(run.figures(), [Some(4.0), Some(3.0)]);
        let rows = run.recording.report().tables.remove(0).rows;
        assert_eq!(rows, [["api", "a", "main", "4", "3", "Error"]]);
    }

    #[test]
    fn pods_that_come_count_whole_and_pods_that_go_keep_what_they_had() {
        let mut run = Run::begin(&[restarted("a", 3, &[])]);
        run.look(&[restarted("a", 5, &[])]);
        run.look(&[restarted("b", 2, &[("x", "OOMKilled")])]);
        run.look(&[]);
        assert_eq!(run.figures(), [Some(4.0), Some(1.0)]);
    }

    #[test]
    fn it_goes_on_counting_after_a_restart_of_the_operator() {
        let mut run = Run::begin(&[restarted("a", 3, &[])]);
        run.memory.store(&mut run.recording);
        let mut again = Run { memory: Memory::load(&run.recording), recording: run.recording };
        again.look(&[restarted("a", 4, &[("x", "Error")])]);
        assert_eq!(again.figures(), [Some(1.0), Some(0.0)]);
    }

    #[test]
    fn where_no_pod_was_seen_there_is_no_figure() {
        assert_eq!(Run::begin(&[]).figures(), [None, None]);
    }

    #[test]
    fn what_is_kept_in_mind_is_bounded() {
        let pods: Vec<Pod> =
            (0..MOST_PODS + 50).map(|number| restarted(&number.to_string(), 0, &[])).collect();
        let run = Run::begin(&pods);
        assert_eq!(run.memory.tallies["api"].len(), MOST_PODS);
        assert_eq!(run.recording.shortfalls()[0].reason, "TooManyPods");
        assert!(serde_json::to_string(&run.memory).unwrap().len() < 64 << 10);
    }

    #[test]
    fn pods_are_counted_and_those_that_are_not_ready() {
        let mut recording = Recording::new("pods", Timestamp::UNIX_EPOCH);
        let starting = pod(json!({"status": {"phase": "Pending", "conditions": []}}));
        let ended = pod(json!({"status": {"phase": "Succeeded"}}));
        let pods: Vec<WatchedPod> = [&pod(json!({})), &starting, &ended].map(watched).into();
        sample_replicas(&mut recording, "api", &pods, Timestamp::UNIX_EPOCH);
        let figures = recording.report().summary.figures;
        assert_eq!(
            ["pods.api.replicas.max", "pods.api.notReady.max"].map(|name| figures.get(name).copied()),
            [Some(2.0), Some(1.0)]
        );
    }

    #[test]
    fn whatever_was_made_of_the_stored_restarts_they_are_refused_or_harmless() {
        let mut run = Run::begin(&[restarted("a", 0, &[])]);
        run.look(&[restarted("a", 3, &[("x", "OOMKilled")])]);
        let (mut read, mut refused) = (0, 0);
        for changed in mutated::all_of(&json!(run.memory)) {
            match serde_json::from_str(&changed.to_string()) {
                Ok(memory) => {
                    read += 1;
                    let recording = Recording::new("pods", Timestamp::UNIX_EPOCH);
                    let mut again = Run { memory, recording };
                    again.look(&[restarted("a", 4, &[("z", "Error"), ("y", "OOMKilled")])]);
                    serde_json::from_value::<SourceReport>(json!(again.recording.report())).unwrap();
                }
                Err(_) => refused += 1,
            }
        }
        assert!(read > 50 && refused > 50, "{read} were read, {refused} refused");
    }
}
