//! Claims whose test is gone: somebody took its finalizer off by force. Nobody else would put their targets back, and
//! no other test could ever have them. And Leases that say that they are claims and are not this operator's: nothing is
//! done by them, and people are told.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use futures::TryStreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ListParams};
use kube::runtime::events::{Event, EventType, Recorder};
use kube::{Client, Resource, ResourceExt};
use throughput_core::reason::Reason;
use tokio_util::sync::CancellationToken;

use crate::generators::token::TokenKey;
use crate::objects::deadline::RequestError;
use crate::objects::known::Known;
use crate::objects::pages;
use crate::scaling::claim::{self, Unsigned};

/// How often they are looked for.
const PERIOD: Duration = Duration::from_mins(1);
/// How many Leases are remembered that people have been told of. As long as there are so many, no other is told.
const MOST_TOLD: usize = 100;
/// How long telling of one may take.
const TELL_DEADLINE: Duration = Duration::from_secs(5);

/// The Leases that people have been told of, by their UIDs.
#[derive(Debug, Default)]
pub struct Told(BTreeSet<String>);

/// Puts back what such claims hold, every minute, until `work` is cancelled, and tells of what is none.
pub(crate) async fn keep_restoring(
    (client, key): (&Client, &TokenKey),
    recorder: &Recorder,
    namespaces: &[String],
    work: &CancellationToken,
) {
    let restoring = async {
        let mut told: Vec<Told> = namespaces.iter().map(|_| Told::default()).collect();
        loop {
            for (namespace, told) in namespaces.iter().zip(&mut told) {
                if let Err(error) = Box::pin(tell(client, key, recorder, namespace, told)).await {
                    tracing::warn!(namespace, %error, "Leases that are no claims were not looked for");
                }
            }
            tokio::time::sleep(PERIOD).await;
            for namespace in namespaces {
                if let Err(error) = Box::pin(restore(client, key, namespace)).await {
                    tracing::warn!(namespace, %error, "claims of tests that are gone were not looked for");
                }
            }
        }
    };
    let _: Option<()> = work.run_until_cancelled(restoring).await;
}

/// Puts back what the claims of a namespace hold whose test is gone.
pub async fn restore(client: &Client, key: &TokenKey, namespace: &str) -> Result<(), RequestError> {
    // In this order: the test of a claim was there before the claim, so one that is not found afterwards is gone.
    let mut gone = claim::claimants(client, key, namespace).await?;
    let tests: Api<Known> = Api::namespaced(client.clone(), namespace);
    let mut tests = pin!(pages::listed("list tests", &tests, ListParams::default()));
    while !gone.is_empty()
        && let Some(test) = tests.try_next().await?
    {
        gone.remove(&test.uid().unwrap_or_default());
    }
    for test_uid in gone {
        let claims = claim::held_by(client, key, namespace, &test_uid).await?;
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

/// Tells people once of each Lease of a namespace that says that it is a claim and is not this operator's.
pub async fn tell(
    client: &Client,
    key: &TokenKey,
    recorder: &Recorder,
    namespace: &str,
    told: &mut Told,
) -> Result<(), RequestError> {
    let mut present = BTreeSet::new();
    let mut unsigned = pin!(claim::unsigned(client, key, namespace));
    while let Some(Unsigned { lease, uid }) = unsigned.try_next().await? {
        if told.0.contains(&uid) {
            present.insert(uid);
        } else if told.0.len() < MOST_TOLD {
            tell_of(recorder, namespace, &lease, &uid).await;
            told.0.insert(uid.clone());
            present.insert(uid);
        }
    }
    told.0 = present;
    Ok(())
}

/// An event of the Lease, and a line in the log.
async fn tell_of(recorder: &Recorder, namespace: &str, lease: &str, uid: &str) {
    tracing::warn!(
        namespace,
        lease,
        "a Lease says that it is a claim, and this operator did not sign it: nothing is restored by it"
    );
    let note = format!(
        "{lease} says that it is a claim, and this throughput-operator did not sign it: nothing is restored by it, and no test gets what it claims. Look at it, set replicas as they should be, and delete it"
    );
    let event = Event {
        type_: EventType::Warning,
        reason: Reason::ClaimNotSigned.to_string(),
        note: Some(note),
        action: "LookAtClaims".to_owned(),
        secondary: None,
    };
    let mut about = Lease::default();
    about.metadata.name = Some(lease.to_owned());
    about.metadata.namespace = Some(namespace.to_owned());
    about.metadata.uid = Some(uid.to_owned());
    let about = about.object_ref(&());
    match tokio::time::timeout(TELL_DEADLINE, recorder.publish(&event, &about)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, lease, "an event was not written"),
        Err(_) => tracing::warn!(lease, "an event was not written in time"),
    }
}
