//! Recognising owners: a table a kind.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::{Value, json};
use throughput_core::reason::Reason;
use throughput_core::target::{TargetKind, TargetName};

use super::{OwnerField, ReplicasField, clowder, keda, pulp};

fn owner(api_version: &str, kind: &str, name: &str) -> OwnerReference {
    OwnerReference {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        uid: "55bb".to_owned(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

fn replicas_field(api_version: &str, name: &str, field: OwnerField) -> ReplicasField {
    ReplicasField::new(field, api_version, name.to_owned(), "55bb".to_owned())
}

#[test]
fn owners_are_known_by_group_and_kind_in_any_version() {
    let pulp = owner("repo-manager.pulpproject.org/v1", "Pulp", "example");
    let app = owner("cloud.redhat.com/v1alpha1", "ClowdApp", "pulp");
    let others = [
        owner("pulp.example.com/v1", "Pulp", "example"),
        owner("apps/v1", "ReplicaSet", "example"),
        owner("v1", "Pulp", "example"),
    ];
    assert!(
        pulp::is_pulp(&pulp)
            && pulp::is_pulp(&owner("repo-manager.pulpproject.org/v1beta2", "Pulp", "example"))
    );
    assert!(clowder::is_clowd_app(&app));
    assert!(!pulp::is_pulp(&app) && !clowder::is_clowd_app(&pulp));
    assert!(!others.iter().any(|other| pulp::is_pulp(other) || clowder::is_clowd_app(other)));
}

#[test]
fn the_component_of_a_pulp_is_told_by_the_name_of_its_deployment() {
    let api_version = "repo-manager.pulpproject.org/v1";
    let owner = owner(api_version, "Pulp", "my-pulp");
    let recognised =
        |name: &str, spec: Value| pulp::field(&TargetName::deployment(name), &owner, &json!({"spec": spec}));
    for component in ["worker", "api", "content"] {
        let field = OwnerField::Pulp { component: component.to_owned() };
        let expected = Ok(Some(replicas_field(api_version, "my-pulp", field)));
        let deployment = format!("my-pulp-{component}");
        assert_eq!(recognised(&deployment, json!({})), expected);
        assert_eq!(
            recognised(&deployment, json!({"unmanaged": false, component: {"hpa": {"enabled": false}}})),
            expected
        );
        // Nobody heeds it.
        assert_eq!(recognised(&deployment, json!({"unmanaged": true})), Ok(None));
        let refused = recognised(&deployment, json!({component: {"replicas": 2, "hpa": {"enabled": true}}}))
            .unwrap_err();
        assert_eq!(refused.reason, Reason::TargetAutoscaled);
        assert!(
            refused.message.contains(&format!("spec.{component}.hpa.enabled: true")),
            "{}",
            refused.message
        );
    }
    let refused = recognised("my-pulp-redis", json!({})).unwrap_err();
    assert_eq!(refused.reason, Reason::OwnerNotSupported);
    assert!(
        refused.message.contains("my-pulp-worker, my-pulp-api and my-pulp-content"),
        "{}",
        refused.message
    );
}

#[test]
fn the_deployment_of_a_clowd_app_is_found_in_its_list() {
    let api_version = "cloud.redhat.com/v1alpha1";
    let owner = owner(api_version, "ClowdApp", "pulp");
    let recognised = |name: &str, worker: Value| {
        let app = json!({"spec": {"deployments": [{"name": "api"}, worker]}});
        clowder::field(&TargetName::deployment(name), &owner, &app)
    };
    let field = OwnerField::ClowdApp { deployment: "worker".to_owned() };
    assert_eq!(
        recognised("pulp-worker", json!({"name": "worker"})),
        Ok(replicas_field(api_version, "pulp", field))
    );
    for autoscaler in ["autoScaler", "autoScalerSimple"] {
        let refused = recognised("pulp-worker", json!({"name": "worker", autoscaler: {}})).unwrap_err();
        assert_eq!(refused.reason, Reason::TargetAutoscaled);
        assert!(refused.message.contains(autoscaler), "{}", refused.message);
    }
    assert_eq!(
        recognised("pulp-other", json!({"name": "worker"})).unwrap_err().reason,
        Reason::OwnerNotSupported
    );
    assert_eq!(recognised("pulp", json!({"name": "worker"})).unwrap_err().reason, Reason::OwnerNotSupported);
}

fn scaled_object(reference: &Value) -> Value {
    json!({"metadata": {"name": "workers", "uid": "55bb"}, "spec": {"scaleTargetRef": reference}})
}

#[test]
fn a_scaled_object_is_known_by_what_it_refers_to() {
    let expected = Some(replicas_field(keda::API_VERSION, "workers", OwnerField::ScaledObject));
    let deployment = TargetName::deployment("worker");
    let stateful_set = TargetName { kind: TargetKind::StatefulSet, name: "worker".to_owned() };
    let of_deployment = [
        json!({"name": "worker"}),
        json!({"name": "worker", "kind": "Deployment"}),
        json!({"name": "worker", "apiVersion": "apps/v1", "kind": "Deployment"}),
    ];
    for reference in &of_deployment {
        assert_eq!(keda::field(&deployment, &scaled_object(reference)), expected, "{reference}");
        assert_eq!(keda::field(&stateful_set, &scaled_object(reference)), None, "{reference}");
    }
    let of_stateful_set = scaled_object(&json!({"name": "worker", "kind": "StatefulSet"}));
    assert_eq!(keda::field(&stateful_set, &of_stateful_set), expected);
    for other in [json!({"name": "other"}), json!({"name": "worker", "apiVersion": "argoproj.io/v1alpha1"})] {
        assert_eq!(keda::field(&deployment, &scaled_object(&other)), None, "{other}");
    }
}

#[test]
fn only_the_autoscaler_that_keda_made_is_let_pass() {
    let made_by = |kind: &str, uid: &str| -> HorizontalPodAutoscaler {
        let owner = json!({"apiVersion": "keda.sh/v1alpha1", "kind": kind, "name": "workers", "uid": uid});
        serde_json::from_value(json!({"metadata": {"name": "keda-hpa-workers", "ownerReferences": [owner]}}))
            .unwrap()
    };
    let field_of_keda = replicas_field(keda::API_VERSION, "workers", OwnerField::ScaledObject);
    let field_of_pulp = replicas_field("v1", "workers", OwnerField::Pulp { component: "worker".to_owned() });
    assert!(keda::made(&made_by("ScaledObject", "55bb"), Some(&field_of_keda)));
    assert!(!keda::made(&made_by("ScaledObject", "66cc"), Some(&field_of_keda)));
    assert!(!keda::made(&made_by("Pulp", "55bb"), Some(&field_of_keda)));
    assert!(!keda::made(&made_by("ScaledObject", "55bb"), Some(&field_of_pulp)));
    assert!(!keda::made(&made_by("ScaledObject", "55bb"), None));
}
