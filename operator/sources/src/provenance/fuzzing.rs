//! Pods, templates and nodes as the API server tells them, for tests/fuzz alone.
#![expect(clippy::missing_panics_doc, reason = "stopping at the first surprise is what they are for")]

use std::collections::BTreeMap;

use super::difference::{Reference, differences};
use super::facts::{changes, of_node, of_workload};
use super::workload::{Replicas, Resources, workload};
use crate::fuzzing::{check, empty, read};
use k8s_openapi::api::core::v1::{Node, Pod};

/// Pods and nodes, one a line.
pub fn workloads(input: &[u8]) {
    let mut recording = empty("provenance");
    let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').take(8).collect();
    let pods: Vec<Pod> = lines.iter().filter_map(|line| read(line)).collect();
    let pods: Vec<&Pod> = pods.iter().collect();
    let found = workload("pulp-api", Some(Replicas { wanted: 3, ready: 2 }), None, &pods);
    let expected: BTreeMap<String, Resources> = found
        .containers
        .iter()
        .filter_map(|(name, running)| Some((name.clone(), running.resources.first()?.clone())))
        .collect();
    for reference in [Reference::Listed, Reference::Whole] {
        for difference in differences(&found, &expected, reference) {
            assert!(!difference.line().is_empty() && difference.row().len() == 5);
        }
    }
    let facts = of_workload(&found);
    let _ = changes(|name| (name.len() > 3).then_some("before"), &facts);
    for (name, value) in &facts {
        recording.set_fact(name, value);
    }
    for node in lines.iter().filter_map(|line| read::<Node>(line)) {
        let (name, value) = of_node(&node);
        recording.set_fact(&name, &value);
    }
    check(&recording);
}
