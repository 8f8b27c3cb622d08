//! How often the containers of a pod were started again within a cell, and how often they were killed for their memory.
//! Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::pods::group::{WatchedContainer, WatchedPod};

/// A pod's restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// The pod's name.
    pub(crate) pod: String,
    /// Its containers, by name.
    pub(crate) containers: BTreeMap<String, ContainerTally>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContainerTally {
    /// Restarts before the cell.
    before: i64,
    /// Restarts that the API last told.
    restarts: i64,
    /// How often it was killed for its memory.
    pub(crate) kills: u64,
    /// The ids of those that have ended and are counted already.
    ended: Vec<String>,
    /// Why the last one ended.
    pub(crate) reason: String,
}

impl Tally {
    /// Notes what a pod's status tells. Where the cell has begun by the pod's first look, all of it counts.
    pub(crate) fn note(&mut self, pod: &WatchedPod, has_begun: bool) {
        self.pod.clone_from(&pod.name);
        for container in &pod.containers {
            let new = || if has_begun { ContainerTally::default() } else { ContainerTally::begin(container) };
            self.containers.entry(container.name.clone()).or_insert_with(new).note(container);
        }
    }

    /// The restarts of all containers within the cell.
    pub(crate) fn restarts(&self) -> i64 {
        self.containers.values().map(ContainerTally::since).fold(0, i64::saturating_add)
    }

    /// How often any of the containers was killed for its memory within the cell.
    pub(crate) fn kills(&self) -> u64 {
        self.containers.values().map(|container| container.kills).fold(0, u64::saturating_add)
    }
}

impl ContainerTally {
    /// The restarts within the cell.
    pub(crate) fn since(&self) -> i64 {
        self.restarts.saturating_sub(self.before).max(0)
    }

    /// Notes what there was before the cell: nothing of it counts.
    fn begin(container: &WatchedContainer) -> Self {
        Self {
            before: container.restarts,
            restarts: container.restarts,
            ended: container.ended.iter().map(|ended| ended.id.clone()).collect(),
            ..Self::default()
        }
    }

    fn note(&mut self, container: &WatchedContainer) {
        self.restarts = self.restarts.max(container.restarts);
        let new: Vec<_> = container.ended.iter().filter(|ended| !self.ended.contains(&ended.id)).collect();
        let kills = new.iter().filter(|ended| ended.is_out_of_memory()).count() as u64;
        self.kills = self.kills.saturating_add(kills);
        if let Some(last) = new.first() {
            self.reason.clone_from(&last.reason);
        }
        if !container.ended.is_empty() {
            self.ended = container.ended.iter().map(|ended| ended.id.clone()).collect();
        }
    }
}
