//! Selecting pods by their labels. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// The labels that pods are to have.
type Selector = BTreeMap<String, String>;

/// Whether a pod has these labels.
pub(crate) fn selects(selector: &Selector, pod: &Pod) -> bool {
    selector.iter().all(|(key, value)| pod.labels().get(key) == Some(value))
}

/// What asks for the pods of a selector.
pub(crate) fn of(selector: &Selector) -> String {
    of_any([selector])
}

/// What asks for the pods of all selectors at once: for each label that all of them name, any of its values. It may find
/// others too, all pods where no label is named by all.
pub(crate) fn of_any<'a>(selectors: impl IntoIterator<Item = &'a Selector>) -> String {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (number, selector) in selectors.into_iter().enumerate() {
        values.retain(|key, _| selector.contains_key(*key));
        for (key, value) in selector {
            if number == 0 || values.contains_key(key.as_str()) {
                values.entry(key).or_default().insert(value);
            }
        }
    }
    values.iter().map(|(key, values)| requirement(key, values)).collect::<Vec<_>>().join(",")
}

/// What finds the pods of all selectors: one question, or one for each selector where they have no label in common.
pub(crate) fn questions(selectors: &[&Selector]) -> Vec<String> {
    match of_any(selectors.iter().copied()) {
        all if all.is_empty() => selectors.iter().copied().map(of).collect(),
        all => vec![all],
    }
}

fn requirement(key: &str, values: &BTreeSet<&str>) -> String {
    let values: Vec<&str> = values.iter().copied().collect();
    match values.as_slice() {
        [value] => format!("{key}={value}"),
        values => format!("{key} in ({})", values.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selector(labels: &[(&str, &str)]) -> Selector {
        labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn one_question_finds_the_pods_of_all_selectors() {
        let api = selector(&[("app", "pulp"), ("pod", "pulp-api")]);
        let workers = selector(&[("app", "pulp"), ("pod", "pulp-worker"), ("tier", "back")]);
        let database = selector(&[("app", "postgres")]);
        let other = selector(&[("name", "cache")]);
        for (selectors, expected) in [
            (vec![], ""),
            (vec![&api], "app=pulp,pod=pulp-api"),
            (vec![&api, &api], "app=pulp,pod=pulp-api"),
            (vec![&api, &workers], "app=pulp,pod in (pulp-api,pulp-worker)"),
            (vec![&api, &workers, &database], "app in (postgres,pulp)"),
            (vec![&database, &workers], "app in (postgres,pulp)"),
            (vec![&api, &other], ""),
            (vec![&api, &other, &workers], ""),
        ] {
            assert_eq!(of_any(selectors), expected);
        }
    }

    #[test]
    fn selectors_without_a_label_in_common_are_asked_for_one_by_one() {
        let (api, other) = (selector(&[("app", "pulp")]), selector(&[("name", "cache")]));
        assert_eq!(questions(&[&api, &other]), ["app=pulp", "name=cache"]);
        assert_eq!(questions(&[&api, &api]), ["app=pulp"]);
        assert_eq!(questions(&[]), [""; 0]);
    }

    #[test]
    fn a_pod_is_selected_by_all_labels_of_a_selector() {
        let labels = json!({"app": "pulp", "pod": "pulp-api", "more": "x"});
        let pod: Pod = serde_json::from_value(json!({"metadata": {"labels": labels}})).unwrap();
        assert!(selects(&selector(&[("app", "pulp"), ("pod", "pulp-api")]), &pod));
        assert!(!selects(&selector(&[("app", "pulp"), ("pod", "pulp-worker")]), &pod));
        assert!(!selects(&selector(&[("app", "pulp"), ("tier", "back")]), &pod));
    }
}
