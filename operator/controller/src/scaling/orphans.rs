//! Claims whose test is gone: somebody took its finalizer off by force. Nobody else would put their targets back, and
//! no other test could ever have them.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use throughput_crds::ThroughputTest;
use tokio_util::sync::CancellationToken;

use crate::objects::deadline::{RequestError, within};
use crate::objects::names::TEST_UID_LABEL;
use crate::scaling::claim;

/// How many tests are listed at once.
const PAGE: u32 = 100;
/// How often they are looked for.
const PERIOD: Duration = Duration::from_mins(1);

/// Puts back what such claims hold, every minute, until `work` is cancelled.
pub(crate) async fn keep_restoring(client: &Client, namespaces: &[String], work: &CancellationToken) {
    let restoring = async {
        loop {
            tokio::time::sleep(PERIOD).await;
            for namespace in namespaces {
                if let Err(error) = restore(client, namespace).await {
                    tracing::warn!(namespace, %error, "claims of tests that are gone were not looked for");
                }
            }
        }
    };
    let _: Option<()> = work.run_until_cancelled(restoring).await;
}

/// Puts back what the claims of a namespace hold whose test is gone.
pub async fn restore(client: &Client, namespace: &str) -> Result<(), RequestError> {
    // In this order: the test of a claim was there before the claim, so one that is not found afterwards is gone.
    let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
    let leases = within("list claims", leases.list(&ListParams::default().labels(TEST_UID_LABEL))).await?;
    let mut gone: BTreeSet<&String> =
        leases.items.iter().filter_map(|lease| lease.labels().get(TEST_UID_LABEL)).collect();
    if gone.is_empty() {
        return Ok(());
    }
    // Names only, and a page at a time: a thousand tests with all their results are more than everything else here.
    let tests: Api<ThroughputTest> = Api::namespaced(client.clone(), namespace);
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let listed = within("list tests", tests.list_metadata(&page)).await?;
        for test in &listed.items {
            gone.remove(&test.uid().unwrap_or_default());
        }
        match listed.metadata.continue_.filter(|next| !next.is_empty()) {
            Some(next) if !gone.is_empty() => page = page.continue_token(&next),
            Some(_) | None => break,
        }
    }
    for test_uid in gone {
        let claims = claim::held_by(client, namespace, test_uid).await?;
        if !claims.is_empty() {
            tracing::warn!(
                namespace,
                test_uid,
                "a test is gone, and its claims are there: they are restored"
            );
            claim::restore_all(client, namespace, &claims).await;
        }
    }
    Ok(())
}
