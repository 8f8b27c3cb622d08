//! The largest test that there can be, before its last cell: as if the operator had measured the others.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use throughput_api_tests::Tenant;
use throughput_controller::objects::metadata;
use throughput_core::identity::TestFacts;
use throughput_core::judge::result::summarized;
use throughput_crds::ThroughputTest;
use throughput_page_tests::fixture;
use throughput_report::data::TestReport;
use throughput_report::fit::pictures::{PAGE_FILE, Pictures, TIMELINES_FILE, fit, room_beside};
use throughput_report::fit::report_texts;
use throughput_report::timeline::Timelines;

/// The cells of a test, at most.
const CELLS: u32 = 64;

/// What the cells before the last one left.
pub(super) struct Largest {
    report: TestReport,
    pictures: Pictures,
}

impl Largest {
    /// Makes it. It takes some seconds.
    pub(super) fn new() -> Self {
        let (mut report, mut timelines) = fixture::largest();
        report.cells.truncate(CELLS as usize - 1);
        timelines.cells.truncate(CELLS as usize - 1);
        let bytes = report_texts(&report).unwrap().iter().map(|(_, text)| text.len()).sum();
        let pictures = fit(&report, &timelines, room_beside(bytes)).unwrap().expect("room for the page");
        report.timelines = Timelines::default();
        Self { report, pictures }
    }

    /// Of its spec: 64 cells.
    pub(super) fn matrix() -> (Value, u32) {
        let workers = json!({"name": "workers", "of": "Scale", "values": [2]});
        let concurrency = json!({"name": "concurrency", "of": "Load", "values": [1, 2, 3, 4, 5, 6, 7, 8]});
        (json!([workers, concurrency]), 8)
    }

    /// Has this test, which nobody has looked at yet, stand before its last cell.
    pub(super) async fn put(&self, tenant: &Tenant, test: &ThroughputTest) {
        let facts = TestFacts {
            namespace: tenant.namespace.clone(),
            name: test.name_any(),
            uid: test.uid().unwrap(),
            generation: Some(1),
        };
        let report = TestReport {
            namespace: facts.namespace.clone(),
            test: facts.name.clone(),
            test_uid: facts.uid.clone(),
            ..self.report.clone()
        };
        let files = report_texts(&report).unwrap();
        let pictures = [(PAGE_FILE, &self.pictures.page), (TIMELINES_FILE, &self.pictures.timelines)];
        let map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(format!("{}-report", facts.name)),
                labels: Some(metadata::test_labels(&facts)),
                owner_references: Some(vec![metadata::owner(&facts)]),
                ..ObjectMeta::default()
            },
            data: Some(files.map(|(name, text)| (name.to_owned(), text)).into()),
            binary_data: Some(
                pictures.map(|(name, file)| (name.to_owned(), ByteString(file.clone()))).into(),
            ),
            ..ConfigMap::default()
        };
        let maps: Api<ConfigMap> = tenant.api();
        maps.create(&PostParams::default(), &map).await.unwrap();
        let now = jiff::Timestamp::now();
        let results: Vec<_> = report.cells.iter().map(summarized).collect();
        let status = json!({"status": {
            "observedGeneration": 1,
            "cells": {"total": CELLS, "finished": CELLS - 1},
            "results": results,
            "startedAt": now,
            "current": {"cell": CELLS - 1, "attempt": 1, "stage": "Claiming", "timeline": [{"stage": "Claiming", "since": now}]},
        }});
        let tests: Api<ThroughputTest> = tenant.api();
        tests.patch_status(&facts.name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    }
}
