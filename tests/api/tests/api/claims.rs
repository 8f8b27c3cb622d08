//! Claims: one test at a time scales a Deployment, and leaves it as it was.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use throughput_api_tests::interrupted::{self, Cut};
use throughput_api_tests::{Tenant, deployment};
use throughput_controller::apply::apply;
use throughput_controller::claim::{self, Claim, Claimant, Restored};

use crate::hands::{facts, hands, scale_to};

/// A claimant of this name.
fn claimant(tenant: &Tenant, test: &str) -> Claimant {
    Claimant { namespace: tenant.namespace.clone(), test: test.to_owned(), test_uid: format!("uid-of-{test}") }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn held_by(tenant: &Tenant, claimant: &Claimant) -> Vec<Claim> {
    claim::held_by(&tenant.client, &tenant.namespace, &claimant.test_uid).await.unwrap()
}

async fn restore_all(tenant: &Tenant, claimant: &Claimant) {
    for held in held_by(tenant, claimant).await {
        claim::restore(&tenant.client, &tenant.namespace, &held).await.unwrap();
    }
}
