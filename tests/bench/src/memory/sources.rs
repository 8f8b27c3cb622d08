//! The servers that honest tests watch, and the pods.

use axum::extract::RawQuery;
use axum::routing::get;
use axum::{Json, Router};
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::{Pod, Secret};
use serde_json::{Value, json};
use throughput_api_tests::Tenant;
use throughput_aws_tests::{Keys, Setting, StandIn, instance};
use throughput_crds::SECRET_FOR_ANNOTATION;
use throughput_server_tests::{PASSWORD, PostgresServer};

/// The pods that all tests watch: as many as several Deployments have.
const PODS: usize = 60;
/// What each has of annotations, in bytes: nearly as much as an object may have.
const ANNOTATIONS_BYTES: usize = 250 << 10;
/// The instance and the log group.
const INSTANCE: &str = "pulp";
const LOG_GROUP: &str = "/pulp/api";

/// A database, AWS and a Prometheus, for as long as this is held.
pub(super) struct Sources {
    prometheus_port: u16,
    aws_url: String,
    _postgres: PostgresServer,
    _aws: StandIn,
}

impl Sources {
    /// Starts them, and makes the pods and the Secrets.
    pub(super) async fn start(tenant: &Tenant) -> Self {
        let (postgres, aws) = (PostgresServer::start().await, StandIn::start());
        let setting = Setting::new(INSTANCE, aws.url(), Keys::OfSecret);
        instance::create(&setting).await;
        let url = postgres.url("watcher", PASSWORD, "pulp", "sslmode=disable");
        let keys = json!({"aws_access_key_id": setting.key, "aws_secret_access_key": "any"});
        for (name, audience, data) in [("database", "127.0.0.1", json!({"url": url})), ("aws", "aws", keys)] {
            let annotations = json!({SECRET_FOR_ANNOTATION: audience});
            let metadata = json!({"name": name, "annotations": annotations});
            tenant.create::<Secret>(json!({"metadata": metadata, "stringData": data})).await;
        }
        stream::iter(0..PODS).for_each_concurrent(4, |number| pod(tenant, number)).await;
        Self {
            prometheus_port: prometheus().await,
            aws_url: aws.url().to_owned(),
            _postgres: postgres,
            _aws: aws,
        }
    }

    /// Where the Prometheus is.
    pub(super) fn prometheus_port(&self) -> u16 {
        self.prometheus_port
    }

    /// Where AWS is.
    pub(super) fn aws_url(&self) -> &str {
        &self.aws_url
    }

    /// All that an honest test watches; AWS only where it shall.
    pub(super) fn observe(&self, with_aws: bool) -> Value {
        let selector = json!({"matchLabels": {"app": "crowd"}});
        let mut observe = json!({
            "provenance": {"deployments": ["pulp-worker"]},
            "pods": [{"name": "crowd", "selector": selector}],
            "postgres": {"secretRef": {"name": "database"}, "connectionProbe": false},
            "logs": {"pods": [{"selector": selector}]},
            "prometheus": prometheus_of("prometheus", self.prometheus_port),
        });
        if with_aws {
            add_aws(&mut observe, &self.aws_url);
        }
        observe
    }
}

/// All that a test watches whose servers are hostile.
pub(super) fn hostile(service: &str, port: u16) -> Value {
    let mut observe = json!({"prometheus": prometheus_of(service, port)});
    add_aws(&mut observe, &format!("http://127.0.0.1:{port}"));
    observe
}

fn add_aws(observe: &mut Value, url: &str) {
    let endpoints = json!({"default": url});
    observe["aws"] = json!({"region": "eu-central-1", "secretRef": {"name": "aws"}, "endpoints": endpoints});
    observe["rds"] = json!({"instance": INSTANCE, "performanceInsights": true});
    observe["logs"]["cloudWatch"] = json!([{"logGroup": LOG_GROUP}]);
}

fn prometheus_of(service: &str, port: u16) -> Value {
    let queries = json!([{"name": "queue", "range": "queue"}, {"name": "up", "instant": "up"}]);
    json!({"service": {"name": service, "port": port}, "queries": queries})
}

async fn pod(tenant: &Tenant, number: usize) {
    let annotations = json!({"example.org/notes": "n".repeat(ANNOTATIONS_BYTES)});
    let metadata =
        json!({"name": format!("crowd-{number}"), "labels": {"app": "crowd"}, "annotations": annotations});
    let spec = json!({"containers": [{"name": "main", "image": "localhost/none"}]});
    tenant.create::<Pod>(json!({"metadata": metadata, "spec": spec})).await;
}

/// A Prometheus that knows one series; returns its port.
async fn prometheus() -> u16 {
    let range = async |RawQuery(query): RawQuery| {
        let query = query.unwrap_or_default();
        let number = |name: &str| {
            let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.parse::<f64>().ok());
            found.unwrap_or_default()
        };
        let start = number("start=");
        let values: Vec<Value> =
            (0..20).map(|step| json!([start + f64::from(step), step.to_string()])).collect();
        answer("matrix", &json!([{"metric": {}, "values": values}]))
    };
    let instant = async || answer("scalar", &json!([1, "7"]));
    let router = Router::new().route("/api/v1/query_range", get(range)).route("/api/v1/query", get(instant));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(axum::serve(listener, router).into_future());
    port
}

fn answer(kind: &str, result: &Value) -> Json<Value> {
    Json(json!({"status": "success", "data": {"resultType": kind, "result": result}}))
}
