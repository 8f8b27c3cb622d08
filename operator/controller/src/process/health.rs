//! `/livez`, `/readyz` and `/metrics`.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::generators::phase::Gate;
use crate::metrics::Metrics;

/// The routes. Alive is who answers; ready is who leads.
pub fn router(metrics: Metrics, gate: Gate) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(text))
        .with_state((metrics, gate))
}

async fn readyz(State((metrics, _)): State<(Metrics, Gate)>) -> impl IntoResponse {
    if metrics.leads() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "another operator leads\n")
    }
}

async fn text(State((metrics, gate)): State<(Metrics, Gate)>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.text(&gate))
}
