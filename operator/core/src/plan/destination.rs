//! How the system under test is reached, and whom a Secret may be sent to.

use std::fmt;

use throughput_crds::{CaBundle, Credentials, CredentialsMethod, Scheme, Target, Tls, TlsVerification};
use throughput_model::workload::{Authentication, Dispatch, DispatchRequest, Method};

use crate::plan::permissions::{NotPermitted, Permissions};
use crate::plan::rejection::Rejection;

/// Where requests are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A Service of the test's namespace.
    Service {
        /// Its name.
        name: String,
        /// Its port.
        port: u16,
        /// How it is spoken to.
        scheme: Scheme,
    },
    /// A URL that the administrator permits.
    Url(String),
}

/// One of a test's targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedTarget {
    /// What the spec calls it.
    pub name: String,
    /// Where it is.
    pub destination: Destination,
    /// How it is trusted, where it is encrypted, and who is shown to it.
    pub trust: Trust,
}

impl PlannedTarget {
    /// A target as the spec has it.
    pub(crate) fn new(target: &Target, permissions: &Permissions) -> Result<Self, Rejection> {
        Ok(Self {
            name: target.name.clone(),
            destination: Destination::new(target, permissions)?,
            trust: target.tls.as_ref().map_or_else(Trust::default, Trust::new),
        })
    }
}

/// How an encrypted target is trusted, and who is shown to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The certificates that are trusted, where not the system's.
    pub ca_bundle: Option<ConfigMapKey>,
    /// The Secret with the certificate that is shown to the target.
    pub client_certificate: Option<String>,
    /// Whether the target's certificate is verified.
    pub verifies: bool,
}

impl Trust {
    fn new(tls: &Tls) -> Self {
        let Tls { ca_bundle, client_certificate, verification } = tls;
        Self {
            ca_bundle: ca_bundle.as_ref().map(ConfigMapKey::new),
            client_certificate: client_certificate.as_ref().map(|shown| shown.secret_ref.name.clone()),
            verifies: match verification {
                TlsVerification::Full => true,
                TlsVerification::None => false,
            },
        }
    }
}

impl Default for Trust {
    fn default() -> Self {
        Self { ca_bundle: None, client_certificate: None, verifies: true }
    }
}

/// A key of a `ConfigMap` of the test's namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigMapKey {
    /// The `ConfigMap`'s name.
    pub name: String,
    /// The key.
    pub key: String,
}

impl Destination {
    /// The destination that a spec names.
    pub(crate) fn new(target: &Target, permissions: &Permissions) -> Result<Self, Rejection> {
        match (&target.service, &target.url) {
            (Some(service), None) => {
                Ok(Self::Service { name: service.name.clone(), port: service.port, scheme: service.scheme })
            }
            (None, Some(url)) if permissions.permits_url(url) => Ok(Self::Url(url.clone())),
            (None, Some(url)) => {
                Err(NotPermitted { what: "URL", wanted: url.clone(), value: "allow.urls" }.into())
            }
            (None, None) | (Some(_), Some(_)) => Err(Rejection::NoTarget(target.name.clone())),
        }
    }

    /// Scheme, host and port.
    pub fn base_url(&self, namespace: &str) -> String {
        match self {
            Self::Service { name, port, scheme } => {
                let scheme = match scheme {
                    Scheme::Http => "http",
                    Scheme::Https => "https",
                };
                format!("{scheme}://{name}.{namespace}.svc:{port}")
            }
            Self::Url(url) => url.clone(),
        }
    }

    /// What a Secret's annotation has to name for the Secret to be sent here.
    pub fn audience(&self) -> String {
        match self {
            Self::Service { name, port, scheme } => scheme.audience(name, *port),
            Self::Url(url) => url.clone(),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service { name, .. } => write!(formatter, "the Service {name}"),
            Self::Url(url) => write!(formatter, "the URL {url}"),
        }
    }
}

impl ConfigMapKey {
    pub(crate) fn new(bundle: &CaBundle) -> Self {
        let CaBundle { config_map_ref } = bundle;
        Self { name: config_map_ref.name.clone(), key: config_map_ref.key.clone() }
    }
}

/// How requests to a Pulp authenticate.
pub(crate) fn authentication(credentials: &Credentials) -> Result<Authentication, Rejection> {
    match credentials.method.unwrap_or(CredentialsMethod::Session) {
        CredentialsMethod::Session => Ok(Authentication::Session),
        CredentialsMethod::Basic => Ok(Authentication::Basic),
        CredentialsMethod::Bearer => Ok(Authentication::Bearer),
        CredentialsMethod::Header => {
            let name = credentials.header.clone().ok_or(Rejection::NoHeader)?;
            Ok(Authentication::Header { name })
        }
        CredentialsMethod::None => Ok(Authentication::None),
    }
}

/// The keys of a Secret that requests authenticate with in this way; `has_username` where the spec has the user's name.
pub fn secret_keys(authentication: &Authentication, has_username: bool) -> &'static [&'static str] {
    match authentication {
        Authentication::Session | Authentication::Basic if has_username => &["password"],
        Authentication::Session | Authentication::Basic => &["username", "password"],
        Authentication::Bearer => &["token"],
        Authentication::Header { .. } => &["value"],
        Authentication::None => &[],
    }
}

/// The keys of a Secret with a certificate that is shown to a target.
pub const CERTIFICATE_KEYS: &[&str] = &["tls.crt", "tls.key"];

/// What an owner's list says instead of naming the views that are made for tests, each by itself.
pub const TEST_VIEWS: &str = "test-views";

/// The views that [`TEST_VIEWS`] stands for: those of pulp-service, below the two usual API roots. They are whole
/// paths, since the API root is the test's to write.
const TEST_VIEW_REQUESTS: [&str; 4] = [
    "GET /pulp/test/tasks/",
    "GET /pulp/test/random_lock_tasks/",
    "GET /api/pulp/test/tasks/",
    "GET /api/pulp/test/random_lock_tasks/",
];

/// What is sent with a Secret's rights and takes its owner's word, as the owner writes it: `POST /pulp/x/`. A GET
/// takes it too: there are views that dispatch, release locks or forward on GET.
pub fn needs_permission(dispatch: &Dispatch) -> Option<String> {
    match dispatch {
        // In-process nothing is sent.
        Dispatch::InProcess(_) => None,
        Dispatch::TestView(view) => Some(format!("GET {}", view.path)),
        Dispatch::Request(DispatchRequest { method, path, .. }) => {
            let method = match method {
                Method::Get => "GET",
                Method::Post => "POST",
                Method::Put => "PUT",
                Method::Patch => "PATCH",
                Method::Delete => "DELETE",
            };
            Some(format!("{method} {path}"))
        }
    }
}

/// Whether the owner's list, separated by commas, has this request: itself, its beginning and a `*`, or
/// [`TEST_VIEWS`]. A path that is not plain is on no list.
pub fn permits_request(list: &str, request: &str) -> bool {
    let plain = request.split_once(' ').is_some_and(|(_, path)| is_plain_path(path));
    plain
        && list.split(',').map(str::trim).any(|entry| match (entry, entry.strip_suffix('*')) {
            (TEST_VIEWS, _) => TEST_VIEW_REQUESTS.contains(&request),
            (_, Some(beginning)) => request.starts_with(beginning),
            (_, None) => request == entry,
        })
}

/// Whether a path is what it looks like to every server: of letters, digits and `-._~`, without empty segments but the
/// last, and without any that begins with a dot. So nothing in it leads upwards, is decoded, or divides it otherwise.
pub fn is_plain_path(path: &str) -> bool {
    let Some(below) = path.strip_prefix('/') else { return false };
    let below = below.strip_suffix('/').unwrap_or(below);
    let is_plain = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    path == "/" || below.split('/').all(is_plain)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use throughput_model::workload::TestView;

    use super::*;

    fn request(method: Method) -> Dispatch {
        Dispatch::Request(DispatchRequest {
            method,
            path: "/pulp/api/v3/users/".to_owned(),
            body: None,
            request_timeout_milliseconds: 1,
        })
    }

    #[test]
    fn whatever_is_sent_with_a_secret_takes_its_owners_word() {
        let view = Dispatch::TestView(TestView {
            path: "/pulp/test/tasks/".to_owned(),
            query: BTreeMap::new(),
            count_field: "tasks_executed".to_owned(),
            tasks_per_request: None,
            request_timeout_milliseconds: 1,
        });
        assert_eq!(needs_permission(&view).as_deref(), Some("GET /pulp/test/tasks/"));
        for (method, name) in [
            (Method::Get, "GET"),
            (Method::Post, "POST"),
            (Method::Put, "PUT"),
            (Method::Patch, "PATCH"),
            (Method::Delete, "DELETE"),
        ] {
            let needed = needs_permission(&request(method));
            assert_eq!(needed, Some(format!("{name} /pulp/api/v3/users/")));
        }
    }

    #[test]
    fn a_request_is_permitted_by_method_and_path_together() {
        let list = "POST /pulp/api/v3/tasks/purge/, DELETE /pulp/api/v3/repositories/file/*";
        for permitted in
            ["POST /pulp/api/v3/tasks/purge/", "DELETE /pulp/api/v3/repositories/file/file/0191/"]
        {
            assert!(permits_request(list, permitted), "{permitted}");
        }
        for refused in [
            "DELETE /pulp/api/v3/tasks/purge/",
            "GET /pulp/api/v3/tasks/purge/",
            "POST /pulp/api/v3/tasks/purge",
            "POST /pulp/api/v3/tasks/purge/x",
            "POST /pulp/api/v3/users/",
            "GET /pulp/test/tasks/",
            "DELETE /pulp/api/v3/repositories/file/../../users/",
            "",
            "POST",
        ] {
            assert!(!permits_request(list, refused), "{refused}");
        }
        for empty in ["", ",", " , "] {
            assert!(!permits_request(empty, "POST /pulp/api/v3/users/"), "{empty:?}");
            assert!(!permits_request(empty, ""), "{empty:?}");
        }
        assert!(permits_request("*", "POST /pulp/api/v3/users/"));
    }

    #[test]
    fn views_for_tests_are_permitted_by_a_word_of_their_own_and_as_whole_paths() {
        let list = "test-views, POST /pulp/api/v3/tasks/purge/";
        for permitted in TEST_VIEW_REQUESTS.into_iter().chain(["POST /pulp/api/v3/tasks/purge/"]) {
            assert!(permits_request(list, permitted), "{permitted}");
        }
        for refused in [
            "POST /pulp/test/tasks/",
            "GET /pulp/test/distributions/",
            "GET /pulp/test/tasks/release/",
            "GET /other/test/tasks/",
            "GET /pulp/api/v3/users/test/tasks/",
        ] {
            assert!(!permits_request(list, refused), "{refused}");
        }
        assert!(!permits_request("test-views-not", TEST_VIEW_REQUESTS[0]));
    }

    #[test]
    fn a_path_that_is_not_what_it_looks_like_is_on_no_list() {
        for plain in ["/", "/a", "/a/", "/pulp/api/v3/file-x_1~/3.2/", "/a/b.c/d..e/"] {
            assert!(is_plain_path(plain), "{plain:?}");
            assert!(permits_request("*", &format!("GET {plain}")), "{plain:?}");
        }
        for hidden in [
            "",
            "a/",
            "//",
            "/a//b/",
            "/a/b//",
            "/./a/",
            "/a/.",
            "/a/..",
            "/../a/",
            "/a/../b/",
            "/a/%2e%2e/b/",
            "/a%2f..%2fb/",
            "/%2E%2E/",
            "/a/%252e/",
            "/a\\b/",
            "/a/..\\b/",
            "/a;x/",
            "/a/..;/b/",
            "/a?b",
            "/a#b",
            "/a b/",
            "/a\tb/",
            "/a\nb/",
            "/a\0/",
            "/a\u{7f}/",
            "/\u{ff0e}\u{ff0e}/",
            "/\u{2025}/",
            "/a@b/",
            "/a:b/",
        ] {
            assert!(!is_plain_path(hidden), "{hidden:?}");
            for list in ["*", "GET *", "GET /*", &format!("GET {hidden}")] {
                assert!(!permits_request(list, &format!("GET {hidden}")), "{hidden:?} {list:?}");
            }
        }
    }

    #[test]
    fn a_service_is_spoken_to_as_the_spec_says() {
        let service = |scheme| Destination::Service { name: "pulp-api".to_owned(), port: 443, scheme };
        assert_eq!(service(Scheme::Http).base_url("pulp"), "http://pulp-api.pulp.svc:443");
        assert_eq!(service(Scheme::Https).base_url("pulp"), "https://pulp-api.pulp.svc:443");
    }

    #[test]
    fn a_secret_names_a_service_with_its_port_and_whether_it_is_encrypted() {
        let service = |port, scheme| Destination::Service { name: "pulp-api".to_owned(), port, scheme };
        assert_eq!(service(80, Scheme::Http).audience(), "pulp-api:80");
        assert_eq!(service(8443, Scheme::Http).audience(), "pulp-api:8443");
        assert_eq!(service(8443, Scheme::Https).audience(), "https://pulp-api:8443");
        let url = Destination::Url("https://pulp.example.com".to_owned());
        assert_eq!(url.audience(), "https://pulp.example.com");
    }
}
