//! What is looked at: sources of figures, and criteria.

use serde_json::{Value, json};

use super::{assert_accepted, assert_refused_with, with};

#[tokio::test]
async fn a_source_that_lacks_something_is_refused_with_what_to_write() {
    let selector = json!({"matchLabels": {"app": "pulp"}});
    let queries = |query: Value| json!({"prometheus": {"service": {"name": "prometheus", "port": 9090}, "queries": [query]}});
    for (observe, words) in [
        (json!({"rds": {"instance": "perf-db"}}), "rds needs to know the region: write observe.aws"),
        (
            json!({"logs": {"cloudWatch": [{"logGroup": "/aws/rds"}]}}),
            "logs.cloudWatch needs to know the region: write observe.aws",
        ),
        (json!({"logs": {}}), "name the logs: pods, cloudWatch, or both"),
        (
            json!({"pods": [{"name": "api", "selector": selector}, {"name": "api", "selector": selector}]}),
            "spec.observe.pods[1]: Duplicate value",
        ),
        (
            json!({"provenance": {"expect": [{"deployment": "pulp-api"}]}}),
            "name one reference: like, another Deployment of this namespace, or containers",
        ),
        (queries(json!({"name": "cpu"})), "a query is one of range and instant"),
        (
            queries(json!({"name": "cpu", "range": "up", "instant": "up"})),
            "a query is one of range and instant",
        ),
        (json!({"prometheus": {"queries": [{"name": "up", "range": "up"}]}}), "name one: service"),
        (json!({"postgres": {}}), "spec.observe.postgres.secretRef: Required value"),
    ] {
        assert_refused_with(with("/observe", observe), words).await;
    }
}

#[tokio::test]
async fn a_criterion_has_one_bound() {
    let words = "give each criterion one bound: atLeast or atMost";
    let criterion = |bounds: Value| {
        let mut criterion = json!({"metric": "tasks.perSecond"});
        criterion.as_object_mut().unwrap().extend(bounds.as_object().unwrap().clone());
        with("/criteria", json!([criterion]))
    };
    assert_refused_with(criterion(json!({})), words).await;
    assert_refused_with(criterion(json!({"atLeast": "1", "atMost": "2"})), words).await;
    assert_accepted(criterion(json!({"atLeast": "0.99"}))).await;
    assert_accepted(criterion(json!({"atMost": "412"}))).await;
}

#[tokio::test]
async fn a_bound_is_a_decimal_in_quotes() {
    let bound = |bound: Value| with("/criteria", json!([{"metric": "tasks.perSecond", "atLeast": bound}]));
    assert_refused_with(bound(json!("fast")), "spec.criteria[0].atLeast").await;
    assert_refused_with(bound(json!(0.99)), "spec.criteria[0].atLeast").await;
}
