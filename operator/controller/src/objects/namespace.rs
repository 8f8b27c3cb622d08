//! Namespaces that are being deleted.
//!
//! Their Roles go within moments, and with them what the operator needs to put things back. There is nothing to be
//! put back either: what was scaled goes too. What must not happen is that our finalizer holds the namespace back, so
//! a test of such a namespace is let go at once, by rights that are not in the namespace.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::Api;
use kube::{Client, Resource};
use throughput_crds::ThroughputTest;

use crate::objects::deadline::within;

/// Whether this test is deleted together with its namespace. Where the operator may not look at namespaces it is
/// taken for one that is deleted alone.
pub(crate) async fn is_terminating_with(client: &Client, namespace: &str, test: &ThroughputTest) -> bool {
    if test.meta().deletion_timestamp.is_none() {
        return false;
    }
    let namespaces: Api<Namespace> = Api::all(client.clone());
    match within("read the namespace", namespaces.get_opt(namespace)).await {
        Ok(found) => found.is_none_or(|found| found.meta().deletion_timestamp.is_some()),
        Err(error) => {
            tracing::debug!(namespace, %error, "whether the namespace is being deleted is not known");
            false
        }
    }
}
