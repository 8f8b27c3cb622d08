//! The system under test.

use serde::{Deserialize, Serialize};

/// The system under test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The Service that requests are sent to, in the test's own namespace.
    pub service: ServiceReference,
    /// Set when the target is a Pulp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulp: Option<PulpTarget>,
}

/// A Service of the test's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceReference {
    /// The Service's name.
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 63), regex(pattern = "^[a-z]([-a-z0-9]*[a-z0-9])?$"))
    )]
    pub name: String,
    /// The Service's port, by number.
    #[cfg_attr(feature = "kube", schemars(range(min = 1, max = 65535)))]
    pub port: u16,
}

/// What is to be known of a Pulp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    // Not a rule of the credentials themselves: their default has to pass those, and it names no Secret.
    x_kube(validation = kube::core::Rule::new("(self.credentials.method == 'None') != has(self.credentials.secretRef)").message("name the Secret that holds username and password in credentials.secretRef, or write method: None for a Pulp that asks for neither")),
)]
#[serde(rename_all = "camelCase")]
pub struct PulpTarget {
    /// Pulp's setting `API_ROOT`, with a slash at both ends.
    #[serde(default = "default_api_root")]
    #[cfg_attr(feature = "kube", schemars(length(max = 128), regex(pattern = "^/([-._~A-Za-z0-9]+/)*$")))]
    pub api_root: String,
    /// The domain whose tasks are counted, where Pulp's setting `DOMAIN_ENABLED` is on. Leave it out where
    /// domains are off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 50), regex(pattern = "^[-_A-Za-z0-9]+$")))]
    pub domain: Option<String>,
    /// How to authenticate to Pulp.
    #[serde(default)]
    pub credentials: Credentials,
}

fn default_api_root() -> String {
    "/pulp/".to_owned()
}

/// How to authenticate to Pulp.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Session logs in once and costs Pulp least; Basic sends user name and password with each request,
    /// which Pulp hashes each time; None sends nothing.
    #[serde(default)]
    pub method: CredentialsMethod,
    /// A Secret of the test's namespace with the keys `username` and `password`. It must carry the
    /// annotation `perf.pulpproject.org/for` with the Service's name as its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
}

/// How to authenticate to Pulp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum CredentialsMethod {
    /// One login, then the session's cookies.
    #[default]
    Session,
    /// User name and password with each request.
    Basic,
    /// Nothing.
    None,
}

/// A Secret of the test's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// The Secret's name.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 253)))]
    pub name: String,
}
