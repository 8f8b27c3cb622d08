//! Who owned `spec.replicas`, and giving it back.
//!
//! Scaling makes the operator an owner of `spec.replicas` in `managedFields` and takes it from whoever owned
//! it before. Were it left so, the next `helm upgrade` that changes the replicas would meet a conflict with
//! an operator that is long done. So the entries are put back as they were.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Map, Value, json};

use crate::names::FIELD_MANAGER;

const SPEC: &str = "f:spec";
const REPLICAS: &str = "f:replicas";

/// The entries that own `spec.replicas`.
pub(super) fn owners_of_replicas(entries: &[ManagedFieldsEntry]) -> Vec<ManagedFieldsEntry> {
    entries.iter().filter(|entry| owns_replicas(entry)).cloned().collect()
}

/// The entries as they were before the claim: none of ours, and `spec.replicas` with its owners of then.
/// What others changed meanwhile stays theirs.
pub(super) fn given_back(
    now: &[ManagedFieldsEntry],
    owners_before: &[ManagedFieldsEntry],
) -> Vec<ManagedFieldsEntry> {
    let mut entries: Vec<ManagedFieldsEntry> =
        now.iter().filter(|entry| entry.manager.as_deref() != Some(FIELD_MANAGER)).cloned().collect();
    for before in owners_before.iter().filter(|entry| entry.manager.as_deref() != Some(FIELD_MANAGER)) {
        match entries.iter_mut().find(|entry| same_owner(entry, before)) {
            // Scaling took nothing but the replicas from it: with them, it is what it was, time included.
            Some(entry) => {
                add_replicas(entry);
                if entry.fields_v1 == before.fields_v1 {
                    entry.time.clone_from(&before.time);
                }
            }
            // The replicas were all that it owned (an earlier `kubectl scale`), so its entry had gone.
            None => entries.push(only_replicas(before)),
        }
    }
    entries
}

fn same_owner(one: &ManagedFieldsEntry, other: &ManagedFieldsEntry) -> bool {
    (&one.manager, &one.operation, &one.subresource, &one.api_version)
        == (&other.manager, &other.operation, &other.subresource, &other.api_version)
}

fn owns_replicas(entry: &ManagedFieldsEntry) -> bool {
    entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer("/f:spec/f:replicas").is_some())
}

fn add_replicas(entry: &mut ManagedFieldsEntry) {
    let fields = entry.fields_v1.get_or_insert_with(|| FieldsV1(json!({})));
    let spec = fields
        .0
        .as_object_mut()
        .map(|fields| fields.entry(SPEC).or_insert_with(|| Value::Object(Map::new())));
    if let Some(Value::Object(spec)) = spec {
        spec.entry(REPLICAS).or_insert_with(|| json!({}));
    }
}

fn only_replicas(before: &ManagedFieldsEntry) -> ManagedFieldsEntry {
    ManagedFieldsEntry { fields_v1: Some(FieldsV1(json!({SPEC: {REPLICAS: {}}}))), ..before.clone() }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn helm_gets_its_replicas_back_and_ours_are_gone() {
        let before = [entry("helm", None, json!({"f:spec": {"f:replicas": {}, "f:template": {}}}))];
        let now = [
            entry("helm", None, json!({"f:spec": {"f:template": {}}})),
            entry(FIELD_MANAGER, Some("scale"), json!({"f:spec": {"f:replicas": {}}})),
            entry(FIELD_MANAGER, None, json!({"f:metadata": {"f:annotations": {"f:x": {}}}})),
        ];
        assert_eq!(given_back(&now, &owners_of_replicas(&before)), before);
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
        assert_eq!(given_back(&now, &owners_of_replicas(&before)), before);
    }

    #[test]
    fn replicas_that_nobody_owned_are_owned_by_nobody_again() {
        let before = [entry("helm", None, json!({"f:spec": {"f:template": {}}}))];
        let mut now = before.to_vec();
        now.push(entry(FIELD_MANAGER, Some("scale"), json!({"f:spec": {"f:replicas": {}}})));
        assert_eq!(given_back(&now, &owners_of_replicas(&before)), before);
    }

    #[test]
    fn what_others_changed_meanwhile_stays_theirs() {
        let before = [entry("helm", None, json!({"f:spec": {"f:replicas": {}}}))];
        let now = [
            entry("kubectl-edit", None, json!({"f:spec": {"f:paused": {}}})),
            entry(FIELD_MANAGER, Some("scale"), json!({"f:spec": {"f:replicas": {}}})),
        ];
        assert_eq!(given_back(&now, &owners_of_replicas(&before)), [now[0].clone(), before[0].clone()]);
    }
}
