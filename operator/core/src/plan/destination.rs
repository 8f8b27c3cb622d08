//! How the system under test is reached, and whom a Secret may be sent to.

use std::fmt;

use throughput_crds::{CaBundle, Credentials, CredentialsMethod, Scheme, Target};
use throughput_model::workload::{Authentication, Dispatch, DispatchRequest, Method};

use crate::plan::permissions::{NotPermitted, Permissions, is_listed};
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
            (None, None) | (Some(_), Some(_)) => Err(Rejection::NoTarget),
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
    pub fn audience(&self) -> &str {
        match self {
            Self::Service { name, .. } => name,
            Self::Url(url) => url,
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

/// How requests authenticate.
pub(crate) fn authentication(credentials: &Credentials) -> Result<Authentication, Rejection> {
    match credentials.method {
        CredentialsMethod::Session => Ok(Authentication::Session),
        CredentialsMethod::Basic => Ok(Authentication::Basic),
        CredentialsMethod::Header => {
            let name = credentials.header.clone().ok_or(Rejection::NoHeader)?;
            Ok(Authentication::Header { name })
        }
        CredentialsMethod::None => Ok(Authentication::None),
    }
}

/// The keys of a Secret that requests authenticate with in this way.
pub fn secret_keys(authentication: &Authentication) -> &'static [&'static str] {
    match authentication {
        Authentication::Session | Authentication::Basic => &["username", "password"],
        Authentication::Header { .. } => &["value"],
        Authentication::None => &[],
    }
}

/// What is sent with a Secret's rights and takes its owner's word, as the owner writes it: `POST /pulp/x/`. A GET
/// changes nothing, and of its answer only a refusal is shown; anything else could make whoever may create a test
/// an administrator of Pulp.
pub fn needs_permission(dispatch: &Dispatch) -> Option<String> {
    match dispatch {
        // In-process nothing is sent.
        Dispatch::TestView(_) | Dispatch::InProcess(_) => None,
        Dispatch::Request(DispatchRequest { method, path, .. }) => match method {
            Method::Get => None,
            Method::Post => Some(format!("POST {path}")),
            Method::Put => Some(format!("PUT {path}")),
            Method::Patch => Some(format!("PATCH {path}")),
            Method::Delete => Some(format!("DELETE {path}")),
        },
    }
}

/// Whether the owner's list, separated by commas, has this request. A path that is not what it looks like (`..`)
/// is on no list.
pub fn permits_request(list: &str, request: &str) -> bool {
    let plain = !request.split('/').any(|segment| matches!(segment, "." | ".."));
    plain && is_listed(list, request)
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
    fn whatever_may_change_something_takes_the_owners_word() {
        let view = Dispatch::TestView(TestView {
            path: "/pulp/test/tasks/".to_owned(),
            query: BTreeMap::new(),
            count_field: "tasks_executed".to_owned(),
            tasks_per_request: None,
            request_timeout_milliseconds: 1,
        });
        assert_eq!(needs_permission(&view), None);
        assert_eq!(needs_permission(&request(Method::Get)), None);
        for (method, name) in [
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
            "POST /pulp/api/v3/tasks/purge/x",
            "POST /pulp/api/v3/users/",
            "DELETE /pulp/api/v3/repositories/file/../../users/",
            "",
        ] {
            assert!(!permits_request(list, refused), "{refused}");
        }
        assert!(!permits_request("", "POST /pulp/api/v3/users/"));
        assert!(permits_request("*", "POST /pulp/api/v3/users/"));
    }

    #[test]
    fn a_service_is_spoken_to_as_the_spec_says() {
        let service = |scheme| Destination::Service { name: "pulp-api".to_owned(), port: 443, scheme };
        assert_eq!(service(Scheme::Http).base_url("pulp"), "http://pulp-api.pulp.svc:443");
        assert_eq!(service(Scheme::Https).base_url("pulp"), "https://pulp-api.pulp.svc:443");
        assert_eq!(service(Scheme::Https).audience(), "pulp-api");
    }
}
