//! Where each part of Pulp's API is.

use reqwest::Url;
use throughput_model::workload::PulpEndpoint;

use crate::error::SetupError;

/// The checked addresses of a Pulp API.
///
/// Pulp has `{API_ROOT}api/v3/status/`, and everything else, login included, below
/// `{API_ROOT}{domain}/api/v3/` where `DOMAIN_ENABLED` is on (pulpcore's `urls.py`).
#[derive(Clone, Debug)]
pub(crate) struct Address {
    base: Url,
    status_path: String,
    api_path: String,
}

impl Address {
    /// Checks an endpoint.
    pub(crate) fn new(endpoint: &PulpEndpoint) -> Result<Self, SetupError> {
        let PulpEndpoint { base_url, api_root, domain, .. } = endpoint;
        let base = base(base_url)?;
        check_api_root(api_root)?;
        let api_path = match domain {
            Some(domain) if is_slug(domain) => format!("{api_root}{domain}/api/v3/"),
            Some(domain) => return Err(SetupError::Domain(domain.clone())),
            None => format!("{api_root}api/v3/"),
        };
        Ok(Self { base, status_path: format!("{api_root}api/v3/status/"), api_path })
    }

    /// Any path at this host. A path never leads to another host, whatever it holds.
    pub(crate) fn at<'a>(&self, path: &str, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        let mut query = query.into_iter().peekable();
        if query.peek().is_some() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// The status view.
    pub(crate) fn status_path(&self) -> &str {
        &self.status_path
    }

    /// A view of the API, in the domain if there is one: `tasks/`.
    pub(crate) fn api_path(&self, view: &str) -> String {
        format!("{}{view}", self.api_path)
    }

    /// A path that the server named, if it lies below the API's own and is plain: nothing in it that leads
    /// elsewhere or needs to be decoded.
    pub(crate) fn within_api<'a>(&self, href: &'a str) -> Option<&'a str> {
        let rest = href.strip_prefix(&self.api_path)?;
        let rest = rest.strip_suffix('/')?;
        (href.len() <= 2_000 && rest.split('/').all(is_plain_segment)).then_some(href)
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// The base URL, as Django wants it in `Referer` on encrypted connections.
    pub(crate) fn referer(&self) -> &str {
        self.base.as_str()
    }
}

fn base(text: &str) -> Result<Url, SetupError> {
    // The text may hold a password, so it is quoted only when it cannot.
    let refused =
        || SetupError::BaseUrl(if text.contains('@') { "(with user name)" } else { text }.to_owned());
    let url = Url::parse(text).map_err(|_| refused())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    if plain { Ok(url) } else { Err(refused()) }
}

fn check_api_root(root: &str) -> Result<(), SetupError> {
    let refused = || SetupError::ApiRoot(root.to_owned());
    if root == "/" {
        return Ok(());
    }
    let inner = root.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).ok_or_else(refused)?;
    if inner.split('/').all(is_plain_segment) { Ok(()) } else { Err(refused()) }
}

/// Whether a segment of a path is what it looks like: not one that leads elsewhere, is decoded or divides the path otherwise,
/// as `..`, `%2e%2e` and a backslash do.
fn is_plain_segment(segment: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain)
}

fn is_slug(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

#[cfg(test)]
mod tests {
    use throughput_model::workload::Authentication;

    use super::*;

    fn endpoint(base_url: &str, api_root: &str, domain: Option<&str>) -> PulpEndpoint {
        PulpEndpoint {
            base_url: base_url.to_owned(),
            api_root: api_root.to_owned(),
            domain: domain.map(ToOwned::to_owned),
            authentication: Authentication::None,
            username: None,
            verifies_certificate: true,
        }
    }

    #[test]
    fn the_domain_stands_before_the_api_but_not_before_the_status() {
        let address = Address::new(&endpoint("http://pulp:24817", "/api/pulp/", Some("team-a"))).unwrap();
        assert_eq!(address.api_path("tasks/"), "/api/pulp/team-a/api/v3/tasks/");
        assert_eq!(address.status_path(), "/api/pulp/api/v3/status/");
        let address = Address::new(&endpoint("http://pulp:24817/", "/pulp/", None)).unwrap();
        assert_eq!(
            address.at(&address.api_path("tasks/"), [("state__in", "waiting,running")]).as_str(),
            "http://pulp:24817/pulp/api/v3/tasks/?state__in=waiting%2Crunning"
        );
    }

    #[test]
    fn only_a_plain_path_below_the_api_is_taken_from_the_server() {
        let address = Address::new(&endpoint("http://pulp", "/pulp/", Some("team"))).unwrap();
        // Dots within a name lead nowhere.
        for inside in ["/pulp/team/api/v3/distributions/file/file/0197b1c2/", "/pulp/team/api/v3/x/a..b/"] {
            assert_eq!(address.within_api(inside), Some(inside));
            assert_eq!(address.at(inside, []).path(), inside);
        }
        for outside in [
            "/pulp/other/api/v3/distributions/file/file/0197b1c2/",
            "/pulp/team/api/v3/../../../other/",
            "/pulp/team/api/v3/",
            "/pulp/team/api/v3//x/",
            "/pulp/team/api/v3/x/?force=1",
            "/pulp/team/api/v3/%2e%2e/",
            "http://elsewhere/pulp/team/api/v3/x/",
            "",
        ] {
            assert_eq!(address.within_api(outside), None, "{outside}");
        }
    }

    #[test]
    fn a_path_cannot_leave_the_host() {
        let address = Address::new(&endpoint("http://pulp:24817", "/", None)).unwrap();
        for path in ["//other/x", "/\\other/x", "http://other/x", "@other/x", "/x?y#z"] {
            let url = address.at(path, []);
            assert_eq!((url.host_str(), url.port()), (Some("pulp"), Some(24_817)), "{path}");
            assert_eq!((url.query(), url.fragment()), (None, None), "{path}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        for text in ["pulp:24817", "ftp://pulp", "http://pulp/path", "http://pulp/?q", "", "http://"] {
            assert!(
                matches!(Address::new(&endpoint(text, "/", None)), Err(SetupError::BaseUrl(_))),
                "{text}"
            );
        }
        let refused = Address::new(&endpoint("http://admin:hunter2@pulp", "/", None)).unwrap_err();
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
        let divided = ["/a\\..\\b/", "/%2e%2e/", "/a?b/", "/a#/", "/a b/"];
        for root in ["", "pulp", "/pulp", "pulp/", "//", "/a//b/", "/../"].into_iter().chain(divided) {
            assert!(
                matches!(Address::new(&endpoint("http://p", root, None)), Err(SetupError::ApiRoot(_))),
                "{root}"
            );
        }
        for domain in ["", "a/b", "..", "a b"] {
            let refused = Address::new(&endpoint("http://p", "/", Some(domain)));
            assert!(matches!(refused, Err(SetupError::Domain(_))), "{domain}");
        }
    }
}
