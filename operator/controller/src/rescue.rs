//! A test that cannot be looked at: what it holds is put back all the same, and it is over.
//!
//! A look can fail in ways that another look does not mend: an error of the operator's own, a test of another version, an
//! answer of the API server that stays a refusal. None of its stages goes on then, and so none of their deadlines passes.
//! Restoring takes none of that: a claim says by itself what was before.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use throughput_core::decide::EventText;
use throughput_core::identity::TestFacts;
use throughput_core::reason::{Reason, Why};
use throughput_crds::{ConditionStatus, ConditionType, Verdict};

use crate::apply::{ApplyError, delete_all_generators, restore_all, set_finalizer};
use crate::cadence::wishes::Wanted;
use crate::ended::{self, end, told_restored};
use crate::objects::deadline::{RequestError, within};
use crate::objects::known::Known;
use crate::reconcile::{Context, ReconcileError, tell};

/// How long looks may fail by what another try does not mend, before the test is ended.
const HOPELESS_AFTER: Duration = Duration::from_secs(3);
/// How long they may fail by refusals of the API server. Rights can come back.
const REFUSED_AFTER: Duration = Duration::from_secs(30);

/// The tests that were ended so, by UID, with what people wanted of them then.
#[derive(Clone, Debug, Default)]
pub struct Rescued(Arc<Mutex<HashMap<String, Wanted>>>);

impl Rescued {
    /// Whether nothing is to be done for a test, until people want something else of it.
    pub(crate) fn rests(&self, test_uid: &str, wanted: Wanted) -> bool {
        self.lock().get(test_uid) == Some(&wanted)
    }

    /// Forgets a test that does not exist any more.
    pub(crate) fn forget(&self, test_uid: &str) {
        self.lock().remove(test_uid);
    }

    fn note(&self, test_uid: &str, wanted: Wanted) {
        self.lock().insert(test_uid.to_owned(), wanted);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Wanted>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long looks may fail in this way before the test is ended; `None` for a failure that may pass by itself.
pub(crate) fn patience(error: &ReconcileError) -> Option<Duration> {
    match error {
        ReconcileError::Panicked | ReconcileError::Deadline => Some(HOPELESS_AFTER),
        ReconcileError::Observe(error) | ReconcileError::Publish(error) => of_request(error),
        // A refused action is met by the decisions: the stage that took it has a deadline.
        ReconcileError::Apply(_) => None,
    }
}

fn of_request(error: &RequestError) -> Option<Duration> {
    if error.is_unreadable() {
        return Some(HOPELESS_AFTER);
    }
    error.is_refusal().then_some(REFUSED_AFTER)
}

/// Puts back what a test holds, deletes its load generators, and says that it is over, and why.
pub(crate) async fn rescue(
    context: &Context,
    (test, facts): (&Known, &TestFacts),
    wanted: Wanted,
    error: &ReconcileError,
) -> Result<(), ApplyError> {
    let client = &context.apply.client;
    let message = format!("the operator cannot go on with this test: {error}");
    tracing::error!(namespace = facts.namespace, test = facts.name, %error, "the test is ended, and restored");
    context.observe.pulps.drop_client(&facts.uid);
    let why = Why::new(Reason::LookFailed, message);
    if let Err(error) = tell_ended(context, facts, &why).await {
        tracing::warn!(test = facts.name, %error, "the status does not say that the test is over");
    }
    if let Err(error) = delete_all_generators(client, facts).await {
        tracing::warn!(test = facts.name, %error, "the load generators were not deleted");
    }
    restore_all((client, &context.apply.key), facts).await?;
    let restored = |status: &mut _| told_restored(status, facts, Reason::LookFailed, Timestamp::now());
    if let Some(Err(error)) = unbroken(ended::write(client, facts, restored)).await {
        tracing::warn!(test = facts.name, %error, "the status does not say that everything is put back");
    }
    set_finalizer(client, facts, false).await?;
    let Why { reason, message: note } = why;
    tell(context, test, &EventText { warning: true, reason, note }).await;
    context.forget(&facts.uid);
    context.rescued.note(&facts.uid, wanted);
    Ok(())
}

/// Says in the status that the test is over.
async fn tell_ended(context: &Context, facts: &TestFacts, why: &Why) -> Result<(), RequestError> {
    let over = |status: &mut _| end(status, facts, (Verdict::Failed, why), Timestamp::now());
    match unbroken(ended::write(&context.apply.client, facts, over)).await {
        None => overwrite(context, facts, why).await,
        Some(Err(error)) if error.is_unreadable() => overwrite(context, facts, why).await,
        Some(written) => written.map(drop),
    }
}

/// What comes of it; `None` where it breaks off, as the look may have at the same place.
async fn unbroken<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

/// Says it in a status that cannot be read.
async fn overwrite(context: &Context, facts: &TestFacts, why: &Why) -> Result<(), RequestError> {
    let tests: Api<Known> = Api::namespaced(context.apply.client.clone(), &facts.namespace);
    let now = Timestamp::now();
    let condition = |type_: ConditionType, holds: ConditionStatus| {
        json!({
            "type": type_, "status": holds, "reason": why.reason.as_str(), "message": why.message,
            "lastTransitionTime": now,
        })
    };
    let conditions = [
        condition(ConditionType::Running, ConditionStatus::False),
        condition(ConditionType::Succeeded, ConditionStatus::False),
        condition(ConditionType::Finished, ConditionStatus::True),
    ];
    let status =
        json!({"conditions": conditions, "verdict": Verdict::Failed, "phase": "Finished", "current": null});
    let patch = json!({"metadata": {"uid": facts.uid}, "status": status});
    within("write the status", tests.patch_status(&facts.name, &PatchParams::default(), &Patch::Merge(patch)))
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answered(code: u16) -> RequestError {
        let status = Status { code, ..Status::default() };
        RequestError::Kube { what: "look", source: Box::new(kube::Error::Api(Box::new(status))) }
    }

    #[test]
    fn only_what_does_not_pass_by_itself_ends_a_test() {
        let unreadable = || RequestError::Kube {
            what: "look",
            source: Box::new(kube::Error::SerdeError(serde_json::from_str::<u32>("{}").unwrap_err())),
        };
        assert_eq!(patience(&ReconcileError::Panicked), Some(HOPELESS_AFTER));
        assert_eq!(patience(&ReconcileError::Observe(unreadable())), Some(HOPELESS_AFTER));
        for refused in [401, 403, 404, 413, 422] {
            assert_eq!(
                patience(&ReconcileError::Publish(answered(refused))),
                Some(REFUSED_AFTER),
                "{refused}"
            );
        }
        for passing in [409, 429, 500, 503, 504] {
            assert_eq!(patience(&ReconcileError::Observe(answered(passing))), None, "{passing}");
        }
        assert_eq!(patience(&ReconcileError::Observe(RequestError::Deadline { what: "look" })), None);
        assert_eq!(patience(&ReconcileError::Apply(ApplyError::from(answered(403)))), None);
    }
}
