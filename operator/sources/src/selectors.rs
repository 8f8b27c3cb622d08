//! Selecting pods by their labels. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::core::{Expression, Selector, SelectorExt};
use throughput_crds::{LabelOperator, LabelRequirement, LabelSelector};

/// Whether a pod is meant.
pub(crate) fn selects(selector: &LabelSelector, pod: &Pod) -> bool {
    of(selector).matches(pod.labels())
}

/// A selector as the API server takes it.
pub(crate) fn of(selector: &LabelSelector) -> Selector {
    let LabelSelector { match_labels, match_expressions } = selector;
    let labels = match_labels.iter().map(|(key, value)| Expression::Equal(key.clone(), value.clone()));
    labels.chain(match_expressions.iter().map(expression)).collect()
}

fn expression(requirement: &LabelRequirement) -> Expression {
    let LabelRequirement { key, operator, values } = requirement;
    let (key, values) = (key.clone(), values.iter().cloned().collect());
    match operator {
        LabelOperator::In => Expression::In(key, values),
        LabelOperator::NotIn => Expression::NotIn(key, values),
        LabelOperator::Exists => Expression::Exists(key),
        LabelOperator::DoesNotExist => Expression::DoesNotExist(key),
    }
}

/// One selector of the pods that any of these means: for each label that all of them name, any of its values. It may
/// find others too, all pods where no label is named by all.
pub(crate) fn of_any<'a>(any: impl IntoIterator<Item = &'a LabelSelector>) -> Selector {
    let mut wanted: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (number, selector) in any.into_iter().enumerate() {
        let labels = &selector.match_labels;
        wanted.retain(|key, _| labels.contains_key(*key));
        for (key, value) in labels {
            if number == 0 || wanted.contains_key(key.as_str()) {
                wanted.entry(key).or_default().insert(value.clone());
            }
        }
    }
    wanted.into_iter().map(|(key, values)| Expression::In(key.to_owned(), values)).collect()
}

/// The selectors of the pods that any of these means: one, or one for each where they name no label in common.
pub(crate) fn questions(any: &[&LabelSelector]) -> Vec<Selector> {
    let all = of_any(any.iter().copied());
    if all.selects_all() { any.iter().copied().map(of).collect() } else { vec![all] }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> LabelSelector {
        let labels = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        LabelSelector { match_labels: labels.collect(), ..LabelSelector::default() }
    }

    #[test]
    fn requirements_are_met_besides_the_labels() {
        let pod =
            |labels| -> Pod { serde_json::from_value(json!({"metadata": {"labels": labels}})).unwrap() };
        let worker = pod(json!({"app": "pulp", "pod": "pulp-worker"}));
        for (key, operator, values, meant) in [
            ("pod", "In", json!(["pulp-api", "pulp-worker"]), true),
            ("pod", "NotIn", json!(["pulp-worker"]), false),
            ("tier", "NotIn", json!(["back"]), true),
            ("pod", "Exists", json!([]), true),
            ("tier", "Exists", json!([]), false),
            ("tier", "DoesNotExist", json!([]), true),
        ] {
            let requirement = json!({"key": key, "operator": operator, "values": values});
            let selector = json!({"matchLabels": {"app": "pulp"}, "matchExpressions": [requirement]});
            let selector: LabelSelector = serde_json::from_value(selector).unwrap();
            assert_eq!(selects(&selector, &worker), meant, "{selector:?}");
            assert!(!selects(&selector, &pod(json!({"app": "other", "pod": "pulp-worker"}))), "{selector:?}");
        }
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
