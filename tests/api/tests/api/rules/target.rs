//! What is measured: the target and how it is logged into.

use serde_json::{Value, json};

use super::{asked, assert_accepted, assert_refused_with, with, without};

#[tokio::test]
async fn what_is_sent_as_whom_fits_the_method() {
    let secret = || json!({"name": "pulp-admin"});
    let credentials = |credentials: Value| with("/targets/0/credentials", credentials);
    for good in [
        json!({"secretRef": secret()}),
        json!({"secretRef": secret(), "username": "admin"}),
        json!({"method": "Basic", "secretRef": secret(), "username": "admin"}),
        json!({"method": "Bearer", "secretRef": secret()}),
    ] {
        assert_accepted(credentials(good)).await;
    }
    let named = json!({"method": "Bearer", "secretRef": secret(), "username": "admin"});
    assert_refused_with(credentials(named), "a username is for the methods Session and Basic").await;
}

#[tokio::test]
async fn what_is_no_pulp_has_no_login_of_pulps() {
    let mut spec = with("/targets/0/credentials", json!({"method": "Session", "secretRef": {"name": "a"}}));
    spec["targets"][0].as_object_mut().unwrap().remove("pulp");
    assert_refused_with(spec, "method: Session is Pulp's own login").await;
}

#[tokio::test]
async fn each_target_has_a_name_of_its_own() {
    let mut spec = crate::rules::spec();
    let first = spec["targets"][0].clone();
    spec["targets"].as_array_mut().unwrap().push(first);
    assert_refused_with(spec, "spec.targets[1]: Duplicate value").await;
    assert_refused_with(with("/targets", json!([])), "spec.targets").await;
    assert_refused_with(without("/targets/0/name"), "spec.targets[0].name").await;
}

#[tokio::test]
async fn an_axis_of_targets_names_those_that_there_are() {
    let axis = |values: Value| with("/matrix", json!([{"name": "by", "of": "Target", "values": values}]));
    assert_accepted(axis(json!(["pulp"]))).await;
    let words = "the values of an axis of: Target are names of entries of targets";
    for values in [json!(["gateway"]), json!(["pulp", "gateway"]), json!([1])] {
        assert_refused_with(axis(values), words).await;
    }
}

#[tokio::test]
async fn credentials_without_a_secret_are_refused() {
    assert_refused_with(without("/targets/0/credentials"), "say as whom Pulp is asked").await;
    let words = "name the Secret in credentials.secretRef";
    assert_refused_with(with("/targets/0/credentials", json!({"method": "Basic"})), words).await;
    let unused = json!({"method": "None", "secretRef": {"name": "pulp-admin"}});
    assert_refused_with(with("/targets/0/credentials", unused), words).await;
}

#[tokio::test]
async fn a_target_is_a_service_or_a_url() {
    let words = "name one target: service, a Service of this namespace, or url";
    let target = |mut target: Value| {
        for (field, value) in
            [("name", json!("pulp")), ("credentials", json!({"method": "None"})), ("pulp", json!({}))]
        {
            target[field] = value;
        }
        with("/targets", json!([target]))
    };
    let service = json!({"name": "pulp-api", "port": 24817});
    assert_refused_with(target(json!({})), words).await;
    let both = json!({"service": service, "url": "https://pulp.example.com"});
    assert_refused_with(target(both), words).await;
    for url in ["https://pulp.example.com", "http://10.0.0.1:8080", "https://[fd00::1]:8443"] {
        assert_accepted(target(json!({"url": url}))).await;
    }
    for url in ["pulp.example.com", "https://pulp.example.com/", "https://a@b", "ftp://a", "https://a?b", ""]
    {
        assert_refused_with(target(json!({"url": url})), "spec.targets[0].url").await;
    }
}

#[tokio::test]
async fn a_ca_bundle_is_for_an_encrypted_target() {
    let words = "tls is for an encrypted target: write service.scheme: https";
    let target = |place: &str, value: Value| {
        let mut target = json!({
            "name": "pulp",
            "tls": {"caBundle": {"configMapRef": {"name": "our-ca"}}, "clientCertificate": {"secretRef": {"name": "mtls"}}},
            "credentials": {"method": "None"},
            "pulp": {},
        });
        target[place] = value;
        with("/targets", json!([target]))
    };
    let service = |scheme: &str| target("service", json!({"name": "a", "port": 443, "scheme": scheme}));
    assert_refused_with(service("http"), words).await;
    assert_refused_with(target("url", json!("http://pulp.example.com")), words).await;
    assert_refused_with(service("gopher"), "spec.targets[0].service.scheme").await;
    assert_accepted(target("url", json!("https://pulp.example.com"))).await;
    let stored = asked(service("https")).await.unwrap();
    assert_eq!(stored["spec"]["targets"][0]["tls"]["caBundle"]["configMapRef"]["key"], "ca.crt");
    assert_eq!(stored["spec"]["targets"][0]["tls"]["verification"], "Full");
    let mut unverified = service("https");
    unverified["targets"][0]["tls"]["verification"] = json!("None");
    assert_refused_with(unverified, "leave it out where verification is None").await;
}

#[tokio::test]
async fn a_header_is_named_where_one_is_sent_and_only_there() {
    let words = "method: Header needs the header's name in credentials.header";
    let credentials = |method: &str, header: Value| {
        let mut credentials = json!({"method": method, "secretRef": {"name": "identity"}});
        credentials["header"] = header;
        with("/targets/0/credentials", credentials)
    };
    let mut unnamed = credentials("Header", Value::Null);
    unnamed["targets"][0]["credentials"].as_object_mut().unwrap().remove("header");
    assert_refused_with(unnamed, words).await;
    assert_refused_with(credentials("Session", json!("x-rh-identity")), words).await;
    assert_accepted(credentials("Header", json!("x-rh-identity"))).await;
    assert_accepted(credentials("Header", json!("Authorization"))).await;
    let own = "credentials.header is a header of the request itself";
    for header in ["Host", "content-length", "Correlation-ID", "Transfer-Encoding"] {
        assert_refused_with(credentials("Header", json!(header)), own).await;
    }
    let header = "spec.targets[0].credentials.header";
    assert_refused_with(credentials("Header", json!("x: y")), header).await;
}
