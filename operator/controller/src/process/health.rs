//! `/livez` and `/readyz` for the kubelet, and `/metrics` for everybody, each at a door of its own.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::generators::phase::GeneratorPhases;
use crate::metrics::Metrics;

/// The routes of the probes. Alive is who answers; ready is who leads.
pub fn probes(metrics: Metrics) -> Router {
    Router::new().route("/livez", get(|| async { "ok\n" })).route("/readyz", get(readyz)).with_state(metrics)
}

/// The route of the metrics.
pub fn metrics(metrics: Metrics, phases: GeneratorPhases) -> Router {
    Router::new().route("/metrics", get(text)).with_state((metrics, phases))
}

async fn readyz(State(metrics): State<Metrics>) -> impl IntoResponse {
    if metrics.leads() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "another operator leads\n")
    }
}

async fn text(State((metrics, phases)): State<(Metrics, GeneratorPhases)>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.text(&phases))
}
