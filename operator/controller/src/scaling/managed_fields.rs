//! Who owned a field, and giving it back.
//!
//! Scaling makes the operator an owner in `managedFields` of the field that says how many replicas there
//! shall be, and takes it from whoever owned it before. Were it left so, the next `helm upgrade` that changes
//! the replicas would meet a conflict with an operator that is long done. So the entries are put back as they
//! were: on the target, and on the owner that was told in its stead.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Map, Value, json};

use crate::objects::names::FIELD_MANAGER;

/// The replicas of a target, as `managedFields` name them.
pub(crate) fn replicas() -> Vec<String> {
    vec!["f:spec".to_owned(), "f:replicas".to_owned()]
}

/// The entries that own the field at this path.
pub(crate) fn owners_of(entries: &[ManagedFieldsEntry], path: &[String]) -> Vec<ManagedFieldsEntry> {
    entries.iter().filter(|entry| owned(entry, path).is_some()).cloned().collect()
}

/// The entries as they were before the claim: none of ours, and the field at this path with its owners of
/// then. What others changed meanwhile stays theirs; but who merely wrote this field (another operator that was
/// told by us, a hand) has nothing left in it, since it is what it was.
pub(super) fn given_back(
    now: &[ManagedFieldsEntry],
    owners_before: &[ManagedFieldsEntry],
    path: &[String],
) -> Vec<ManagedFieldsEntry> {
    let mut entries: Vec<ManagedFieldsEntry> =
        now.iter().filter(|entry| entry.manager.as_deref() != Some(FIELD_MANAGER)).cloned().collect();
    entries.retain_mut(|entry| {
        let is_writer = entry.operation.as_deref() == Some("Update");
        if is_writer && !owners_before.iter().any(|before| same_owner(entry, before)) {
            return !take(entry, path);
        }
        true
    });
    for before in owners_before.iter().filter(|entry| entry.manager.as_deref() != Some(FIELD_MANAGER)) {
        let Some(path) = owned(before, path) else { continue };
        if let Some(entry) = entries.iter_mut().find(|entry| same_owner(entry, before)) {
            // Scaling took nothing but this field from it: with it, it is what it was, time included.
            add(entry, path, before);
            if entry.fields_v1 == before.fields_v1 {
                entry.time.clone_from(&before.time);
            }
        } else {
            // The field was all that it owned (an earlier `kubectl scale`), so its entry had gone.
            let mut entry = ManagedFieldsEntry { fields_v1: None, ..before.clone() };
            add(&mut entry, path, before);
            entries.push(entry);
        }
    }
    entries
}

fn same_owner(one: &ManagedFieldsEntry, other: &ManagedFieldsEntry) -> bool {
    (&one.manager, &one.operation, &one.subresource, &one.api_version)
        == (&other.manager, &other.operation, &other.subresource, &other.api_version)
}

/// How much of the path this entry owns: all of it, or the part up to something that is owned as a whole (a
/// list that is no map).
fn owned<'a>(entry: &ManagedFieldsEntry, path: &'a [String]) -> Option<&'a [String]> {
    let mut fields = &entry.fields_v1.as_ref()?.0;
    for (depth, step) in path.iter().enumerate() {
        let Some(inner) = fields.get(step) else {
            let is_whole = depth > 0 && fields.as_object().is_some_and(Map::is_empty);
            return is_whole.then(|| &path[..depth]);
        };
        fields = inner;
    }
    Some(path)
}

/// Adds the path to what this entry owns, and on the way each object that it owned as such before (a `.`),
/// which it loses with the last field in it.
fn add(entry: &mut ManagedFieldsEntry, path: &[String], before: &ManagedFieldsEntry) {
    let mut model = before.fields_v1.as_ref().map(|fields| &fields.0);
    let mut fields = &mut entry.fields_v1.get_or_insert_with(|| FieldsV1(json!({}))).0;
    for step in path {
        let Value::Object(map) = fields else { return };
        fields = map.entry(step).or_insert_with(|| json!({}));
        model = model.and_then(|model| model.get(step));
        if model.is_some_and(|model| model.get(".").is_some()) {
            fields["."] = json!({});
        }
    }
}

/// Takes the field out of what this entry owns; `true` when nothing is left.
fn take(entry: &mut ManagedFieldsEntry, path: &[String]) -> bool {
    // What is owned as a whole has more in it than this field.
    if owned(entry, path).is_none_or(|owned| owned.len() < path.len()) {
        return false;
    }
    let Some(fields) = &mut entry.fields_v1 else { return false };
    take_from(&mut fields.0, path);
    fields.0.as_object().is_some_and(Map::is_empty)
}

/// Takes what is at the path, and each of its parents that nothing else is in.
fn take_from(fields: &mut Value, path: &[String]) {
    let (Value::Object(map), [first, rest @ ..]) = (fields, path) else { return };
    let is_empty = map.get_mut(first).is_none_or(|inner| {
        take_from(inner, rest);
        inner.as_object().is_some_and(|inner| inner.keys().all(|key| key == "."))
    });
    if rest.is_empty() || is_empty {
        map.remove(first);
    }
}

#[cfg(test)]
mod tests;
