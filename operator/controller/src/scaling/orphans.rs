//! Claims whose test is gone: somebody took its finalizer off by force. Nobody else would put their targets back, and
//! no other test could ever have them.

use std::pin::pin;
use std::time::Duration;

use futures::TryStreamExt;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::objects::deadline::RequestError;
use crate::objects::known::Known;
use crate::objects::pages;
use crate::scaling::claim;

/// How often they are looked for.
const PERIOD: Duration = Duration::from_mins(1);

/// Puts back what such claims hold, every minute, until `work` is cancelled.
pub(crate) async fn keep_restoring(client: &Client, namespaces: &[String], work: &CancellationToken) {
    let restoring = async {
        loop {
            tokio::time::sleep(PERIOD).await;
            for namespace in namespaces {
                if let Err(error) = Box::pin(restore(client, namespace)).await {
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
    let mut gone = claim::claimants(client, namespace).await?;
    let tests: Api<Known> = Api::namespaced(client.clone(), namespace);
    let mut tests = pin!(pages::listed("list tests", &tests, ListParams::default()));
    while !gone.is_empty()
        && let Some(test) = tests.try_next().await?
    {
        gone.remove(&test.uid().unwrap_or_default());
    }
    for test_uid in gone {
        let claims = claim::held_by(client, namespace, &test_uid).await?;
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
