//! The targets that nobody may scale, since putting back takes them: the operator itself, and what the cluster stands on.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::{Api, DynamicObject};
use kube::core::{Selector, SelectorExt};
use kube::{Client, ResourceExt};
use serde_json::Value;
use throughput_core::reason::{Reason, Why};
use throughput_core::target::TargetName;

use crate::objects::deadline::{RequestError, within};

/// The namespace of what clusters stand on: DNS, the network, the way of requests to the API server.
const SYSTEM_NAMESPACE: &str = "kube-system";
/// The labels that the chart gives the pods of every release, whatever its name.
const CHART_LABELS: [(&str, &str); 2] =
    [("app.kubernetes.io/name", "throughput-operator"), ("app.kubernetes.io/component", "operator")];

/// The operator's own pods, as far as targets are told from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnPods {
    namespace: String,
    labels: BTreeMap<String, String>,
}

impl OwnPods {
    /// Those like the pod of this name. Where it is not there, or may not be read, only the chart's labels tell.
    pub async fn read(client: &Client, namespace: &str, pod: &str) -> Result<Self, RequestError> {
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let found = match within("read the operator's own pod", pods.get_opt(pod)).await {
            Ok(found) => found,
            Err(error) if error.is_forbidden() => None,
            Err(error) => return Err(error),
        };
        if found.is_none() {
            tracing::warn!(
                namespace,
                pod,
                "the operator's own pod is not seen: it is told from targets by the chart's labels"
            );
        }
        let labels = found.map(|pod| pod.labels().clone()).unwrap_or_default();
        Ok(Self { namespace: namespace.to_owned(), labels })
    }

    /// Why a target is left alone; `None` where it may be scaled.
    ///
    /// By the selector and not by name or UID, so that a second Deployment of the operator is told as well, and one that
    /// was made anew.
    pub fn refusal(&self, namespace: &str, name: &TargetName, target: &DynamicObject) -> Option<Why> {
        if namespace == SYSTEM_NAMESPACE {
            let message =
                format!("the cluster stands on what is in {SYSTEM_NAMESPACE}: nothing there is scaled");
            return Some(Why::new(Reason::TargetRefused, message));
        }
        let spec = &target.data["spec"];
        let selects_own = namespace == self.namespace && selects(&spec["selector"], &self.labels);
        let labels = &spec["template"]["metadata"]["labels"];
        let is_of_chart = CHART_LABELS.iter().all(|(key, value)| labels[key] == *value);
        if selects_own || is_of_chart {
            let message = format!("the {name} is the operator itself: nobody would put it back");
            return Some(Why::new(Reason::TargetRefused, message));
        }
        None
    }
}

/// Whether a selector of a workload selects these labels. One that cannot be read, or that nobody's pods are known for, does
/// not.
fn selects(selector: &Value, labels: &BTreeMap<String, String>) -> bool {
    let selector = serde_json::from_value::<LabelSelector>(selector.clone()).ok();
    let selector = selector.and_then(|selector| Selector::try_from(selector).ok());
    !labels.is_empty() && selector.is_some_and(|selector| selector.matches(labels))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use throughput_core::target::TargetKind;

    use super::*;

    fn own() -> OwnPods {
        let labels = [("app.kubernetes.io/instance", "perf"), ("app.kubernetes.io/name", "renamed")];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        OwnPods { namespace: "pulp".to_owned(), labels }
    }

    fn refused(own: &OwnPods, namespace: &str, selector: &Value, labels: &Value) -> Option<Reason> {
        let name = TargetName { kind: TargetKind::Deployment, name: "x".to_owned() };
        let target = serde_json::from_value(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"},
            "spec": {"selector": selector, "template": {"metadata": {"labels": labels}}},
        }));
        own.refusal(namespace, &name, &target.unwrap()).map(|why| why.reason)
    }

    #[test]
    fn what_selects_the_operators_pods_is_refused_however_it_is_called() {
        let both = json!({"matchLabels": {"app.kubernetes.io/instance": "perf", "app.kubernetes.io/name": "renamed"}});
        let any = json!({"matchExpressions": [{"key": "app.kubernetes.io/instance", "operator": "Exists"}]});
        for selector in [&both, &any] {
            assert_eq!(
                refused(&own(), "pulp", selector, &json!({})),
                Some(Reason::TargetRefused),
                "{selector}"
            );
            assert_eq!(refused(&own(), "other", selector, &json!({})), None, "{selector}");
            assert_eq!(refused(&OwnPods::default(), "", selector, &json!({})), None, "{selector}");
        }
        let neighbour =
            json!({"matchLabels": {"app.kubernetes.io/instance": "perf", "app.kubernetes.io/name": "pulp"}});
        assert_eq!(refused(&own(), "pulp", &neighbour, &json!({})), None);
    }

    #[test]
    fn another_release_is_refused_by_the_labels_of_the_chart() {
        let selector = json!({"matchLabels": {"a": "b"}});
        let labels = json!({"app.kubernetes.io/name": "throughput-operator", "app.kubernetes.io/component": "operator"});
        assert_eq!(refused(&own(), "other", &selector, &labels), Some(Reason::TargetRefused));
        let labels = json!({"app.kubernetes.io/name": "throughput-operator"});
        assert_eq!(refused(&own(), "other", &selector, &labels), None);
    }

    #[test]
    fn nothing_in_kube_system_is_scaled() {
        let selector = json!({"matchLabels": {"k8s-app": "kube-dns"}});
        assert_eq!(refused(&own(), "kube-system", &selector, &json!({})), Some(Reason::TargetRefused));
    }
}
