//! Runs that are under way when the operator is uninstalled: they are over, and their statuses say so.

use std::future::ready;

use futures::TryStreamExt;
use jiff::Timestamp;
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, ResourceExt};
use throughput_core::identity::TestFacts;
use throughput_core::reason::Reason;
use throughput_core::stage::ends_in;
use throughput_core::status;
use throughput_crds::{
    Condition, ConditionStatus, ConditionType, RESTORE_FINALIZER, Stage, ThroughputTest,
    ThroughputTestStatus, Verdict,
};
use throughput_model::cell::CellAddress;

use crate::apply::{delete_generators, set_finalizer};
use crate::generators::token::TokenKey;
use crate::objects::deadline::{RequestError, within};
use crate::objects::generator_maps;
use crate::objects::known::Known;
use crate::objects::pages;
use crate::scaling::claim;

/// How often a status is written anew when it was changed in between.
const WRITE_ATTEMPTS: u32 = 10;

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
        let current = read(client, facts).await?.and_then(|test| test.status?.current);
        let changed = write(client, facts, |status| end(status, facts, Timestamp::now())).await?;
        if let (true, Some(current)) = (changed, current) {
            let address =
                CellAddress { test_uid: facts.uid.clone(), cell: current.cell, attempt: current.attempt };
            // They belong to the test and go with it: they must not keep anything from being put back.
            let deleted = delete_generators(client, facts, &address).await;
            let deleted = deleted.and(generator_maps::delete_all_but(client, facts, None).await);
            if let Err(error) = deleted {
                tracing::warn!(test = facts.name, %error, "the load generators were not deleted");
            }
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
            write(client, facts, |status| told_restored(status, facts, Timestamp::now())).await?;
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

fn facts(namespace: &str, test: &Known) -> TestFacts {
    TestFacts {
        namespace: namespace.to_owned(),
        name: test.name_any(),
        uid: test.uid().unwrap_or_default(),
        generation: test.metadata.generation,
    }
}

/// The test, if it is still there.
async fn read(client: &Client, facts: &TestFacts) -> Result<Option<ThroughputTest>, RequestError> {
    let tests: Api<ThroughputTest> = Api::namespaced(client.clone(), &facts.namespace);
    let found = within("read the test", tests.get_opt(&facts.name)).await?;
    Ok(found.filter(|test| test.uid().as_deref() == Some(facts.uid.as_str())))
}

/// Changes a test's status; `false` when there is nothing to be changed.
async fn write(
    client: &Client,
    facts: &TestFacts,
    change: impl Fn(&mut ThroughputTestStatus) -> bool,
) -> Result<bool, RequestError> {
    let tests: Api<ThroughputTest> = Api::namespaced(client.clone(), &facts.namespace);
    let mut attempt = 0;
    loop {
        let Some(mut test) = read(client, facts).await? else { return Ok(false) };
        let status = test.status.get_or_insert_default();
        if !change(status) {
            return Ok(false);
        }
        status::summarize(status);
        attempt += 1;
        match within("write the status", tests.replace_status(&facts.name, &PostParams::default(), &test))
            .await
        {
            Ok(_) => return Ok(true),
            Err(error) if error.is_conflict() && attempt < WRITE_ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    }
}

/// Ends a run that is not over.
fn end(status: &mut ThroughputTestStatus, facts: &TestFacts, now: Timestamp) -> bool {
    if status::holds(status, ConditionType::Finished) {
        return false;
    }
    let left = status.current.take().filter(|current| ends_in(current) == Stage::CancelingTasks);
    let left = left.map(|current| {
        let address =
            CellAddress { test_uid: facts.uid.clone(), cell: current.cell, attempt: current.attempt };
        format!(
            "; tasks of it may be left in Pulp's queue, with the correlation id {}",
            address.correlation_id()
        )
    });
    let message =
        format!("the operator was uninstalled in the middle of the run{}", left.unwrap_or_default());
    let mut set = |type_, holds, reason: Reason| {
        status::set(&mut status.conditions, type_, holds, reason, &message, now, facts.generation);
    };
    set(ConditionType::Running, ConditionStatus::False, Reason::Uninstalled);
    set(ConditionType::TargetsRestored, ConditionStatus::False, Reason::Uninstalled);
    set(ConditionType::Succeeded, ConditionStatus::False, Reason::Uninstalled);
    set(ConditionType::Finished, ConditionStatus::True, Reason::Uninstalled);
    status.verdict = Some(Verdict::Aborted);
    status.finished_at = Some(now);
    true
}

fn told_restored(status: &mut ThroughputTestStatus, facts: &TestFacts, now: Timestamp) -> bool {
    let was_ended = |condition: &Condition| {
        condition.type_ == ConditionType::TargetsRestored && condition.reason == Reason::Uninstalled
    };
    if !status.conditions.iter().any(was_ended) {
        return false;
    }
    status::set(
        &mut status.conditions,
        ConditionType::TargetsRestored,
        ConditionStatus::True,
        Reason::AsFound,
        "everything that was scaled is as it was found",
        now,
        facts.generation,
    );
    true
}
