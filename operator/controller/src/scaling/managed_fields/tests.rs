use super::*;

fn entry(manager: &str, subresource: Option<&str>, fields: Value) -> ManagedFieldsEntry {
    ManagedFieldsEntry {
        manager: Some(manager.to_owned()),
        operation: Some("Update".to_owned()),
        subresource: subresource.map(str::to_owned),
        api_version: Some("apps/v1".to_owned()),
        fields_type: Some("FieldsV1".to_owned()),
        fields_v1: Some(FieldsV1(fields)),
        time: None,
    }
}

fn given_back_replicas(now: &[ManagedFieldsEntry], before: &[ManagedFieldsEntry]) -> Vec<ManagedFieldsEntry> {
    given_back(now, &owners_of(before, &replicas()), &replicas())
}

#[test]
fn helm_gets_its_replicas_back_and_ours_are_gone() {
    let before = [entry("helm", None, json!({"f:spec": {"f:replicas": {}, "f:template": {}}}))];
    let now = [
        entry("helm", None, json!({"f:spec": {"f:template": {}}})),
        entry(FIELD_MANAGER, Some("scale"), json!({"f:spec": {"f:replicas": {}}})),
        entry(FIELD_MANAGER, None, json!({"f:metadata": {"f:annotations": {"f:x": {}}}})),
    ];
    assert_eq!(given_back_replicas(&now, &before), before);
}

#[test]
fn an_owner_of_nothing_but_the_replicas_comes_back() {
    let before = [
        entry("helm", None, json!({"f:spec": {"f:template": {}}})),
        entry("kubectl", Some("scale"), json!({"f:spec": {"f:replicas": {}}})),
    ];
    let now = [
        entry("helm", None, json!({"f:spec": {"f:template": {}}})),
        entry(FIELD_MANAGER, Some("scale"), json!({"f:spec": {"f:replicas": {}}})),
    ];
    assert_eq!(given_back_replicas(&now, &before), before);
}

#[test]
fn replicas_that_nobody_owned_are_owned_by_nobody_again() {
    let before = [entry("helm", None, json!({"f:spec": {"f:template": {}}}))];
    let mut now = before.to_vec();
    now.push(entry(FIELD_MANAGER, Some("scale"), json!({"f:spec": {"f:replicas": {}}})));
    assert_eq!(given_back_replicas(&now, &before), before);
}

#[test]
fn what_others_changed_meanwhile_stays_theirs() {
    let before = [entry("helm", None, json!({"f:spec": {"f:replicas": {}}}))];
    let now = [
        entry("kubectl-edit", None, json!({"f:spec": {"f:paused": {}}})),
        entry(FIELD_MANAGER, Some("scale"), json!({"f:spec": {"f:replicas": {}}})),
    ];
    assert_eq!(given_back_replicas(&now, &before), [now[0].clone(), before[0].clone()]);
}

#[test]
fn who_scaled_because_we_told_it_owns_nothing_of_it_afterwards() {
    let before = [entry("helm", None, json!({"f:spec": {"f:replicas": {}, "f:template": {}}}))];
    let now = [
        entry("helm", None, json!({"f:spec": {"f:template": {}}})),
        entry("keda", Some("scale"), json!({"f:spec": {"f:replicas": {}}})),
        entry("kubectl-edit", None, json!({"f:spec": {"f:paused": {}, "f:replicas": {}}})),
    ];
    let edited = entry("kubectl-edit", None, json!({"f:spec": {"f:paused": {}}}));
    assert_eq!(given_back_replicas(&now, &before), [before[0].clone(), edited]);
}

#[test]
fn who_applied_the_field_meanwhile_keeps_it() {
    let applied = ManagedFieldsEntry {
        operation: Some("Apply".to_owned()),
        ..entry("argocd", None, json!({"f:spec": {"f:replicas": {}}}))
    };
    assert_eq!(given_back_replicas(std::slice::from_ref(&applied), &[]), [applied]);
}

#[test]
fn a_list_that_is_owned_as_a_whole_is_given_back_as_a_whole() {
    let path = ["f:spec", "f:deployments", r#"k:{"name":"worker"}"#, "f:replicas"].map(str::to_owned);
    let before = [entry("argocd", None, json!({"f:spec": {"f:deployments": {}, "f:envName": {}}}))];
    let now = [
        entry("argocd", None, json!({"f:spec": {"f:envName": {}}})),
        entry(FIELD_MANAGER, None, json!({"f:spec": {"f:deployments": {}}})),
    ];
    assert_eq!(given_back(&now, &owners_of(&before, &path), &path), before);
}

#[test]
fn an_entry_of_a_list_that_is_a_map_is_given_back_alone() {
    let path = ["f:spec", "f:deployments", r#"k:{"name":"worker"}"#, "f:replicas"].map(str::to_owned);
    let with = |inner| {
        entry("argocd", None, json!({"f:spec": {"f:deployments": {r#"k:{"name":"worker"}"#: inner}}}))
    };
    let before = [with(json!({".": {}, "f:name": {}, "f:replicas": {}}))];
    let now = [with(json!({".": {}, "f:name": {}}))];
    assert_eq!(given_back(&now, &owners_of(&before, &path), &path), before);
}

#[test]
fn the_object_around_the_field_is_given_back_with_it() {
    let path = ["f:spec", "f:worker", "f:replicas"].map(str::to_owned);
    let worker = json!({".": {}, "f:replicas": {}});
    let before = [entry("helm", None, json!({"f:spec": {".": {}, "f:worker": worker}}))];
    for now in [vec![entry("helm", None, json!({"f:spec": {".": {}}}))], Vec::new()] {
        assert_eq!(given_back(&now, &owners_of(&before, &path), &path), before);
    }
}
