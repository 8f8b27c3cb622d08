//! What sources of figures read of a namespace before they ask anybody: Secrets, certificates, Services.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use serde_json::{Value, json};
use throughput_api_tests::Tenant;
use throughput_crds::{SECRET_CA_ANNOTATION, SECRET_FOR_ANNOTATION};
use throughput_server_tests::{AUTHORITY, PASSWORD, PostgresServer};
use throughput_sources::postgres::Postgres;
use throughput_sources::prometheus::Prometheus;
use throughput_sources::recording::Recording;
use throughput_sources::source::{Source, Window};
use throughput_test_support::sources::access;

fn secret(name: &str, audience: Option<&str>, key: &str, text: &str) -> Value {
    let annotations =
        audience.map(|audience| json!({SECRET_FOR_ANNOTATION: audience, SECRET_CA_ANNOTATION: "our-ca"}));
    json!({
        "apiVersion": "v1", "kind": "Secret", "stringData": {key: text},
        "metadata": {"name": name, "annotations": annotations},
    })
}

#[tokio::test]
async fn a_database_is_asked_with_a_secret_that_names_its_host_and_certificates_of_a_config_map() {
    let (tenant, server) = (Tenant::new().await, PostgresServer::start().await);
    let access = access(tenant.client.clone(), &tenant.namespace);
    let begin = async |secret: &str| {
        let spec = json!({
            "secretRef": {"name": secret},
            "caBundle": {"configMapRef": {"name": "our-ca"}},
        });
        let mut recording = Recording::new("postgres", Timestamp::now());
        let mut source = Postgres::new(&serde_json::from_value(spec).unwrap(), &access);
        let begun = source.begin(&mut recording).await;
        begun.map(|()| recording.fact("encryption").unwrap().to_owned()).map_err(|error| error.reason)
    };
    assert_eq!(begin("db").await, Err("SecretNotFound"));
    let url = server.url("watcher", PASSWORD, "pulp", "sslmode=verify-full");
    tenant.create::<Secret>(secret("db", Some("127.0.0.1"), "url", &url)).await;
    assert_eq!(begin("db").await, Err("CertificatesNotFound"));
    let authority = String::from_utf8(AUTHORITY.to_vec()).unwrap();
    let bundle = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "our-ca"}, "data": {"ca.crt": authority},
    });
    tenant.create::<ConfigMap>(bundle).await;
    let encryption = begin("db").await.unwrap();
    assert!(encryption.starts_with("TLSv1.3"), "{encryption}");
    let mut uncertified = secret("uncertified", Some("127.0.0.1"), "url", &url);
    uncertified["metadata"]["annotations"][SECRET_CA_ANNOTATION] = json!("another-ca");
    tenant.create::<Secret>(uncertified).await;
    assert_eq!(begin("uncertified").await, Err("SecretNotPermitted"));
    for (name, audience) in [("for-nobody", None), ("for-others", Some("postgres"))] {
        tenant.create::<Secret>(secret(name, audience, "url", &url)).await;
        assert_eq!(begin(name).await, Err("SecretNotPermitted"));
    }
}

#[tokio::test]
async fn a_prometheus_is_asked_only_where_its_service_is_and_with_a_secret_that_names_it() {
    let tenant = Tenant::new().await;
    let access = access(tenant.client.clone(), &tenant.namespace);
    let settle = async |service: &str, secret: Option<&str>| {
        let spec = json!({
            "service": {"name": service, "port": 9090},
            "secretRef": secret.map(|name| json!({"name": name})),
            "queries": [{"name": "a", "instant": "up"}],
        });
        let end = Timestamp::now() - SignedDuration::from_secs(60);
        let mut source = Prometheus::new(&serde_json::from_value(spec).unwrap(), &access);
        let mut recording = Recording::new("prometheus", end);
        source.settle(Window { start: end, end }, &mut recording).await.unwrap();
        recording.shortfalls().first().map(|shortfall| shortfall.reason.clone())
    };
    assert_eq!(settle("prometheus", None).await.as_deref(), Some("ServiceNotFound"));
    let service = |name: &str, spec: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec});
    let elsewhere = json!({"type": "ExternalName", "externalName": "evil.example"});
    tenant.create::<Service>(service("elsewhere", elsewhere)).await;
    assert_eq!(settle("elsewhere", None).await.as_deref(), Some("NotPermitted"));
    tenant.create::<Service>(service("prometheus", json!({"ports": [{"port": 9090}]}))).await;
    assert_eq!(settle("prometheus", Some("token")).await.as_deref(), Some("SecretNotFound"));
    tenant.create::<Secret>(secret("token", Some("elsewhere"), "token", "x")).await;
    assert_eq!(settle("prometheus", Some("token")).await.as_deref(), Some("SecretNotPermitted"));
    for (name, audience) in [("portless", "prometheus"), ("encrypted", "https://prometheus:9090")] {
        tenant.create::<Secret>(secret(name, Some(audience), "token", "x")).await;
        assert_eq!(settle("prometheus", Some(name)).await.as_deref(), Some("SecretNotPermitted"));
    }
    tenant.create::<Secret>(secret("right", Some("prometheus:9090"), "token", "x")).await;
    // The Service's name means nothing outside of a cluster: that it is tried is all there is to see.
    assert_eq!(settle("prometheus", Some("right")).await, None);
}
