//! That every source is whole: its row, its section of a spec, its section of the README.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;

use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use throughput_core::source_catalog::{SourceCatalog, Wanted};
use throughput_crds::Observe;
use throughput_model::cell::CellAddress;
use throughput_sources::access::{Access, Budget, Installation};
use throughput_sources::open::open;
use throughput_sources::registry::{Registry, Row, SOURCES};

/// Parts of `observe` that are no source.
const NO_SOURCES: [&str; 2] = ["interval", "aws"];

/// A spec that names all sources, with all that they can have. What has a name of its own choice has the one that stands in
/// the README for it.
fn all() -> Observe {
    let selector = json!({"app": "pulp"});
    let observe = json!({
        "aws": {"region": "us-east-1"},
        "provenance": {},
        "pods": [{"name": "api", "selector": selector, "kubelet": true}],
        "postgres": {"secretRef": {"name": "db", "key": "url"}, "statements": 5, "connectionProbe": true},
        "rds": {"instance": "pulp", "performanceInsights": true},
        "logs": {"pods": [{"selector": selector}], "cloudWatch": [{"logGroup": "/pulp/api"}]},
        "prometheus": {"url": "https://prometheus", "queries": [
            {"name": "NAME", "range": "queue"}, {"name": "requests", "instant": "requests"},
        ]},
        "profile": {"selector": selector},
    });
    serde_json::from_value(observe).unwrap()
}

/// The parts of a spec that names all sources, as they are written. A new one fails to compile until it is here.
fn parts() -> BTreeSet<String> {
    let Observe {
        interval: _,
        aws: _,
        provenance: _,
        pods: _,
        postgres: _,
        rds: _,
        logs: _,
        prometheus: _,
        profile: _,
    } = all();
    let Value::Object(parts) = serde_json::to_value(all()).unwrap() else { return BTreeSet::new() };
    parts.into_iter().map(|(name, _)| name).collect()
}

/// The same spec with one of its sources alone.
fn only(name: &str) -> Observe {
    let Value::Object(mut parts) = serde_json::to_value(all()).unwrap() else { return Observe::default() };
    parts.retain(|part, _| part == name || NO_SOURCES.contains(&part.as_str()));
    serde_json::from_value(Value::Object(parts)).unwrap()
}

fn access() -> Access {
    let nobody = tower::service_fn(|_: http::Request<Body>| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(Body::empty()))
    });
    Access {
        client: Client::new(nobody, "perf"),
        namespace: "perf".to_owned(),
        test: "tasks".to_owned(),
        cell: CellAddress { test_uid: "uid".to_owned(), cell: 0, attempt: 1 },
        targets: Vec::new(),
        answers: Budget::default(),
        lists: Budget::default(),
        installation: Installation::default(),
    }
}

#[test]
fn every_part_of_a_spec_that_is_watched_is_a_source_and_each_name_stands_once() {
    let mut names: BTreeSet<String> = SOURCES.iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(names.len(), SOURCES.len());
    names.extend(NO_SOURCES.map(str::to_owned));
    assert_eq!(names, parts());
}

#[tokio::test]
async fn a_spec_that_names_one_source_gets_that_one_and_its_figures() {
    assert!(!Registry.is_watched(&Observe::default()));
    for row in &SOURCES {
        let observe = only(row.name);
        assert!(Registry.is_watched(&observe), "{}", row.name);
        let opened = open(&observe, &access());
        assert_eq!(opened.iter().map(|source| source.name()).collect::<Vec<_>>(), [row.name]);
        let prefix = format!("{}.", row.name);
        let figures = Registry.figure_names(&observe);
        assert!(!figures.is_empty(), "{}", row.name);
        assert!(figures.iter().all(|name| name.starts_with(&prefix)), "{figures:?}");
    }
}

#[tokio::test]
async fn sources_are_opened_in_the_tables_order_and_no_figure_stands_twice() {
    let observe = all();
    let names: Vec<&str> = SOURCES.iter().map(|row| row.name).collect();
    assert_eq!(open(&observe, &access()).iter().map(|source| source.name()).collect::<Vec<_>>(), names);
    let figures =
        |row: &Row| (row.metrics)(&observe).iter().flat_map(|metric| metric.figures(row.name)).count();
    assert_eq!(Registry.figure_names(&observe).len(), SOURCES.iter().map(figures).sum::<usize>());
}

#[test]
fn what_all_sources_want_is_told_at_once() {
    let expected = [
        Wanted::RdsInstance("pulp".to_owned()),
        Wanted::LogGroup("/pulp/api".to_owned()),
        Wanted::Url("https://prometheus".to_owned()),
    ];
    assert_eq!(Registry.check(&all()), Ok(expected.to_vec()));
}

#[test]
fn every_source_has_a_section_of_the_readme_with_its_metrics_and_its_reasons() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let reasons = readme.split_once("## Shortfalls by reason").unwrap().1;
    for row in &SOURCES {
        let section = readme.split("\n## ").find(|section| section.lines().next() == Some(row.name));
        let section = section.unwrap_or_default();
        assert!(!section.is_empty(), "README.md has no section {}", row.name);
        assert!(reasons.contains(row.name), "README.md has no reason of {}", row.name);
        // A pattern's name stands there once, for its lines in all and by the minute.
        let is_told = |metric: &String| {
            let name = metric.rsplit('.').next().unwrap();
            section.contains(name.strip_suffix("PerMinute").unwrap_or(name))
        };
        let metrics = (row.metrics)(&only(row.name)).into_iter().map(|metric| metric.name);
        let missing: Vec<String> = metrics.filter(|metric| !is_told(metric)).collect();
        assert!(missing.is_empty(), "the section {} of README.md lacks {missing:?}", row.name);
    }
}
