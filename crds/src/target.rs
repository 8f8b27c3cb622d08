//! The system under test.

use serde::{Deserialize, Serialize};

/// What the API server takes for the name of an object. What cannot be a name must not become part of a path.
#[cfg(feature = "kube")]
pub(crate) const NAME: &str = "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$";

/// The system under test: a Service or a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("has(self.service) != has(self.url)").message("name one target: service, a Service of this namespace, or url, which the operator's administrator has to permit")),
    x_kube(validation = kube::core::Rule::new("!has(self.caBundle) || (has(self.url) ? self.url.startsWith('https://') : self.service.scheme == 'https')").message("a caBundle is for an encrypted target: write service.scheme: https, or a url that begins with https://")),
)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The Service that requests are sent to, in the test's own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceReference>,
    /// Anything else that requests are sent to: scheme, host and port, without a path, as in
    /// `https://pulp.example.com`. The operator's administrator has to permit it (`allow.urls` of the chart).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "kube",
        schemars(
            length(max = 300),
            regex(
                pattern = r"^https?://([a-z0-9]([-.a-z0-9]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$"
            )
        )
    )]
    pub url: Option<String>,
    /// Whom an encrypted target's certificate has to be from; else those that the operator's image trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<CaBundle>,
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
    /// How it is spoken to.
    #[serde(default)]
    pub scheme: Scheme,
}

/// How a Service is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Unencrypted.
    #[default]
    Http,
    /// Encrypted.
    Https,
}

impl Scheme {
    /// What a Secret's annotation has to name for the Secret to be sent to this port of a Service, spoken to like this.
    pub fn audience(self, service: &str, port: u16) -> String {
        match self {
            Self::Http => format!("{service}:{port}"),
            Self::Https => format!("https://{service}:{port}"),
        }
    }
}

/// Certificates, of which one has to have signed the target's. They are no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CaBundle {
    /// The `ConfigMap` that holds them, in PEM.
    pub config_map_ref: ConfigMapKeyReference,
}

/// A key of a `ConfigMap` of the test's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapKeyReference {
    /// The `ConfigMap`'s name.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 253), regex(pattern = NAME)))]
    pub name: String,
    /// The key.
    #[serde(default = "default_ca_key")]
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$")))]
    pub key: String,
}

fn default_ca_key() -> String {
    "ca.crt".to_owned()
}

/// What is to be known of a Pulp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    // Not a rule of the credentials themselves: their default has to pass those, and it names no Secret.
    x_kube(validation = kube::core::Rule::new("(self.credentials.method == 'None') != has(self.credentials.secretRef)").message("name the Secret that holds username and password in credentials.secretRef, or write method: None for a Pulp that asks for neither")),
    x_kube(validation = kube::core::Rule::new("(self.credentials.method == 'Header') == has(self.credentials.header)").message("method: Header needs the header's name in credentials.header, as in header: x-rh-identity; no other method takes one")),
    x_kube(validation = kube::core::Rule::new("!has(self.credentials.header) || !(self.credentials.header.lowerAscii() in ['accept', 'connection', 'content-length', 'content-type', 'correlation-id', 'expect', 'host', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'user-agent'])").message("credentials.header is a header of the request itself: name the one that carries the credentials, as in x-rh-identity or authorization")),
)]
#[serde(rename_all = "camelCase")]
pub struct PulpTarget {
    /// Pulp's setting `API_ROOT`, with a slash at both ends.
    #[serde(default = "default_api_root")]
    #[cfg_attr(
        feature = "kube",
        schemars(length(max = 128), regex(pattern = "^/([-_~A-Za-z0-9][-._~A-Za-z0-9]*/)*$"))
    )]
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
    /// which Pulp hashes each time; Header sends a header of your own; None sends nothing.
    #[serde(default)]
    pub method: CredentialsMethod,
    /// The name of the header that `method: Header` sends, as in `x-rh-identity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 64), regex(pattern = "^[-_a-zA-Z0-9]+$")))]
    pub header: Option<String>,
    /// A Secret of the test's namespace with the keys `username` and `password`, or for `method: Header`
    /// with the key `value`. It must carry the annotation `perf.pulpproject.org/for` with the Service and its
    /// port (`pulp-api:24817`, for `scheme: https` `https://pulp-api:8443`) or the URL as its value; with a
    /// `caBundle`, `perf.pulpproject.org/ca-config-map` with its `ConfigMap`; and `perf.pulpproject.org/requests` with the method and path of what the
    /// generators send with it, or with `test-views`.
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
    /// A header with each request, as an identity provider's or a token's.
    Header,
    /// Nothing.
    None,
}

/// A Secret of the test's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// The Secret's name.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 253), regex(pattern = NAME)))]
    pub name: String,
}
