//! Records of claims as they are read back, for tests/fuzz alone.
#![expect(clippy::missing_panics_doc, reason = "stopping at the first surprise is what they are for")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::api::Patch;
use serde_json::Value;

use super::claim::ClaimRecord;
use super::managed_fields;
use super::owner::{Change, ReplicasField};

/// The record of a claim, and in the next line the object of its owner as it is now: a list of the `managedFields` of both
/// may follow.
pub fn claims(input: &[u8]) {
    let mut lines = input.split(|byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let Ok(record) = serde_json::from_slice::<ClaimRecord>(next()) else { return };
    let owner: Value = serde_json::from_slice(next()).unwrap_or_default();
    let now: Vec<ManagedFieldsEntry> = serde_json::from_slice(next()).unwrap_or_default();
    let text = serde_json::to_string(&record).unwrap_or_default();
    assert!(serde_json::from_str::<ClaimRecord>(&text).is_ok(), "a record is not read again: {text}");
    let given = managed_fields::given_back(&now, &record.replicas_owners, &managed_fields::replicas());
    assert!(given.len() <= now.len() + record.replicas_owners.len());
    if let Some(field) = &record.replicas_field {
        owners_field(field, &owner, record.replicas);
        let given = managed_fields::given_back(&now, &field.owners, &field.owned_as());
        assert!(given.len() <= now.len() + field.owners.len());
    }
}

/// What is said to the owner, and what is put back into it, can be sent.
fn owners_field(field: &ReplicasField, owner: &Value, replicas: i32) {
    let _ = (field.told(owner), field.settles_at(), field.resource(), field.to_string());
    for change in [field.tell(owner, replicas), field.put_back(owner)].into_iter().flatten() {
        match change {
            Change::Merge(patch) => assert!(patch["metadata"]["uid"].is_string()),
            Change::Json(patch) => {
                let patch = serde_json::from_value(patch).map(Patch::Json::<()>);
                assert!(patch.is_ok(), "a patch that cannot be sent: {patch:?}");
            }
        }
    }
}
