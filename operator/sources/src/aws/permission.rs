//! The permissions that access to AWS needs, and the mistakes in it. Pure.

use throughput_crds::{AwsAccess, AwsEndpoints, ObserveLogs, ObserveRds};

use throughput_core::source_catalog::{Mistake, Wanted};

/// The role and the endpoints.
pub(crate) fn check_access(aws: &AwsAccess) -> Result<Vec<Wanted>, Mistake> {
    let AwsAccess { region: _, secret_ref: _, role_arn, endpoints } = aws;
    let mut wanted: Vec<Wanted> = role_arn.iter().cloned().map(Wanted::AwsRole).collect();
    for (name, url) in named(endpoints) {
        if !is_plain(url) {
            return Err(Mistake(format!(
                "observe.aws.endpoints.{name} is not scheme, host and port: write https://HOST or https://HOST:PORT"
            )));
        }
        if !wanted.contains(&Wanted::Url(url.clone())) {
            wanted.push(Wanted::Url(url.clone()));
        }
    }
    Ok(wanted)
}

/// An instance that is read with the operator's own rights.
pub(crate) fn check_instance(rds: &ObserveRds, aws: &AwsAccess) -> Option<Wanted> {
    aws.secret_ref.is_none().then(|| Wanted::RdsInstance(rds.instance.clone()))
}

/// Log groups that are read with the operator's own rights.
pub(crate) fn check_log_groups(logs: &ObserveLogs, aws: &AwsAccess) -> Vec<Wanted> {
    let groups = logs.cloud_watch.iter().filter(|_| aws.secret_ref.is_none());
    groups.map(|logs| Wanted::LogGroup(logs.log_group.clone())).collect()
}

fn named(endpoints: &AwsEndpoints) -> impl Iterator<Item = (&'static str, &String)> {
    let AwsEndpoints { default, rds, cloud_watch, logs, performance_insights, sts } = endpoints;
    [
        ("default", default),
        ("rds", rds),
        ("cloudWatch", cloud_watch),
        ("logs", logs),
        ("performanceInsights", performance_insights),
        ("sts", sts),
    ]
    .into_iter()
    .filter_map(|(name, url)| Some((name, url.as_ref()?)))
}

fn is_plain(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
    host.is_some_and(|host| host.starts_with(|first: char| first != ':') && host.bytes().all(is_of_host))
}

#[cfg(test)]
mod tests {
    use throughput_crds::{CloudWatchLogs, SecretReference};

    use super::*;

    fn access() -> AwsAccess {
        AwsAccess {
            region: "us-east-1".to_owned(),
            secret_ref: None,
            role_arn: None,
            endpoints: AwsEndpoints::default(),
        }
    }

    #[test]
    fn a_role_and_each_endpoint_need_the_administrators_word_once() {
        let vpc = "https://vpce-1.monitoring.us-east-1.vpce.amazonaws.com".to_owned();
        let endpoints = AwsEndpoints {
            default: Some(vpc.clone()),
            sts: Some(vpc.clone()),
            rds: Some("http://127.0.0.1:5000".to_owned()),
            ..AwsEndpoints::default()
        };
        let role = "arn:aws:iam::123456789012:role/reads".to_owned();
        let aws = AwsAccess { role_arn: Some(role.clone()), endpoints, ..access() };
        let expected =
            [Wanted::AwsRole(role), Wanted::Url(vpc), Wanted::Url("http://127.0.0.1:5000".to_owned())];
        assert_eq!(check_access(&aws), Ok(expected.to_vec()));
    }

    #[test]
    fn an_endpoint_is_scheme_host_and_port_and_nothing_else() {
        for url in [
            "ftp://a",
            "https://",
            "https://a/b",
            "https://u:p@a",
            "https://a?b",
            "a:1",
            "http://:1",
            "http://a b",
        ] {
            let endpoints = AwsEndpoints { logs: Some(url.to_owned()), ..AwsEndpoints::default() };
            let mistake = check_access(&AwsAccess { endpoints, ..access() }).unwrap_err();
            assert!(mistake.0.starts_with("observe.aws.endpoints.logs is not"), "{url}: {mistake}");
        }
    }

    #[test]
    fn an_instance_or_a_log_group_needs_it_only_without_keys_of_ones_own() {
        let rds =
            ObserveRds { instance: "pulp".to_owned(), metrics: Vec::new(), performance_insights: false };
        assert_eq!(check_instance(&rds, &access()), Some(Wanted::RdsInstance("pulp".to_owned())));
        let group = CloudWatchLogs { log_group: "/pulp/api".to_owned(), insights: true };
        let logs = ObserveLogs {
            pods: Vec::new(),
            cloud_watch: vec![group],
            built_in: Vec::new(),
            patterns: Vec::new(),
        };
        assert_eq!(check_log_groups(&logs, &access()), [Wanted::LogGroup("/pulp/api".to_owned())]);
        let secret_ref = Some(SecretReference { name: "aws".to_owned() });
        let with_keys = AwsAccess { secret_ref, ..access() };
        assert_eq!(check_instance(&rds, &with_keys), None);
        assert_eq!(check_log_groups(&logs, &with_keys), []);
    }
}
