//! Runs that are under way when the operator is uninstalled: they are over, and their statuses say so.

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, Resource};
use throughput_core::identity::TestFacts;
use throughput_core::reason::Reason;
use throughput_core::stage::ends_in;
use throughput_core::status;
use throughput_crds::{
    Condition, ConditionStatus, ConditionType, Stage, ThroughputTest, ThroughputTestStatus, Verdict,
};
use throughput_model::cell::CellAddress;

use crate::apply::delete_generators;
use crate::objects::deadline::{RequestError, within};
use crate::objects::generator_maps;
use crate::scaling::claim;

/// How often a status is written anew when the operator, which still runs, writes in between.
const WRITE_ATTEMPTS: u32 = 10;

/// Ends every run of a namespace that holds claims, and deletes its generators. A test that only waits is left for the
/// next operator. To be called before anything is put back: the operator that still runs scales nothing for a run
/// that is over.
pub(crate) async fn end_runs(client: &Client, namespace: &str) -> Result<(), RequestError> {
    for test in list(client, namespace).await? {
        let facts = facts(namespace, &test);
        if claim::held_by(client, namespace, &facts.uid).await?.is_empty() {
            continue;
        }
        let current = test.status.as_ref().and_then(|status| status.current.clone());
        let changed = write(client, &facts, |status| end(status, &facts, Timestamp::now())).await?;
        if let (true, Some(current)) = (changed, current) {
            let address =
                CellAddress { test_uid: facts.uid.clone(), cell: current.cell, attempt: current.attempt };
            // They belong to the test and go with it: they must not keep anything from being put back.
            let deleted = delete_generators(client, &facts, &address).await;
            let deleted = deleted.and(generator_maps::delete_all_but(client, &facts, None).await);
            if let Err(error) = deleted {
                tracing::warn!(test = facts.name, %error, "the load generators were not deleted");
            }
        }
    }
    Ok(())
}

/// Says of the runs that ended so that everything is put back. To be called when it is.
pub(crate) async fn tell_restored(client: &Client, namespace: &str) -> Result<(), RequestError> {
    for test in list(client, namespace).await? {
        let facts = facts(namespace, &test);
        if claim::held_by(client, namespace, &facts.uid).await?.is_empty() {
            write(client, &facts, |status| told_restored(status, &facts, Timestamp::now())).await?;
        }
    }
    Ok(())
}

async fn list(client: &Client, namespace: &str) -> Result<Vec<ThroughputTest>, RequestError> {
    let tests: Api<ThroughputTest> = Api::namespaced(client.clone(), namespace);
    Ok(within("list tests", tests.list(&ListParams::default())).await?.items)
}

fn facts(namespace: &str, test: &ThroughputTest) -> TestFacts {
    TestFacts {
        namespace: namespace.to_owned(),
        name: test.name_any(),
        uid: test.uid().unwrap_or_default(),
        generation: test.meta().generation,
    }
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
        let Some(mut test) = within("read the test", tests.get_opt(&facts.name)).await? else {
            return Ok(false);
        };
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
