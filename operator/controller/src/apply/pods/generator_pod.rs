//! What load pods are like: the chart's defaults, and over them what a test says. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    LocalObjectReference, PodSecurityContext, PodSpec, ResourceRequirements, Sysctl as PodSysctl,
    Toleration as PodToleration, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use throughput_crds::{
    GeneratorPod, ImagePullSecret, IntOrString, PodResources, Sysctl, TaintEffect, Toleration,
    TolerationOperator, TopologySpread, WhenUnsatisfiable,
};

/// What a test says, over the chart's defaults: maps have the entries of both, of all else the test's takes the place.
pub(super) fn over(defaults: &GeneratorPod, said: &GeneratorPod) -> GeneratorPod {
    let GeneratorPod {
        labels,
        annotations,
        node_selector,
        tolerations,
        affinity,
        topology_spread_constraints,
        priority_class_name,
        runtime_class_name,
        image_pull_secrets,
        resources,
        sysctls,
        host_network,
    } = said.clone();
    GeneratorPod {
        labels: both(&defaults.labels, labels),
        annotations: both(&defaults.annotations, annotations),
        node_selector: both(&defaults.node_selector, node_selector),
        tolerations: either(&defaults.tolerations, tolerations),
        affinity: affinity.or_else(|| defaults.affinity.clone()),
        topology_spread_constraints: either(
            &defaults.topology_spread_constraints,
            topology_spread_constraints,
        ),
        priority_class_name: priority_class_name.or_else(|| defaults.priority_class_name.clone()),
        runtime_class_name: runtime_class_name.or_else(|| defaults.runtime_class_name.clone()),
        image_pull_secrets: either(&defaults.image_pull_secrets, image_pull_secrets),
        resources: match (&defaults.resources, resources) {
            (Some(defaults), Some(said)) => Some(PodResources {
                requests: both(&defaults.requests, said.requests),
                limits: both(&defaults.limits, said.limits),
            }),
            (defaults, said) => said.or_else(|| defaults.clone()),
        },
        sysctls: either(&defaults.sysctls, sysctls),
        host_network: host_network || defaults.host_network,
    }
}

fn both<T: Clone>(defaults: &BTreeMap<String, T>, said: BTreeMap<String, T>) -> BTreeMap<String, T> {
    let mut all = defaults.clone();
    all.extend(said);
    all
}

fn either<T: Clone>(defaults: &[T], said: Vec<T>) -> Vec<T> {
    if said.is_empty() { defaults.to_vec() } else { said }
}

/// Makes a pod like this. `cell` are the labels by which the pods of its cell are told from all others.
///
/// # Errors
/// An affinity that is none, in words.
pub(super) fn shape(
    pod: &mut PodSpec,
    like: &GeneratorPod,
    cell: &BTreeMap<String, String>,
) -> Result<(), String> {
    pod.node_selector = Some(like.node_selector.clone()).filter(|labels| !labels.is_empty());
    pod.tolerations = some(like.tolerations.iter().map(toleration));
    pod.topology_spread_constraints =
        some(like.topology_spread_constraints.iter().map(|constraint| spread(constraint, cell)));
    pod.affinity = match &like.affinity {
        Some(affinity) => Some(serde_json::from_value(affinity.clone()).map_err(|error| error.to_string())?),
        None => None,
    };
    pod.priority_class_name.clone_from(&like.priority_class_name);
    pod.runtime_class_name.clone_from(&like.runtime_class_name);
    pod.image_pull_secrets = some(
        like.image_pull_secrets
            .iter()
            .map(|ImagePullSecret { name }| LocalObjectReference { name: name.clone() }),
    );
    pod.host_network = like.host_network.then_some(true);
    // Names of Services are looked up all the same.
    pod.dns_policy = like.host_network.then(|| "ClusterFirstWithHostNet".to_owned());
    let sysctls = some(
        like.sysctls
            .iter()
            .map(|Sysctl { name, value }| PodSysctl { name: name.clone(), value: value.clone() }),
    );
    pod.security_context.get_or_insert_with(PodSecurityContext::default).sysctls = sysctls;
    Ok(())
}

/// What a container requests, and its limits.
pub(super) fn resources(like: &GeneratorPod) -> ResourceRequirements {
    let Some(PodResources { requests, limits }) = &like.resources else {
        return ResourceRequirements::default();
    };
    let quantities = |said: &BTreeMap<String, IntOrString>| {
        let quantities: BTreeMap<String, Quantity> =
            said.iter().map(|(name, quantity)| (name.clone(), Quantity(quantity.to_string()))).collect();
        Some(quantities).filter(|quantities| !quantities.is_empty())
    };
    ResourceRequirements {
        requests: quantities(requests),
        limits: quantities(limits),
        ..ResourceRequirements::default()
    }
}

fn some<T>(items: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let items: Vec<T> = items.collect();
    (!items.is_empty()).then_some(items)
}

fn toleration(said: &Toleration) -> PodToleration {
    let Toleration { key, operator, value, effect, toleration_seconds } = said.clone();
    let operator = operator.map(|operator| match operator {
        TolerationOperator::Exists => "Exists",
        TolerationOperator::Equal => "Equal",
    });
    let effect = effect.map(|effect| match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    });
    PodToleration {
        key,
        operator: operator.map(str::to_owned),
        value,
        effect: effect.map(str::to_owned),
        toleration_seconds,
    }
}

fn spread(said: &TopologySpread, cell: &BTreeMap<String, String>) -> TopologySpreadConstraint {
    let TopologySpread { max_skew, topology_key, when_unsatisfiable } = said;
    TopologySpreadConstraint {
        max_skew: *max_skew,
        topology_key: topology_key.clone(),
        when_unsatisfiable: match when_unsatisfiable {
            WhenUnsatisfiable::DoNotSchedule => "DoNotSchedule",
            WhenUnsatisfiable::ScheduleAnyway => "ScheduleAnyway",
        }
        .to_owned(),
        label_selector: Some(LabelSelector { match_labels: Some(cell.clone()), ..LabelSelector::default() }),
        ..TopologySpreadConstraint::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(said: Value) -> GeneratorPod {
        serde_json::from_value(said).unwrap()
    }

    #[test]
    fn what_a_test_says_comes_over_the_charts_defaults() {
        let defaults = pod(json!({
            "annotations": {"sidecar.istio.io/inject": "false"},
            "nodeSelector": {"pool": "load"},
            "tolerations": [{"key": "load", "operator": "Exists"}],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        }));
        let said = pod(json!({
            "labels": {"kueue.x-k8s.io/queue-name": "perf"},
            "nodeSelector": {"zone": "a"},
            "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
            "resources": {"requests": {"cpu": "250m"}, "limits": {"cpu": 1}},
        }));
        let expected = pod(json!({
            "labels": {"kueue.x-k8s.io/queue-name": "perf"},
            "annotations": {"sidecar.istio.io/inject": "false"},
            "nodeSelector": {"pool": "load", "zone": "a"},
            "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
            "resources": {
                "requests": {"cpu": "250m", "memory": "128Mi"}, "limits": {"cpu": 1, "memory": "256Mi"},
            },
        }));
        assert_eq!(over(&defaults, &said), expected);
        assert_eq!(over(&defaults, &GeneratorPod::default()), defaults);
    }

    #[test]
    fn a_pod_is_shaped_as_it_is_said() {
        let said = pod(json!({
            "nodeSelector": {"pool": "load"},
            "tolerations": [{"key": "load", "operator": "Exists", "effect": "NoSchedule"}],
            "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname"},
            ]}},
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"},
            ],
            "priorityClassName": "low",
            "runtimeClassName": "gvisor",
            "imagePullSecrets": [{"name": "registry"}],
            "sysctls": [{"name": "net.ipv4.ip_local_port_range", "value": "1024 65535"}],
            "hostNetwork": true,
        }));
        let mut shaped = PodSpec::default();
        shape(&mut shaped, &said, &[("cell".to_owned(), "1".to_owned())].into()).unwrap();
        let expected = json!({
            "containers": [],
            "nodeSelector": {"pool": "load"},
            "tolerations": [{"key": "load", "operator": "Exists", "effect": "NoSchedule"}],
            "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname"},
            ]}},
            "topologySpreadConstraints": [{
                "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"cell": "1"}},
            }],
            "priorityClassName": "low",
            "runtimeClassName": "gvisor",
            "imagePullSecrets": [{"name": "registry"}],
            "securityContext": {"sysctls": [{"name": "net.ipv4.ip_local_port_range", "value": "1024 65535"}]},
            "hostNetwork": true,
            "dnsPolicy": "ClusterFirstWithHostNet",
        });
        assert_eq!(serde_json::to_value(&shaped).unwrap(), expected);
    }

    #[test]
    fn an_affinity_that_is_none_is_told() {
        let said = pod(json!({"affinity": {"nodeAffinity": "near"}}));
        assert!(shape(&mut PodSpec::default(), &said, &BTreeMap::new()).is_err());
    }
}
