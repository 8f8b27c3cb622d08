//! Many finished tests: copies of one that was run.

use std::ops::Range;

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{Api, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use throughput_api_tests::{Tenant, throughput_test};
use throughput_crds::ThroughputTest;

/// How many are made at once.
const AT_ONCE: usize = 8;

/// What is copied.
pub(crate) struct Pattern {
    spec: Value,
    status: Value,
    maps: Vec<ConfigMap>,
}

/// The name of a copy.
pub(crate) fn name(number: usize) -> String {
    format!("finished-{number}")
}

impl Pattern {
    /// A finished test with what belongs to it.
    pub(crate) async fn of(tenant: &Tenant, test: &ThroughputTest) -> Self {
        let maps: Api<ConfigMap> = tenant.api();
        let of_test = ListParams::default().labels(&format!("perf.pulpproject.org/test={}", test.name_any()));
        Self {
            spec: serde_json::to_value(&test.spec).unwrap(),
            status: serde_json::to_value(&test.status).unwrap(),
            maps: maps.list(&of_test).await.unwrap().items,
        }
    }

    /// Makes the copies of these numbers. No operator may be at work meanwhile: it would begin to run them.
    pub(crate) async fn copy(&self, tenant: &Tenant, numbers: Range<usize>) {
        stream::iter(numbers)
            .for_each_concurrent(AT_ONCE, |number| self.copy_one(tenant, name(number)))
            .await;
    }

    async fn copy_one(&self, tenant: &Tenant, name: String) {
        let mut test = throughput_test(&name, self.spec.clone());
        // As `kubectl apply` leaves it.
        let applied = test.to_string();
        test["metadata"]["annotations"] =
            json!({"kubectl.kubernetes.io/last-applied-configuration": applied});
        let test: ThroughputTest = tenant.create(test).await;
        let tests: Api<ThroughputTest> = tenant.api();
        let status = json!({"status": self.status});
        tests.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
        let maps: Api<ConfigMap> = tenant.api();
        for map in &self.maps {
            let mut owners = map.owner_references().to_vec();
            owners[0].name.clone_from(&name);
            owners[0].uid = test.uid().unwrap();
            let copy = ConfigMap {
                metadata: ObjectMeta {
                    name: Some(format!("{name}-{}", map.name_any())),
                    labels: map.metadata.labels.clone(),
                    owner_references: Some(owners),
                    ..ObjectMeta::default()
                },
                ..map.clone()
            };
            maps.create(&PostParams::default(), &copy).await.unwrap();
        }
    }
}
