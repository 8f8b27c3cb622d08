//! A run that ends from outside of its stages: the operator is uninstalled, or the test cannot be looked at any more.

use jiff::Timestamp;
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt};
use throughput_core::identity::TestFacts;
use throughput_core::reason::{Reason, Why};
use throughput_core::stage::ends_in;
use throughput_core::status;
use throughput_crds::{
    Condition, ConditionStatus, ConditionType, Stage, ThroughputTest, ThroughputTestStatus, Verdict,
};
use throughput_model::cell::CellAddress;

use crate::objects::deadline::{RequestError, within};

/// How often a status is written anew when it was changed in between.
const WRITE_ATTEMPTS: u32 = 10;

/// The test, if it is still there.
pub(crate) async fn read(client: &Client, facts: &TestFacts) -> Result<Option<ThroughputTest>, RequestError> {
    let tests: Api<ThroughputTest> = Api::namespaced(client.clone(), &facts.namespace);
    let found = within("read the test", tests.get_opt(&facts.name)).await?;
    Ok(found.filter(|test| test.uid().as_deref() == Some(facts.uid.as_str())))
}

/// Changes a test's status; `false` when there is nothing to be changed.
pub(crate) async fn write(
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

/// Ends a run that is not over, with this verdict and for this reason.
pub(crate) fn end(
    status: &mut ThroughputTestStatus,
    facts: &TestFacts,
    (verdict, why): (Verdict, &Why),
    now: Timestamp,
) -> bool {
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
    let message = format!("{}{}", why.message, left.unwrap_or_default());
    let mut set = |type_, holds, reason: Reason| {
        status::set(&mut status.conditions, type_, holds, reason, &message, now, facts.generation);
    };
    set(ConditionType::Running, ConditionStatus::False, why.reason);
    set(ConditionType::TargetsRestored, ConditionStatus::False, why.reason);
    set(ConditionType::Succeeded, ConditionStatus::False, why.reason);
    set(ConditionType::Finished, ConditionStatus::True, why.reason);
    status.verdict = Some(verdict);
    status.finished_at = Some(now);
    true
}

/// Says of a run that ended for this reason that everything is put back.
pub(crate) fn told_restored(
    status: &mut ThroughputTestStatus,
    facts: &TestFacts,
    reason: Reason,
    now: Timestamp,
) -> bool {
    let was_ended = |condition: &Condition| {
        condition.type_ == ConditionType::TargetsRestored && condition.reason == reason
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
