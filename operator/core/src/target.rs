//! What a run can scale: an object of `apps/v1` that has a scale, by its kind and its name, and who holds it.

use std::fmt;

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

/// A claim of the test on a target, as far as decisions depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// What is claimed.
    pub target: TargetName,
    /// The replicas that it had before, and gets back.
    pub replicas: u32,
    /// The field of its owner by which it is scaled, as people read it; `None` where its own scale does.
    pub through: Option<String>,
}

/// Who holds the claim on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Nobody.
    Nobody,
    /// The test that asks.
    This,
    /// Another test, by its holder identity.
    Another(String),
    /// Nobody whom this operator knows: there is a Lease as of a claim, and its key did not sign it.
    Unsigned {
        /// The Lease's name.
        lease: String,
    },
}

/// The UID of the test that a holder identity names, `namespace/name/uid`.
pub fn uid_of(identity: &str) -> &str {
    identity.rsplit_once('/').map_or(identity, |(_, uid)| uid)
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
