//! Selecting pods by their labels. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::core::{Expression, Selector};

/// The labels that pods are to have.
type Labels = BTreeMap<String, String>;

/// Whether a pod has these labels.
pub(crate) fn selects(labels: &Labels, pod: &Pod) -> bool {
    labels.iter().all(|(key, value)| pod.labels().get(key) == Some(value))
}

/// The selector of the pods with these labels.
pub(crate) fn of(labels: &Labels) -> Selector {
    labels.clone().into_iter().collect()
}

/// One selector of the pods with any of these labels: for each key that all of them have, any of its values. It may
/// find others too, all pods where no key is in all.
pub(crate) fn of_any<'a>(any: impl IntoIterator<Item = &'a Labels>) -> Selector {
    let mut wanted: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (number, labels) in any.into_iter().enumerate() {
        wanted.retain(|key, _| labels.contains_key(*key));
        for (key, value) in labels {
            if number == 0 || wanted.contains_key(key.as_str()) {
                wanted.entry(key).or_default().insert(value.clone());
            }
        }
    }
    wanted.into_iter().map(|(key, values)| Expression::In(key.to_owned(), values)).collect()
}

/// The selectors of the pods with any of these labels: one, or one for each where they have no key in common.
pub(crate) fn questions(any: &[&Labels]) -> Vec<Selector> {
    let all = of_any(any.iter().copied());
    if all.selects_all() { any.iter().copied().map(of).collect() } else { vec![all] }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn one_question_finds_the_pods_of_all() {
        let api = labels(&[("app", "pulp"), ("pod", "pulp-api")]);
        let workers = labels(&[("app", "pulp"), ("pod", "pulp-worker"), ("tier", "back")]);
        let database = labels(&[("app", "postgres")]);
        let other = labels(&[("name", "cache")]);
        for (any, expected) in [
            (vec![], ""),
            (vec![&api], "app in (pulp),pod in (pulp-api)"),
            (vec![&api, &api], "app in (pulp),pod in (pulp-api)"),
            (vec![&api, &workers], "app in (pulp),pod in (pulp-api,pulp-worker)"),
            (vec![&api, &workers, &database], "app in (postgres,pulp)"),
            (vec![&database, &workers], "app in (postgres,pulp)"),
            (vec![&api, &other], ""),
            (vec![&api, &other, &workers], ""),
        ] {
            assert_eq!(of_any(any).to_string(), expected);
        }
    }

    #[test]
    fn labels_without_a_key_in_common_are_asked_for_one_by_one() {
        let (api, other) = (labels(&[("app", "pulp")]), labels(&[("name", "cache")]));
        for (any, expected) in [
            (vec![&api, &other], vec!["app=pulp", "name=cache"]),
            (vec![&api, &api], vec!["app in (pulp)"]),
            (vec![], vec![]),
        ] {
            let questions: Vec<String> = questions(&any).iter().map(Selector::to_string).collect();
            assert_eq!(questions, expected);
        }
    }

    #[test]
    fn a_pod_is_selected_by_all_of_its_labels_that_are_named() {
        let all = json!({"app": "pulp", "pod": "pulp-api", "more": "x"});
        let pod: Pod = serde_json::from_value(json!({"metadata": {"labels": all}})).unwrap();
        assert!(selects(&labels(&[("app", "pulp"), ("pod", "pulp-api")]), &pod));
        assert!(!selects(&labels(&[("app", "pulp"), ("pod", "pulp-worker")]), &pod));
        assert!(!selects(&labels(&[("app", "pulp"), ("tier", "back")]), &pod));
    }
}
