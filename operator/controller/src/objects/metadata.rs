//! The metadata of a test's objects: whose they are, and by which labels they are found. Pure.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::ObjectMeta;
use throughput_core::identity::TestFacts;
use throughput_model::cell::CellAddress;

use crate::objects::names::{
    self, CELL_LABEL, MANAGED_BY_LABEL, MANAGED_BY_VALUE, TEST_LABEL, TEST_UID_LABEL,
};

/// The metadata of a cell's objects: named after the cell, owned by the test.
pub fn of_cell(test: &TestFacts, address: &CellAddress) -> ObjectMeta {
    ObjectMeta {
        name: Some(names::cell(&test.name, address)),
        namespace: Some(test.namespace.clone()),
        labels: Some(cell_labels(test, address)),
        owner_references: Some(vec![owner(test)]),
        ..ObjectMeta::default()
    }
}

/// The reference that makes the test own an object.
pub fn owner(test: &TestFacts) -> OwnerReference {
    OwnerReference {
        api_version: "perf.pulpproject.org/v1alpha1".to_owned(),
        kind: "ThroughputTest".to_owned(),
        name: test.name.clone(),
        uid: test.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(false),
    }
}

/// The labels of a cell's objects.
pub fn cell_labels(test: &TestFacts, address: &CellAddress) -> BTreeMap<String, String> {
    let mut labels = test_labels(test);
    labels.insert(CELL_LABEL.to_owned(), address.cell.to_string());
    labels
}

/// The labels of all objects of a test.
pub fn test_labels(test: &TestFacts) -> BTreeMap<String, String> {
    [
        (MANAGED_BY_LABEL, MANAGED_BY_VALUE.to_owned()),
        (TEST_LABEL, test.name.clone()),
        (TEST_UID_LABEL, test.uid.clone()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}
