//! Runs that are under way when the operator is uninstalled: they are over, and their statuses say so.

use std::future::ready;

use futures::TryStreamExt;
use jiff::Timestamp;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use throughput_core::identity::TestFacts;
use throughput_core::reason::{Reason, Why};
use throughput_crds::{RESTORE_FINALIZER, Verdict};

use crate::apply::{delete_all_generators, set_finalizer};
use crate::ended::{end, told_restored, write};
use crate::generators::token::TokenKey;
use crate::objects::deadline::RequestError;
use crate::objects::generator_maps;
use crate::objects::known::Known;
use crate::objects::pages;
use crate::scaling::claim;

/// The tests of a namespace that hold claims, or that the finalizer keeps, which is there only as long as something is
/// claimed. Of each no more than its metadata is read.
pub(crate) async fn holding(
    client: &Client,
    key: &TokenKey,
    namespace: &str,
) -> Result<Vec<TestFacts>, RequestError> {
    let claimants = claim::claimants(client, key, namespace).await?;
    let tests: Api<Known> = Api::namespaced(client.clone(), namespace);
    let holds = |test: &Known| {
        test.finalizers().iter().any(|finalizer| finalizer == RESTORE_FINALIZER)
            || test.uid().is_some_and(|uid| claimants.contains(&uid))
    };
    pages::listed("list tests", &tests, ListParams::default())
        .try_filter_map(|test| ready(Ok(holds(&test).then(|| facts(namespace, &test)))))
        .try_collect()
        .await
}

/// Ends every run that holds claims, and deletes its generators. A test that only waits is left for the next operator.
pub(crate) async fn end_runs(
    client: &Client,
    key: &TokenKey,
    tests: &[TestFacts],
) -> Result<(), RequestError> {
    for facts in tests {
        if claim::held_by(client, key, &facts.namespace, &facts.uid).await?.is_empty() {
            continue;
        }
        let uninstalled =
            Why::new(Reason::Uninstalled, "the operator was uninstalled in the middle of the run");
        let ended = |status: &mut _| end(status, facts, (Verdict::Aborted, &uninstalled), Timestamp::now());
        skip_unreadable(facts, write(client, facts, ended).await)?;
        // They belong to the test and go with it: they must not keep anything from being put back.
        let deleted = delete_all_generators(client, facts).await;
        let deleted = deleted.and(generator_maps::delete_all_but(client, facts, None).await);
        if let Err(error) = deleted {
            tracing::warn!(test = facts.name, %error, "the load generators were not deleted");
        }
    }
    Ok(())
}

/// Says of the runs that ended so that everything is put back. To be called when it is.
pub(crate) async fn tell_restored(
    client: &Client,
    key: &TokenKey,
    tests: &[TestFacts],
) -> Result<(), RequestError> {
    for facts in tests {
        if claim::held_by(client, key, &facts.namespace, &facts.uid).await?.is_empty() {
            let restored =
                |status: &mut _| told_restored(status, facts, Reason::Uninstalled, Timestamp::now());
            skip_unreadable(facts, write(client, facts, restored).await)?;
        }
    }
    Ok(())
}

/// Takes the finalizer off the tests that hold no claim any more; returns how many they are.
pub(crate) async fn release(
    client: &Client,
    key: &TokenKey,
    tests: &[TestFacts],
) -> Result<usize, RequestError> {
    let mut freed = 0;
    for facts in tests {
        if claim::held_by(client, key, &facts.namespace, &facts.uid).await?.is_empty() {
            set_finalizer(client, facts, false).await?;
            freed += 1;
        }
    }
    Ok(freed)
}

/// A test that cannot be read is not told, and keeps no other from being put back, nor itself.
fn skip_unreadable(facts: &TestFacts, written: Result<bool, RequestError>) -> Result<(), RequestError> {
    match written {
        Err(error) if error.is_unreadable() => {
            tracing::warn!(test = facts.name, %error, "the status does not say that the run is over");
            Ok(())
        }
        written => written.map(drop),
    }
}

fn facts(namespace: &str, test: &Known) -> TestFacts {
    TestFacts {
        namespace: namespace.to_owned(),
        name: test.name_any(),
        uid: test.uid().unwrap_or_default(),
        generation: test.metadata.generation,
    }
}
