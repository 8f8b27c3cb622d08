//! The field by which an owner is told how many replicas there shall be.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference};
use kube::core::{ApiResource, GroupVersionKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::keda::PAUSED_REPLICAS;

/// A field of an owner, with what it was before: enough to put it back when nothing else is known any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicasField {
    /// Which field of which kind.
    #[serde(flatten)]
    pub field: OwnerField,
    /// The owner's group and version, as the target names them.
    pub api_version: String,
    /// The owner's name.
    pub name: String,
    /// The owner's UID: another of the same name is not told.
    pub uid: String,
    /// The field's value before; `None` where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// Whether the object that holds the field was not there either.
    #[serde(default)]
    pub parent_was_absent: bool,
    /// Those of the owner's `managedFields` that owned the field before.
    #[serde(default)]
    pub owners: Vec<ManagedFieldsEntry>,
}

/// Which field of which kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "owner", rename_all_fields = "camelCase")]
pub enum OwnerField {
    /// `spec.COMPONENT.replicas` of a `Pulp` of pulp-operator.
    Pulp {
        /// `worker`, `api` or `content`.
        component: String,
    },
    /// `replicas` of one of the `spec.deployments` of a `ClowdApp` of Clowder.
    ClowdApp {
        /// The name in that list.
        deployment: String,
    },
    /// The annotation of a `ScaledObject` that tells KEDA to hold a number.
    ScaledObject,
}

/// A change of an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A merge patch.
    Merge(Value),
    /// A JSON patch.
    Json(Value),
}

impl ReplicasField {
    /// This field of an owner, which was not read yet.
    pub fn new(field: OwnerField, api_version: &str, name: String, uid: String) -> Self {
        Self {
            field,
            api_version: api_version.to_owned(),
            name,
            uid,
            before: None,
            parent_was_absent: false,
            owners: Vec::new(),
        }
    }

    /// This field of what made a target, as the target names it.
    pub fn of_owner(field: OwnerField, owner: &OwnerReference) -> Self {
        Self::new(field, &owner.api_version, owner.name.clone(), owner.uid.clone())
    }

    /// The owner's kind.
    pub fn kind(&self) -> &'static str {
        match &self.field {
            OwnerField::Pulp { .. } => "Pulp",
            OwnerField::ClowdApp { .. } => "ClowdApp",
            OwnerField::ScaledObject => "ScaledObject",
        }
    }

    /// Where the API server serves the owner.
    pub fn resource(&self) -> ApiResource {
        let plural = match &self.field {
            OwnerField::Pulp { .. } => "pulps",
            OwnerField::ClowdApp { .. } => "clowdapps",
            OwnerField::ScaledObject => "scaledobjects",
        };
        let (group, version) = self.api_version.split_once('/').unwrap_or(("", &self.api_version));
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, self.kind()), plural)
    }

    /// Takes in what the field is in this object, before anything is changed.
    pub(super) fn found_in(mut self, object: &Value, entries: &[ManagedFieldsEntry]) -> Self {
        self.before = self.value(object).cloned();
        self.parent_was_absent = match &self.field {
            OwnerField::Pulp { component } => object.pointer(&format!("/spec/{component}")).is_none(),
            // A list's entry is there, or this field would not be; annotations without any are none at all.
            OwnerField::ClowdApp { .. } | OwnerField::ScaledObject => false,
        };
        self.owners = crate::scaling::managed_fields::owners_of(entries, &self.owned_as());
        self
    }

    /// The number that the owner is told in this object, if it is one.
    pub fn told(&self, object: &Value) -> Option<u32> {
        match self.value(object)? {
            Value::String(text) => text.parse().ok(),
            value => value.as_u64().and_then(|number| u32::try_from(number).ok()),
        }
    }

    /// The number of replicas at which the target settles once the field is put back, if the field says so.
    pub fn settles_at(&self) -> Option<i32> {
        match (&self.field, &self.before) {
            (OwnerField::Pulp { .. } | OwnerField::ClowdApp { .. }, Some(before)) => {
                before.as_i64().and_then(|number| i32::try_from(number).ok())
            }
            (OwnerField::Pulp { .. } | OwnerField::ClowdApp { .. }, None) | (OwnerField::ScaledObject, _) => {
                None
            }
        }
    }

    /// The change that tells the owner this number; `None` when it cannot be told in this object.
    pub fn tell(&self, object: &Value, replicas: i32) -> Option<Change> {
        match &self.field {
            OwnerField::Pulp { component } => {
                Some(self.merge(object, json!({"spec": {component: {"replicas": replicas}}})))
            }
            OwnerField::ScaledObject => {
                let number = replicas.to_string();
                Some(self.merge(object, json!({"metadata": {"annotations": {PAUSED_REPLICAS: number}}})))
            }
            OwnerField::ClowdApp { .. } => self.list_patch(object, &json!({"op": "add", "value": replicas})),
        }
    }

    /// The change that puts the field back; `None` when it is as it was, or when there is nothing to put it
    /// back into.
    pub fn put_back(&self, object: &Value) -> Option<Change> {
        let value = self.value(object);
        if value == self.before.as_ref() {
            return None;
        }
        match (&self.field, &self.before) {
            (OwnerField::Pulp { component }, before) => {
                let nothing_else = object
                    .pointer(&format!("/spec/{component}"))
                    .and_then(Value::as_object)
                    .is_some_and(|fields| fields.keys().eq(["replicas"]));
                let fields = if self.parent_was_absent && before.is_none() && nothing_else {
                    Value::Null
                } else {
                    json!({"replicas": before})
                };
                Some(self.merge(object, json!({"spec": {component: fields}})))
            }
            (OwnerField::ScaledObject, before) => {
                Some(self.merge(object, json!({"metadata": {"annotations": {PAUSED_REPLICAS: before}}})))
            }
            (OwnerField::ClowdApp { .. }, Some(before)) => {
                self.list_patch(object, &json!({"op": "add", "value": before}))
            }
            (OwnerField::ClowdApp { .. }, None) => self.list_patch(object, &json!({"op": "remove"})),
        }
    }

    /// The field as `managedFields` name it.
    pub fn owned_as(&self) -> Vec<String> {
        match &self.field {
            OwnerField::Pulp { component } => {
                vec!["f:spec".to_owned(), format!("f:{component}"), "f:replicas".to_owned()]
            }
            OwnerField::ClowdApp { deployment } => vec![
                "f:spec".to_owned(),
                "f:deployments".to_owned(),
                format!("k:{}", json!({"name": deployment})),
                "f:replicas".to_owned(),
            ],
            OwnerField::ScaledObject => {
                vec!["f:metadata".to_owned(), "f:annotations".to_owned(), format!("f:{PAUSED_REPLICAS}")]
            }
        }
    }

    fn value<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        let value = match &self.field {
            OwnerField::Pulp { component } => object.pointer(&format!("/spec/{component}/replicas")),
            OwnerField::ClowdApp { .. } => {
                object.pointer(&format!("/spec/deployments/{}/replicas", self.position(object)?))
            }
            OwnerField::ScaledObject => object.pointer("/metadata/annotations")?.get(PAUSED_REPLICAS),
        };
        value.filter(|value| !value.is_null())
    }

    /// Where the deployment is in the `ClowdApp`'s list.
    fn position(&self, object: &Value) -> Option<usize> {
        let OwnerField::ClowdApp { deployment } = &self.field else { return None };
        let named = |entry: &Value| entry.get("name").and_then(Value::as_str) == Some(deployment);
        object.pointer("/spec/deployments")?.as_array()?.iter().position(named)
    }

    /// A merge patch of this very version of this very object: what was read decides what is written.
    fn merge(&self, object: &Value, mut patch: Value) -> Change {
        patch["metadata"]["uid"] = self.uid.clone().into();
        if let Some(version) = object.pointer("/metadata/resourceVersion") {
            patch["metadata"]["resourceVersion"] = version.clone();
        }
        Change::Merge(patch)
    }

    /// A JSON patch of `replicas` in the list. A merge patch would replace the whole list, and a server-side
    /// apply would have to own all of it; this one changes a number, and is refused when the object has changed
    /// since it was read, the list's order with it.
    fn list_patch(&self, object: &Value, change: &Value) -> Option<Change> {
        let OwnerField::ClowdApp { deployment } = &self.field else { return None };
        let entry = format!("/spec/deployments/{}", self.position(object)?);
        let mut change = change.clone();
        change["path"] = format!("{entry}/replicas").into();
        let version = object.pointer("/metadata/resourceVersion");
        Some(Change::Json(json!([
            {"op": "test", "path": "/metadata/uid", "value": self.uid},
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "test", "path": format!("{entry}/name"), "value": deployment},
            change,
        ])))
    }
}

impl fmt::Display for ReplicasField {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.field {
            OwnerField::Pulp { component } => {
                write!(formatter, "spec.{component}.replicas of the Pulp {name}")
            }
            OwnerField::ClowdApp { deployment } => {
                write!(formatter, "replicas of the deployment {deployment} in the ClowdApp {name}")
            }
            OwnerField::ScaledObject => {
                write!(formatter, "the annotation {PAUSED_REPLICAS} of the ScaledObject {name}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
