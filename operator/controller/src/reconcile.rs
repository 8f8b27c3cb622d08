//! One look at one test: plan → observe → decide → apply → publish.
//!
//! # Guarantees
//! * The status is read from the API server, not from a cache, and written with the version that was read:
//!   a decision is never published over a newer one.
//! * A stage is in the status before anything is done for it, and all that is done can be done again. The
//!   operator may be killed at any point.
//! * The finalizer goes last, when nothing is claimed any more.
//! * Nothing is begun once the lead has ended, also in the middle of a look.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use kube::api::{Api, PostParams};
use kube::runtime::controller::Action as Requeue;
use kube::runtime::events::{Event, EventType, Recorder};
use kube::{Resource, ResourceExt};
use throughput_core::decide::outcome::Outcome;
use throughput_core::decide::{Decision, EventText, decide};
use throughput_core::identity::TestFacts;
use throughput_core::observed::Observed;
use throughput_core::plan::Plan;
use throughput_core::plan::permissions::Permissions;
use throughput_core::queue::standing;
use throughput_core::reason::Reason;
use throughput_crds::{ThroughputTest, ThroughputTestStatus};
use throughput_sources::registry::Registry;
use tokio::time::Instant;

use crate::apply::{ApplyClients, ApplyError, apply, set_finalizer};
use crate::cadence::backoff::Backoffs;
use crate::cadence::clock::{Reading, TestClocks};
use crate::cadence::polling::PollingInterval;
use crate::cadence::queues::{Found, Queues};
use crate::cadence::turns::Turns;
use crate::cadence::wishes::{Wanted, Wishes};
use crate::generators::phase::GeneratorPhases;
use crate::metrics::Metrics;
use crate::objects::deadline::{RequestError, within};
use crate::objects::known::Known;
use crate::objects::lead::Lead;
use crate::objects::namespace;
use crate::observe::{ObserveClients, Seen, created, observe, wants};
use crate::rescue::{Rescued, patience, rescue};

/// How long a look may take. Waiting for the target is over long before, and one that puts something back waits for nobody
/// but the API server and the owners of replicas. What it has not done, the next one does.
const LOOK_DEADLINE: Duration = Duration::from_mins(5);
/// How soon to look again when it was others' turn to ask their target something.
const LOOK_FOR_A_TURN: Duration = Duration::from_secs(2);

/// What reconciling needs.
#[derive(Clone)]
pub struct Context {
    /// The clients that observing takes.
    pub observe: ObserveClients,
    /// The clients that acting takes.
    pub apply: ApplyClients,
    /// What the administrator permits besides what everybody may do.
    pub permissions: Permissions,
    /// The recorder of events.
    pub recorder: Recorder,
    /// The phases that generators are told.
    pub phases: GeneratorPhases,
    /// The operator's own metrics.
    pub metrics: Metrics,
    /// The times that tests go by.
    pub clocks: TestClocks,
    /// The queues of tests that want the same targets.
    pub queues: Queues,
    /// The waits after failures, by test.
    pub backoffs: Backoffs,
    /// Whose turn it is to wait for a server.
    pub turns: Turns,
    /// What is wanted of the tests that are looked at now.
    pub wishes: Wishes,
    /// The shortest time between two questions to the system under test.
    pub pace: PollingInterval,
    /// The tests that were ended since they could not be looked at.
    pub rescued: Rescued,
    /// The lead, without which nothing is done.
    pub lead: Lead,
}

/// Why a test was not carried on. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Looking failed.
    #[error("cannot look at the test: {0}")]
    Observe(RequestError),
    /// Acting failed.
    #[error(transparent)]
    Apply(ApplyError),
    /// The status was not written.
    #[error("cannot publish: {0}")]
    Publish(RequestError),
    /// It was not over in time.
    #[error("a look was given up after {} s", LOOK_DEADLINE.as_secs())]
    Deadline,
    /// The look broke off. The log has where.
    #[error("an error of the operator's own, which its log has: please report it")]
    Panicked,
}

impl ReconcileError {
    /// The step, for metrics: one of [`STEPS`](crate::metrics::STEPS).
    pub fn step(&self) -> &'static str {
        match self {
            Self::Observe(_) => "observe",
            Self::Apply(_) => "apply",
            Self::Publish(_) => "publish",
            Self::Deadline => "deadline",
            Self::Panicked => "panic",
        }
    }

    /// The request to the API server that was to blame, if one was.
    pub fn request(&self) -> Option<&RequestError> {
        match self {
            Self::Observe(error) | Self::Publish(error) => Some(error),
            Self::Apply(error) => error.request(),
            Self::Deadline | Self::Panicked => None,
        }
    }
}

/// Carries a test on by one step, or by a part of it when the lead ends meanwhile.
pub async fn reconcile(known: Arc<Known>, context: Arc<Context>) -> Result<Requeue, ReconcileError> {
    let lead = context.lead.clone();
    let looked = lead.while_held(Box::pin(look_or_rescue(known, context))).await;
    looked.unwrap_or_else(|lost| {
        tracing::info!(%lost, "a look ends half-way");
        Ok(Requeue::await_change())
    })
}

/// Looks at a test, and ends it when that has failed for too long in a way that does not pass.
async fn look_or_rescue(known: Arc<Known>, context: Arc<Context>) -> Result<Requeue, ReconcileError> {
    let (facts, wanted) = (facts(&known), wanted(&known));
    if context.rescued.rests(&facts.uid, wanted) {
        context.queues.set_away(&facts);
        return Ok(Requeue::await_change());
    }
    // What is shared between looks is whole at any time: its locks are never held over a call that could panic.
    let looking = tokio::time::timeout(LOOK_DEADLINE, Box::pin(look(known.clone(), context.clone())));
    let error = match AssertUnwindSafe(looking).catch_unwind().await {
        Ok(Ok(Ok(requeue))) => return Ok(requeue),
        Ok(Ok(Err(error))) => error,
        Ok(Err(_)) => ReconcileError::Deadline,
        Err(_) => ReconcileError::Panicked,
    };
    let failing_for = context.backoffs.failing_for(&facts.uid, wanted, Instant::now());
    if patience(&error).is_none_or(|patience| failing_for < patience) {
        return Err(error);
    }
    rescue(&context, (&known, &facts), wanted, &error).await.map_err(ReconcileError::Apply)?;
    Ok(Requeue::await_change())
}

async fn look(known: Arc<Known>, context: Arc<Context>) -> Result<Requeue, ReconcileError> {
    let facts = facts(&known);
    let started = Instant::now();
    let heeding = context.wishes.heed(&facts.uid, wanted(&known));
    if let Some(rest) = context.backoffs.rest(&facts.uid, wanted(&known), started) {
        return Ok(Requeue::requeue(rest));
    }
    let Some(test) = read(&context, &facts).await.map_err(ReconcileError::Observe)? else {
        context.forget(&facts.uid);
        return Ok(Requeue::await_change());
    };
    if namespace::is_terminating_with(&context.observe.client, &facts.namespace, &test).await {
        set_finalizer(&context.observe.client, &facts, false).await.map_err(ReconcileError::Publish)?;
        context.forget(&facts.uid);
        return Ok(Requeue::await_change());
    }
    let before = test.status.clone().unwrap_or_default();
    let plan = Plan::new(&facts.namespace, &test.spec, &context.permissions, &Registry);
    let Seen { observed, turn, collected: _collected } =
        observe(&context.observe, &test, &facts, plan.as_ref().ok(), &heeding)
            .await
            .map_err(ReconcileError::Observe)?;
    let mut decision = decide(&facts, &plan, &before, &observed, now(&context, &test).await.1);
    if turn.is_none() {
        wait_for_a_turn(&mut decision);
    }
    let (outcome, error) = match apply(&context.apply, &facts, &decision.actions, &heeding).await {
        Ok(applied) => (Outcome::Done(applied), None),
        // What was read before it was to be changed is out of date: another look decides anew.
        Err(error) if error.is_overtaken() => return Err(ReconcileError::Apply(error)),
        Err(error) => (Outcome::Refused(error.refusal()), Some(error)),
    };
    let decision = decision.after(&before, outcome, facts.generation, now(&context, &test).await.1);
    let reconciled = Reconciled {
        test: &test,
        facts: &facts,
        plan: plan.as_ref().ok(),
        before: &before,
        observed: &observed,
    };
    publish(&context, &reconciled, &decision).await.map_err(ReconcileError::Publish)?;
    if let Some(error) = error {
        return Err(ReconcileError::Apply(error));
    }
    context.metrics.reconciled(started.elapsed());
    context.backoffs.reset(&facts.uid);
    // What was written may be a reason to go on, and is no change that the watch tells of.
    let next = decision.next.or_else(|| (decision.status != before).then_some(Duration::ZERO));
    let next = context.pace.next(&before, &decision.status, next);
    note_standing(&context, &reconciled, &decision.status, (started, next));
    Ok(next.map_or_else(Requeue::await_change, Requeue::requeue))
}

/// Tells the queue what a look found; a look that is over begins with whoever is first now.
fn note_standing(
    context: &Context,
    Reconciled { test, facts, plan, before, observed }: &Reconciled<'_>,
    after: &ThroughputTestStatus,
    (began, next): (Instant, Option<Duration>),
) {
    let standing = standing(before, after, (observed.deleting, !observed.claims.is_empty()));
    let wants = plan.map(wants).unwrap_or_default();
    let next = next.unwrap_or_default();
    context.queues.note(facts, Found { created: created(test), wants, standing, began, next });
}

/// This moment, and the time that it is for a test.
async fn now(context: &Context, test: &ThroughputTest) -> (Instant, jiff::Timestamp) {
    let instant = Instant::now();
    let both = (instant, jiff::Timestamp::now());
    let Reading { now, set_by } = context.clocks.read(&test.uid().unwrap_or_default(), both);
    if let Some(set_by) = set_by {
        let note = format!(
            "the clock of the operator's node was set by {} s: this test's deadlines go on as they were, but what sources of figures record may lie outside of its cells' times",
            set_by.as_secs()
        );
        tell(context, test, &EventText { warning: true, reason: Reason::ClockSet, note }).await;
    }
    (instant, now)
}

/// Leaves out what would ask the target something, for the next look.
fn wait_for_a_turn(decision: &mut Decision) {
    let decided = decision.actions.len();
    decision.actions.retain(|action| !action.asks_target());
    if decision.actions.len() < decided {
        decision.next = decision.next.map(|next| next.max(LOOK_FOR_A_TURN));
    }
}

/// When to try again after a failure: later each time.
#[expect(clippy::needless_pass_by_value, reason = "the signature is the library's")]
pub fn after_error(test: Arc<Known>, error: &ReconcileError, context: Arc<Context>) -> Requeue {
    let facts = facts(&test);
    let wait = context.backoffs.next(&facts.uid, wanted(&test), Instant::now());
    context.metrics.failed(error.step(), error.request().map(RequestError::kind));
    tracing::warn!(namespace = facts.namespace, test = facts.name, %error, retry_in = ?wait, "could not carry the test on");
    Requeue::requeue(wait)
}

/// What people want of the test.
pub(crate) fn wanted(test: &Known) -> Wanted {
    Wanted { generation: test.metadata.generation, deleting: test.metadata.deletion_timestamp.is_some() }
}

fn facts(test: &Known) -> TestFacts {
    TestFacts {
        namespace: test.namespace().unwrap_or_default(),
        name: test.name_any(),
        uid: test.uid().unwrap_or_default(),
        generation: test.metadata.generation,
    }
}

/// Reads the test as it is now; `None` when it is gone.
async fn read(context: &Context, facts: &TestFacts) -> Result<Option<ThroughputTest>, RequestError> {
    let tests: Api<ThroughputTest> = Api::namespaced(context.observe.client.clone(), &facts.namespace);
    let test = within("read the test", tests.get_opt(&facts.name)).await?;
    Ok(test.filter(|test| test.uid().as_deref() == Some(facts.uid.as_str())))
}

/// What a decision was made about.
struct Reconciled<'a> {
    test: &'a ThroughputTest,
    facts: &'a TestFacts,
    plan: Option<&'a Plan>,
    before: &'a ThroughputTestStatus,
    observed: &'a Observed,
}

/// Writes the status when it changed, tells people, tells the collector, and lets go of the test.
async fn publish(
    context: &Context,
    reconciled: &Reconciled<'_>,
    decision: &Decision,
) -> Result<(), RequestError> {
    let Reconciled { test, facts, plan, before, observed } = reconciled;
    let tests: Api<ThroughputTest> = Api::namespaced(context.observe.client.clone(), &facts.namespace);
    if decision.status != **before {
        // The finalizer may have been added since the test was read, so its version is read again; the UID
        // and the single writer make sure that the status is still the one that was decided upon.
        let mut newest = within("read the test", tests.get(&facts.name)).await?;
        if newest.status.clone().unwrap_or_default() != **before {
            return Ok(());
        }
        newest.status = Some(decision.status.clone());
        within("write the status", tests.replace_status(&facts.name, &PostParams::default(), &newest))
            .await?;
    }
    let (now, time_of_day) = now(context, test).await;
    context.phases.follow(facts, &decision.status, now, time_of_day);
    context.observe.samplers.follow(facts, *plan, &decision.status);
    context.metrics.follow(facts, before, &decision.status, observed);
    for event in &decision.events {
        tell(context, *test, event).await;
    }
    if decision.release {
        set_finalizer(&context.observe.client, facts, false).await?;
        context.observe.pulps.forget(&facts.uid);
    }
    Ok(())
}

/// Events are for people's convenience: one that is not written is logged, and nothing else.
pub(crate) async fn tell<K>(context: &Context, test: &K, event: &EventText)
where
    K: Resource<DynamicType = ()>,
{
    let EventText { warning, reason, note } = event;
    let event = Event {
        type_: if *warning { EventType::Warning } else { EventType::Normal },
        reason: reason.to_string(),
        note: Some(note.chars().take(1_000).collect()),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    let about = test.object_ref(&());
    match tokio::time::timeout(Duration::from_secs(5), context.recorder.publish(&event, &about)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            context.metrics.lost_event();
            tracing::warn!(%error, %reason, "an event was not written");
        }
        Err(_) => {
            context.metrics.lost_event();
            tracing::warn!(%reason, "an event was not written in time");
        }
    }
}

impl Context {
    /// Forgets a test that does not exist any more.
    pub(crate) fn forget(&self, test_uid: &str) {
        self.phases.forget(test_uid);
        self.observe.samplers.forget(test_uid);
        self.observe.pulps.forget(test_uid);
        self.backoffs.reset(test_uid);
        self.clocks.forget(test_uid);
        self.queues.forget(test_uid);
        self.rescued.forget(test_uid);
        self.turns.forget(test_uid);
        self.metrics.forget(test_uid);
    }
}

#[cfg(test)]
mod tests {
    use throughput_core::decide::Action;
    use throughput_core::target::TargetName;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn without_a_turn_the_target_is_asked_nothing_and_everything_else_is_done() {
        let scale = Action::Scale { target: TargetName::deployment("worker"), replicas: 2 };
        let cancel = Action::CancelTasks { correlation_id: Uuid::nil() };
        let decided = |actions: &[Action]| Decision {
            actions: actions.to_vec(),
            status: ThroughputTestStatus::default(),
            events: Vec::new(),
            release: false,
            next: Some(Duration::ZERO),
        };
        let mut decision = decided(&[scale.clone(), cancel, Action::Restore]);
        wait_for_a_turn(&mut decision);
        let left = [scale, Action::Restore];
        assert_eq!((decision.actions.as_slice(), decision.next), (left.as_slice(), Some(LOOK_FOR_A_TURN)));
        let mut decision = decided(&left);
        wait_for_a_turn(&mut decision);
        assert_eq!(decision, decided(&left));
    }
}
