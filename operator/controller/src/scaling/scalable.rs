//! What a run can scale: an object of `apps/v1` that has a scale, by its kind and its name.

use std::fmt;

use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use serde::{Deserialize, Serialize};

/// A kind that can be scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TargetKind {
    /// A Deployment: all that the first version could scale, and so what a claim without a kind is on.
    #[default]
    Deployment,
    /// A `StatefulSet`.
    StatefulSet,
}

/// An object that can be scaled, in the test's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TargetName {
    /// Its kind.
    #[serde(default)]
    pub kind: TargetKind,
    /// Its name.
    #[serde(alias = "deployment")]
    pub name: String,
}

impl TargetKind {
    /// The kind of this name, if it is one that can be scaled.
    pub fn named(kind: &str) -> Option<Self> {
        match kind {
            "Deployment" => Some(Self::Deployment),
            "StatefulSet" => Some(Self::StatefulSet),
            _ => None,
        }
    }

    /// How the API server calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
        }
    }

    /// Where the API server serves it.
    pub fn resource(self) -> ApiResource {
        let plural = match self {
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
        };
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("apps", "v1", self.as_str()), plural)
    }
}

impl TargetName {
    /// The Deployment of this name.
    pub fn deployment(name: impl Into<String>) -> Self {
        Self { kind: TargetKind::Deployment, name: name.into() }
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind.as_str(), self.name)
    }
}

/// The replicas that a target shall have; one where it does not say, as the API server reads it.
pub fn wanted_replicas(target: &DynamicObject) -> i32 {
    count(target, "/spec/replicas").unwrap_or(1)
}

/// The replicas of a target that are ready.
pub fn ready_replicas(target: &DynamicObject) -> i32 {
    count(target, "/status/readyReplicas").unwrap_or_default()
}

fn count(target: &DynamicObject, pointer: &str) -> Option<i32> {
    target.data.pointer(pointer)?.as_i64().and_then(|count| i32::try_from(count).ok())
}
