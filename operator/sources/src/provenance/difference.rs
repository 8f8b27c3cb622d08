//! Where containers' resources are not what they should be. Pure.
//!
//! Quantities are compared by their value, so that `500m` is `0.5`. What a reference lists inline has to be as it says, and
//! what it does not list may be anything; another Deployment is a reference for all resources of the containers that it has.

use std::collections::{BTreeMap, BTreeSet};

use throughput_crds::ResourceQuantities;

use crate::provenance::workload::{Resources, Workload};
use crate::quantity::Amount;

/// The text in place of a missing quantity.
const NOTHING: &str = "-";

/// A resource that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The Deployment that was compared.
    pub(crate) deployment: String,
    /// The container.
    pub(crate) container: String,
    /// The resource: `limits.cpu`, or `container` where it is not there at all.
    pub(crate) what: String,
    /// The expected quantity.
    pub(crate) expected: String,
    /// The quantity that was found.
    pub(crate) found: String,
}

/// How much a reference says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// Resources that it does not list may be anything.
    Listed,
    /// Resources that it does not list must not be there.
    Whole,
}

impl Difference {
    /// In one line: `pulp-api api limits.cpu is 500m instead of 1`.
    pub(crate) fn line(&self) -> String {
        let Self { deployment, container, what, expected, found } = self;
        format!("{deployment} {container} {what} is {found} instead of {expected}")
    }

    /// As a line of a table.
    pub(crate) fn row(self) -> Vec<String> {
        let Self { deployment, container, what, expected, found } = self;
        vec![deployment, container, what, expected, found]
    }
}

/// Compares what runs with what should, by container.
pub(crate) fn differences(
    found: &Workload,
    expected: &BTreeMap<String, Resources>,
    reference: Reference,
) -> Vec<Difference> {
    let Workload { name: deployment, replicas: _, containers, nodes: _ } = found;
    let mut differences = Vec::new();
    for (name, expected) in expected {
        let difference = |what: String, expected: &str, found: &str| Difference {
            deployment: deployment.clone(),
            container: name.clone(),
            what,
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        let Some(running) = containers.get(name) else {
            differences.push(difference("container".to_owned(), "there", NOTHING));
            continue;
        };
        for resources in &running.resources {
            let parts = [
                ("requests", &expected.requests, &resources.requests),
                ("limits", &expected.limits, &resources.limits),
            ];
            for (part, expected, found) in parts {
                for (resource, expected, found) in unequal(expected, found, reference) {
                    let difference = difference(format!("{part}.{resource}"), expected, found);
                    if !differences.contains(&difference) {
                        differences.push(difference);
                    }
                }
            }
        }
    }
    differences
}

/// The resources whose quantities are not equal, with the expected one and the one that was found.
fn unequal<'a>(
    expected: &'a ResourceQuantities,
    found: &'a ResourceQuantities,
    reference: Reference,
) -> Vec<(&'a str, &'a str, &'a str)> {
    let mut resources: BTreeSet<&String> = expected.keys().collect();
    if reference == Reference::Whole {
        resources.extend(found.keys());
    }
    let quantities = resources.into_iter().map(|resource| {
        let text =
            |quantities: &'a ResourceQuantities| quantities.get(resource).map_or(NOTHING, String::as_str);
        (resource.as_str(), text(expected), text(found))
    });
    quantities.filter(|(_, expected, found)| !is_equal(expected, found)).collect()
}

fn is_equal(one: &str, other: &str) -> bool {
    match (Amount::parse(one), Amount::parse(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::workload::Running;

    fn quantities(quantities: &[(&str, &str)]) -> ResourceQuantities {
        quantities
            .iter()
            .map(|(resource, quantity)| ((*resource).to_owned(), (*quantity).to_owned()))
            .collect()
    }

    fn resources(requests: &[(&str, &str)], limits: &[(&str, &str)]) -> Resources {
        Resources { requests: quantities(requests), limits: quantities(limits) }
    }

    fn compared(found: &[Resources], expected: Resources, reference: Reference) -> Vec<String> {
        let running = Running { resources: found.to_vec(), ..Running::default() };
        let containers = [("api".to_owned(), running)].into();
        let found = Workload { name: "pulp-api".to_owned(), containers, ..Workload::default() };
        let expected = [("api".to_owned(), expected)].into();
        differences(&found, &expected, reference).iter().map(Difference::line).collect()
    }

    #[test]
    fn quantities_of_the_same_value_are_no_difference() {
        let found = resources(&[("cpu", "0.5"), ("memory", "1024Mi")], &[("memory", "1.5Gi")]);
        let expected = resources(&[("cpu", "500m"), ("memory", "1Gi")], &[("memory", "1536Mi")]);
        for reference in [Reference::Listed, Reference::Whole] {
            assert_eq!(compared(std::slice::from_ref(&found), expected.clone(), reference), [] as [&str; 0]);
        }
    }

    #[test]
    fn what_differs_is_named_with_both_values() {
        let found = resources(&[("cpu", "250m")], &[]);
        let expected = resources(&[("cpu", "1")], &[("memory", "1Gi")]);
        let expected_lines = [
            "pulp-api api requests.cpu is 250m instead of 1",
            "pulp-api api limits.memory is - instead of 1Gi",
        ];
        assert_eq!(compared(&[found], expected, Reference::Listed), expected_lines);
    }

    #[test]
    fn what_a_list_does_not_name_may_be_anything_and_what_another_deployment_has_not_may_not() {
        let found = resources(&[], &[("cpu", "1")]);
        assert_eq!(
            compared(std::slice::from_ref(&found), Resources::default(), Reference::Listed),
            [] as [&str; 0]
        );
        assert_eq!(
            compared(&[found], Resources::default(), Reference::Whole),
            ["pulp-api api limits.cpu is 1 instead of -"]
        );
    }

    #[test]
    fn a_container_that_is_not_there_is_a_difference() {
        let expected = [("sidecar".to_owned(), Resources::default())].into();
        let found = Workload { name: "pulp-api".to_owned(), ..Workload::default() };
        let lines: Vec<String> =
            differences(&found, &expected, Reference::Whole).iter().map(Difference::line).collect();
        assert_eq!(lines, ["pulp-api sidecar container is - instead of there"]);
    }

    #[test]
    fn pods_that_are_alike_differ_once() {
        let found = [resources(&[("cpu", "1")], &[]), resources(&[("cpu", "1")], &[("memory", "1Gi")])];
        let expected = resources(&[("cpu", "2")], &[]);
        assert_eq!(compared(&found, expected, Reference::Listed).len(), 1);
    }
}
