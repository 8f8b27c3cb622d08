//! What is measured: the target and how it is logged into.

use serde_json::{Value, json};

use super::{asked, assert_accepted, assert_refused_with, with, without};

#[tokio::test]
async fn credentials_are_a_session_unless_said_otherwise() {
    let stored =
        asked(with("/target/pulp/credentials", json!({"secretRef": {"name": "pulp-admin"}}))).await.unwrap();
    assert_eq!(stored["spec"]["target"]["pulp"]["credentials"]["method"], "Session");
}

#[tokio::test]
async fn credentials_without_a_secret_are_refused() {
    let words =
        "name the Secret that holds username and password in credentials.secretRef, or write method: None";
    assert_refused_with(without("/target/pulp/credentials"), words).await;
    assert_refused_with(with("/target/pulp/credentials", json!({"method": "Basic"})), words).await;
    let unused = json!({"method": "None", "secretRef": {"name": "pulp-admin"}});
    assert_refused_with(with("/target/pulp/credentials", unused), words).await;
}

#[tokio::test]
async fn a_target_is_a_service_or_a_url() {
    let words = "name one target: service, a Service of this namespace, or url";
    let target = |target: Value| {
        let mut spec = with("/target", target);
        spec["target"]["pulp"] = json!({"credentials": {"method": "None"}});
        spec
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
        assert_refused_with(target(json!({"url": url})), "spec.target.url").await;
    }
}

#[tokio::test]
async fn a_ca_bundle_is_for_an_encrypted_target() {
    let words = "a caBundle is for an encrypted target: write service.scheme: https";
    let target = |place: &str, value: Value| {
        let mut target = json!({"caBundle": {"configMapRef": {"name": "our-ca"}}});
        target["pulp"] = json!({"credentials": {"method": "None"}});
        target[place] = value;
        with("/target", target)
    };
    let service = |scheme: &str| target("service", json!({"name": "a", "port": 443, "scheme": scheme}));
    assert_refused_with(service("http"), words).await;
    assert_refused_with(target("url", json!("http://pulp.example.com")), words).await;
    assert_refused_with(service("gopher"), "spec.target.service.scheme").await;
    assert_accepted(target("url", json!("https://pulp.example.com"))).await;
    let stored = asked(service("https")).await.unwrap();
    assert_eq!(stored["spec"]["target"]["caBundle"]["configMapRef"]["key"], "ca.crt");
}

#[tokio::test]
async fn a_header_is_named_where_one_is_sent_and_only_there() {
    let words = "method: Header needs the header's name in credentials.header";
    let credentials = |method: &str, header: Value| {
        let mut credentials = json!({"method": method, "secretRef": {"name": "identity"}});
        credentials["header"] = header;
        with("/target/pulp/credentials", credentials)
    };
    let mut unnamed = credentials("Header", Value::Null);
    unnamed["target"]["pulp"]["credentials"].as_object_mut().unwrap().remove("header");
    assert_refused_with(unnamed, words).await;
    assert_refused_with(credentials("Session", json!("x-rh-identity")), words).await;
    assert_accepted(credentials("Header", json!("x-rh-identity"))).await;
    assert_accepted(credentials("Header", json!("Authorization"))).await;
    let own = "credentials.header is a header of the request itself";
    for header in ["Host", "content-length", "Correlation-ID", "Transfer-Encoding"] {
        assert_refused_with(credentials("Header", json!(header)), own).await;
    }
    let header = "spec.target.pulp.credentials.header";
    assert_refused_with(credentials("Header", json!("x: y")), header).await;
}
