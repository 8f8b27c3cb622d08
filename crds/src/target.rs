//! The systems under test.

use serde::{Deserialize, Serialize};

/// What the API server takes for the name of an object. What cannot be a name must not become part of a path.
#[cfg(feature = "kube")]
pub(crate) const NAME: &str = "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$";

/// A target: a Service or a URL, how it is reached, and as whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("has(self.service) != has(self.url)").message("name one target: service, a Service of this namespace, or url, which the operator's administrator has to permit")),
    x_kube(validation = kube::core::Rule::new("!has(self.tls) || (has(self.url) ? self.url.startsWith('https://') : self.service.scheme == 'https')").message("tls is for an encrypted target: write service.scheme: https, or a url that begins with https://")),
    x_kube(validation = kube::core::Rule::new("!has(self.pulp) || has(self.credentials)").message("say as whom Pulp is asked: name in credentials.secretRef the Secret that holds username and password, or write credentials with the method None for a Pulp that asks for neither")),
    x_kube(validation = kube::core::Rule::new("has(self.pulp) || !has(self.credentials) || !has(self.credentials.method) || self.credentials.method != 'Session'").message("method: Session is Pulp's own login: a target without pulp takes Basic, Bearer, Header or None")),
)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The name by which an axis of the matrix refers to it.
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 40), regex(pattern = "^[a-z][a-zA-Z0-9]*$"))
    )]
    pub name: String,
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
    /// How an encrypted target is trusted, and who is shown to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// As whom requests are sent; as nobody when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Set when the target is a Pulp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulp: Option<PulpTarget>,
}

/// How an encrypted target is trusted, and who is shown to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("self.verification == 'Full' || !has(self.caBundle)").message("a caBundle is what the target's certificate is verified with: leave it out where verification is None")),
)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Whom the target's certificate has to be from; else those that the operator's image trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<CaBundle>,
    /// The certificate that is shown to the target, where it asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<ClientCertificate>,
    /// Whether the target's certificate is verified.
    #[serde(default)]
    pub verification: TlsVerification,
}

/// A certificate that is shown to the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClientCertificate {
    /// A Secret of the type `kubernetes.io/tls`, with the keys `tls.crt` and `tls.key`. It carries the same annotations
    /// as one of `credentials`.
    pub secret_ref: SecretReference,
}

/// Whether a target's certificate is verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum TlsVerification {
    /// Its name, its time, and whom it is from.
    #[default]
    Full,
    /// Nothing of it: whoever answers is taken for the target. A Secret is sent so only where its owner permits it
    /// (`perf.pulpproject.org/tls-verification=None`).
    None,
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
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
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
}

fn default_api_root() -> String {
    "/pulp/".to_owned()
}

/// As whom requests are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("(has(self.method) && self.method == 'None') != has(self.secretRef)").message("name the Secret in credentials.secretRef (with username and password, for Bearer with token, for Header with value), or write the method None for a target that asks for nothing")),
    x_kube(validation = kube::core::Rule::new("(has(self.method) && self.method == 'Header') == has(self.header)").message("method: Header needs the header's name in credentials.header, as in header: x-rh-identity; no other method takes one")),
    x_kube(validation = kube::core::Rule::new("!has(self.username) || !has(self.method) || self.method in ['Session', 'Basic']").message("a username is for the methods Session and Basic")),
    x_kube(validation = kube::core::Rule::new("!has(self.header) || !(self.header.lowerAscii() in ['accept', 'connection', 'content-length', 'content-type', 'correlation-id', 'expect', 'host', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'user-agent'])").message("credentials.header is a header of the request itself: name the one that carries the credentials, as in x-rh-identity or authorization")),
)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Session logs in to Pulp once and costs it least; Basic sends user name and password with each request, which
    /// Pulp hashes each time; Bearer sends a token; Header sends a header of your own; None sends nothing. Session for
    /// a Pulp and Basic for other targets, when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<CredentialsMethod>,
    /// The name of the header that `method: Header` sends, as in `x-rh-identity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 64), regex(pattern = "^[-_a-zA-Z0-9]+$")))]
    pub header: Option<String>,
    /// The user's name, where the Secret has only the key `password`, as pulp-operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 150), regex(pattern = r"^[-\w.@+]+$")))]
    pub username: Option<String>,
    /// A Secret of the test's namespace with the keys `username` and `password`, for `method: Bearer` with `token`, for
    /// `method: Header` with `value`. It must carry the annotation `perf.pulpproject.org/for` with the Service and its
    /// port (`pulp-api:24817`, for `scheme: https` `https://pulp-api:8443`) or the URL as its value; with a
    /// `caBundle`, `perf.pulpproject.org/ca-config-map` with its `ConfigMap`; and `perf.pulpproject.org/requests` with the method and path of what the
    /// generators send with it, or with `test-views`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
}

/// As whom requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum CredentialsMethod {
    /// One login to Pulp, then the session's cookies.
    Session,
    /// User name and password with each request.
    Basic,
    /// A token with each request, in the header `Authorization`.
    Bearer,
    /// A header with each request, as an identity provider's.
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
