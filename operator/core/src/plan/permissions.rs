//! What tests may do only where the operator's administrator permits it: the chart's `allow`. Nothing of it is
//! permitted unless it is listed.

use std::fmt;

use throughput_crds::GeneratorPod;

use crate::source_catalog::Wanted;

/// What the administrator permits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    urls: Vec<String>,
    images: Vec<String>,
    aws_roles: Vec<String>,
    rds_instances: Vec<String>,
    log_groups: Vec<String>,
    pods: AllowedPods,
}

/// What the chart's `allow` says of load pods, beyond what any of them may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedPods {
    /// The keys of labels, or their beginnings with a `*`.
    pub labels: Vec<String>,
    /// The keys of annotations, or their beginnings with a `*`.
    pub annotations: Vec<String>,
    /// Priority classes.
    pub priority_classes: Vec<String>,
    /// Runtime classes.
    pub runtime_classes: Vec<String>,
    /// Kernel settings that are not safe.
    pub sysctls: Vec<String>,
    /// Whether they may use their node's network.
    pub host_network: bool,
}

/// Kernel settings that Kubernetes takes for safe, and restricted namespaces permit: they are a pod's own.
const SAFE_SYSCTLS: [&str; 10] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
];

/// What the chart's `allow` lists of AWS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllowedAws<'a> {
    /// Roles that may be assumed.
    pub roles: &'a [String],
    /// RDS instances that may be read with the operator's own rights.
    pub rds_instances: &'a [String],
    /// Log groups that may be read with the operator's own rights.
    pub log_groups: &'a [String],
}

/// Something that the administrator did not permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotPermitted {
    /// What kind of thing it is: `URL`, `image`.
    pub what: &'static str,
    /// Which one.
    pub wanted: String,
    /// The chart's value that would permit it: `allow.urls`.
    pub value: &'static str,
}

impl fmt::Display for NotPermitted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, wanted, value } = self;
        write!(
            formatter,
            "the {what} {wanted} is not permitted here: the administrator of the operator permits it with --set '{value}={{{wanted}}}'"
        )
    }
}

impl std::error::Error for NotPermitted {}

impl Permissions {
    /// What is listed; blanks around entries, and entries that are empty, do not count.
    pub fn new(urls: &[String], images: &[String]) -> Self {
        Self { urls: listed(urls), images: listed(images), ..Self::default() }
    }

    /// What is listed of AWS besides.
    #[must_use]
    pub fn with_aws(self, aws: AllowedAws<'_>) -> Self {
        Self {
            aws_roles: listed(aws.roles),
            rds_instances: listed(aws.rds_instances),
            log_groups: listed(aws.log_groups),
            ..self
        }
    }

    /// What load pods may be besides.
    #[must_use]
    pub fn with_pods(self, pods: AllowedPods) -> Self {
        let AllowedPods { labels, annotations, priority_classes, runtime_classes, sysctls, host_network } =
            pods;
        let pods = AllowedPods {
            labels: listed(&labels),
            annotations: listed(&annotations),
            priority_classes: listed(&priority_classes),
            runtime_classes: listed(&runtime_classes),
            sysctls: listed(&sysctls),
            host_network,
        };
        Self { pods, ..self }
    }

    /// Whether a test's load pods may be like this.
    pub fn permit_pod(&self, pod: &GeneratorPod) -> Result<(), NotPermitted> {
        let AllowedPods { labels, annotations, priority_classes, runtime_classes, sysctls, host_network } =
            &self.pods;
        let matches = |patterns: &[String], name: &str| patterns.iter().any(|it| matches_pattern(it, name));
        let refused = |what, wanted: &str, value| NotPermitted { what, wanted: wanted.to_owned(), value };
        let keys = |what, value, keys: Vec<&String>, patterns: &[String]| {
            let first = keys.into_iter().find(|key| !matches(patterns, key));
            first.map_or(Ok(()), |key| Err(refused(what, key, value)))
        };
        keys("label of load pods", "allow.podLabels", pod.labels.keys().collect(), labels)?;
        keys(
            "annotation of load pods",
            "allow.podAnnotations",
            pod.annotations.keys().collect(),
            annotations,
        )?;
        let classes = pod.priority_class_name.iter().collect();
        keys("priority class", "allow.priorityClasses", classes, priority_classes)?;
        let classes = pod.runtime_class_name.iter().collect();
        keys("runtime class", "allow.runtimeClasses", classes, runtime_classes)?;
        let unsafe_ones = pod.sysctls.iter().map(|sysctl| &sysctl.name);
        let unsafe_ones = unsafe_ones.filter(|name| !SAFE_SYSCTLS.contains(&name.as_str())).collect();
        keys("kernel setting", "allow.sysctls", unsafe_ones, sysctls)?;
        if pod.host_network && !host_network {
            return Err(refused("node's network for load pods", "true", "allow.hostNetwork"));
        }
        Ok(())
    }

    /// Whether a source may use this. Of the names of AWS, what is listed is a name, or its beginning with a `*` behind
    /// it; a role is listed as a whole.
    pub fn permit(&self, wanted: &Wanted) -> Result<(), NotPermitted> {
        let matches =
            |patterns: &[String], name: &str| patterns.iter().any(|pattern| matches_pattern(pattern, name));
        let (permitted, what, name, value) = match wanted {
            Wanted::Url(url) => (self.permits_url(without_path(url)), "URL", url, "allow.urls"),
            Wanted::AwsRole(role) => (self.aws_roles.contains(role), "role", role, "allow.awsRoles"),
            Wanted::RdsInstance(name) => {
                (matches(&self.rds_instances, name), "RDS instance", name, "allow.rdsInstances")
            }
            Wanted::LogGroup(name) => (matches(&self.log_groups, name), "log group", name, "allow.logGroups"),
        };
        let wanted = if what == "URL" { without_path(name) } else { name };
        if permitted { Ok(()) } else { Err(NotPermitted { what, wanted: wanted.to_owned(), value }) }
    }

    /// Whether requests may be sent to this URL of scheme, host and port. Only a whole URL is listed: of its
    /// beginning anybody could make a host of their own.
    pub fn permits_url(&self, url: &str) -> bool {
        self.urls.iter().any(|permitted| origin(permitted) == origin(url))
    }

    /// Whether tests may run this image. What is listed is an image, or its beginning with a `*` behind it.
    pub fn permits_image(&self, image: &str) -> bool {
        self.images.iter().any(|pattern| matches_image(pattern, image))
    }
}

fn listed(entries: &[String]) -> Vec<String> {
    entries.iter().map(|entry| entry.trim().to_owned()).filter(|entry| !entry.is_empty()).collect()
}

/// Whether a text is what the pattern says: itself, or anything that begins like it where a `*` ends it.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => text.starts_with(beginning),
        None => text == pattern,
    }
}

/// Whether an image is what the pattern says: itself, or anything that begins like it where a `*` ends it. The beginning
/// ends with a whole part of a name, since the owner of `registry/pulp` is not that of `registry/pulp-evil`; only of a
/// tag or digest a part will do, since these belong to one repository.
fn matches_image(pattern: &str, image: &str) -> bool {
    let Some(beginning) = pattern.strip_suffix('*') else { return pattern == image };
    let Some(rest) = image.strip_prefix(beginning) else { return false };
    let last = beginning.rsplit('/').next().unwrap_or(beginning);
    if last.is_empty() {
        return true;
    }
    let is_of_the_repository = !rest.contains('/');
    if last.contains([':', '@']) {
        return is_of_the_repository;
    }
    // A colon with a slash behind it would be the port of another registry on this host.
    rest.is_empty() || rest.starts_with('/') || (rest.starts_with([':', '@']) && is_of_the_repository)
}

/// Whether a list of images, separated by commas, has an image, as [`Permissions::permits_image`].
pub fn is_image_listed(list: &str, image: &str) -> bool {
    list.split(',').any(|pattern| matches_image(pattern.trim(), image))
}

/// Scheme, host and port of a URL.
fn without_path(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url[authority..].find(['/', '?', '#']).map_or(url.len(), |path| authority + path);
    &url[..end]
}

/// A URL in the one form in which equal ones are equal: in small letters, without a slash at the end, and without
/// the port that its scheme has anyway.
fn origin(url: &str) -> String {
    let url = url.trim_end_matches('/').to_ascii_lowercase();
    let without_port = match url.split_once("://") {
        Some(("http", _)) => url.strip_suffix(":80"),
        Some(("https", _)) => url.strip_suffix(":443"),
        Some(_) | None => None,
    };
    without_port.map(ToOwned::to_owned).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(urls: &[&str], images: &[&str]) -> Permissions {
        let owned =
            |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<String>>();
        Permissions::new(&owned(urls), &owned(images))
    }

    #[test]
    fn nothing_is_permitted_unless_it_is_listed() {
        for nothing in [Permissions::default(), permissions(&["", " "], &[""])] {
            assert!(!nothing.permits_url("https://pulp.example.com"));
            assert!(!nothing.permits_url(""));
            assert!(!nothing.permits_image("quay.io/pulp/pulp:3"));
        }
    }

    #[test]
    fn a_url_is_permitted_as_a_whole_however_it_is_written() {
        let permissions = permissions(&["https://Pulp.example.com/", " http://10.0.0.1:8080"], &[]);
        for url in ["https://pulp.example.com", "https://pulp.example.com:443", "http://10.0.0.1:8080"] {
            assert!(permissions.permits_url(url), "{url}");
        }
        for url in [
            "http://pulp.example.com",
            "https://pulp.example.com:8443",
            "https://pulp.example.com.evil.example",
            "https://pulp.example.co",
            "http://10.0.0.1",
            "http://10.0.0.1:80801",
        ] {
            assert!(!permissions.permits_url(url), "{url}");
        }
    }

    #[test]
    fn a_star_is_no_pattern_of_urls() {
        assert!(!permissions(&["https://pulp*", "*"], &[]).permits_url("https://pulp.evil.example"));
    }

    #[test]
    fn an_image_is_permitted_by_itself_or_by_its_beginning() {
        let permissions = permissions(&[], &["quay.io/pulp/pulp:3.123", "registry.example.com/perf/*"]);
        for image in ["quay.io/pulp/pulp:3.123", "registry.example.com/perf/pulp:1"] {
            assert!(permissions.permits_image(image), "{image}");
        }
        for image in ["quay.io/pulp/pulp:3.124", "quay.io/pulp/pulp", "registry.example.com/perfume", ""] {
            assert!(!permissions.permits_image(image), "{image}");
        }
    }

    #[test]
    fn the_beginning_of_an_image_ends_where_a_part_of_its_name_does() {
        for (pattern, permitted, refused) in [
            (
                "quay.io/pulp*",
                ["quay.io/pulp", "quay.io/pulp:3", "quay.io/pulp/worker:3", "quay.io/pulp@sha256:0"],
                ["quay.io/pulp-evil/x:1", "quay.io/pulpevil", "quay.io/pulp.evil/x", "quay.io/pulp_evil:1"],
            ),
            (
                "quay.io/pulp/*",
                ["quay.io/pulp/a", "quay.io/pulp/a:1", "quay.io/pulp/a/b@sha256:0", "quay.io/pulp/a-b:2"],
                ["quay.io/pulp", "quay.io/pulp:3", "quay.io/pulp-evil/a", "quay.io/pulpevil/a"],
            ),
            (
                "quay.io/pulp/pulp:3.*",
                [
                    "quay.io/pulp/pulp:3.",
                    "quay.io/pulp/pulp:3.1",
                    "quay.io/pulp/pulp:3.1@sha256:0",
                    "quay.io/pulp/pulp:3.x",
                ],
                [
                    "quay.io/pulp/pulp:3",
                    "quay.io/pulp/pulp:4.1",
                    "quay.io/pulp/pulp:3.1/evil",
                    "quay.io/pulp/pulp",
                ],
            ),
            (
                "localhost*",
                ["localhost/pulp", "localhost/pulp:1", "localhost", "localhost:1"],
                ["localhost:5000/evil", "localhost.evil.example/x", "localhost-evil/x", "localhosts"],
            ),
            (
                "localhost:50*",
                ["localhost:50", "localhost:5000", "localhost:50@sha256:0", "localhost:50-a"],
                ["localhost:5000/evil", "localhost:50/evil", "localhost:4", "localhost"],
            ),
        ] {
            let permissions = permissions(&[], &[pattern]);
            for image in permitted {
                assert!(permissions.permits_image(image), "{pattern} {image}");
                assert!(is_image_listed(&format!("other, {pattern}"), image), "{pattern} {image}");
            }
            for image in refused {
                assert!(!permissions.permits_image(image), "{pattern} {image}");
                assert!(!is_image_listed(&format!("other, {pattern}"), image), "{pattern} {image}");
            }
        }
    }

    #[test]
    fn what_sources_want_of_aws_is_permitted_by_name_and_roles_as_a_whole() {
        let (roles, names) = (["arn:aws:iam::1:role/perf".to_owned()], ["perf-*".to_owned()]);
        let aws = AllowedAws { roles: &roles, rds_instances: &names, log_groups: &names };
        let permissions = Permissions::default().with_aws(aws);
        for wanted in [
            Wanted::AwsRole("arn:aws:iam::1:role/perf".to_owned()),
            Wanted::RdsInstance("perf-db".to_owned()),
            Wanted::LogGroup("perf-logs".to_owned()),
        ] {
            assert_eq!(permissions.permit(&wanted), Ok(()), "{wanted:?}");
            let refusal = Permissions::default().permit(&wanted).unwrap_err();
            assert!(refusal.to_string().contains("--set 'allow."), "{refusal}");
        }
        for wanted in [
            Wanted::AwsRole("arn:aws:iam::1:role/perf-admin".to_owned()),
            Wanted::RdsInstance("production".to_owned()),
            Wanted::Url("http://169.254.169.254".to_owned()),
        ] {
            assert!(permissions.permit(&wanted).is_err(), "{wanted:?}");
        }
    }

    #[test]
    fn load_pods_are_what_any_may_be_and_else_only_what_is_listed() {
        let pod = |said| serde_json::from_value::<GeneratorPod>(said).unwrap();
        let allowed = Permissions::default().with_pods(AllowedPods {
            labels: vec!["kueue.x-k8s.io/*".to_owned()],
            annotations: vec!["sidecar.istio.io/inject".to_owned()],
            priority_classes: vec!["low".to_owned()],
            runtime_classes: vec!["gvisor".to_owned()],
            sysctls: vec!["net.core.somaxconn".to_owned()],
            host_network: true,
        });
        for (said, value) in [
            (serde_json::json!({"labels": {"kueue.x-k8s.io/queue-name": "perf"}}), "podLabels={kueue."),
            (serde_json::json!({"annotations": {"sidecar.istio.io/inject": "false"}}), "podAnnotations="),
            (serde_json::json!({"priorityClassName": "low"}), "priorityClasses="),
            (serde_json::json!({"runtimeClassName": "gvisor"}), "runtimeClasses="),
            (serde_json::json!({"sysctls": [{"name": "net.core.somaxconn", "value": "1"}]}), "sysctls="),
            (serde_json::json!({"hostNetwork": true}), "allow.hostNetwork={true}"),
        ] {
            assert_eq!(allowed.permit_pod(&pod(said.clone())), Ok(()), "{said}");
            let refusal = Permissions::default().permit_pod(&pod(said)).unwrap_err().to_string();
            assert!(refusal.contains(value), "{refusal}");
        }
        for other in [
            serde_json::json!({"labels": {"app": "pulp-api"}}),
            serde_json::json!({"annotations": {"vault.hashicorp.com/agent-inject": "true"}}),
            serde_json::json!({"priorityClassName": "system-cluster-critical"}),
        ] {
            assert!(allowed.permit_pod(&pod(other.clone())).is_err(), "{other}");
        }
        for anybody in [
            serde_json::json!({"nodeSelector": {"pool": "load"}, "tolerations": [{"operator": "Exists"}]}),
            serde_json::json!({"sysctls": [{"name": "net.ipv4.ip_local_port_range", "value": "1024 65535"}]}),
        ] {
            assert_eq!(Permissions::default().permit_pod(&pod(anybody)), Ok(()));
        }
    }

    #[test]
    fn a_url_of_a_source_is_permitted_by_scheme_host_and_port_whatever_its_path() {
        let permissions = permissions(&["https://thanos.example.com"], &[]);
        let wanted = |url: &str| permissions.permit(&Wanted::Url(url.to_owned()));
        assert_eq!(wanted("https://thanos.example.com/prometheus"), Ok(()));
        for url in ["https://thanos.example.com.evil.example/x", "https://x/https://thanos.example.com"] {
            assert!(wanted(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_refusal_says_what_the_administrator_would_set() {
        let refusal =
            NotPermitted { what: "URL", wanted: "https://pulp.example.com".to_owned(), value: "allow.urls" };
        assert_eq!(
            refusal.to_string(),
            "the URL https://pulp.example.com is not permitted here: the administrator of the operator permits it with --set 'allow.urls={https://pulp.example.com}'"
        );
    }
}
