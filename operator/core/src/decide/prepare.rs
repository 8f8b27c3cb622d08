//! From a new test to its first cell: waiting for targets, and claiming them.

use std::collections::BTreeMap;
use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Stage, ThroughputTestStatus, Verdict};

use super::decision::Action;
use super::draft::{Draft, View};
use super::queue;
use crate::observed::{Controls, Credentials, Observed, Target};
use crate::plan::Plan;
use crate::queue::{Ahead, Line};
use crate::reason::{Reason, Why};
use crate::target::{Claimed, Holder, TargetName, uid_of};

/// How often to look whether what is missing has come.
const LOOK_FOR_TARGETS: Duration = Duration::from_secs(5);
/// How often to look whether everything is claimed, or given back.
const LOOK_AT_CLAIMS: Duration = Duration::from_millis(500);

pub(super) fn awaiting_targets(draft: &mut Draft<'_>, view: &View<'_>) {
    if let Some(Why { reason, message }) = view.plan.workload.kind().final_fault(view) {
        draft.condition(ConditionType::TargetsReady, ConditionStatus::False, reason, &message);
        return super::verdict::give_up(draft, Verdict::Failed, reason, &message);
    }
    match hindrance(view) {
        None => {
            draft.condition(
                ConditionType::TargetsReady,
                ConditionStatus::True,
                Reason::AllFound,
                "everything that the run needs is there",
            );
            draft.status.ready_at.get_or_insert(draft.now);
            draft.enter(Stage::Claiming);
        }
        Some(hindrance) if !view.observed.claims.is_empty() => {
            // All or none: what is missing may be claimed by a test that waits for what this one holds.
            let message = match hindrance {
                Hindrance::Missing(Why { reason: _, message }) => message,
                Hindrance::Behind(ahead) => queue::message(draft, view, ahead),
            };
            draft.condition(ConditionType::TargetsReady, ConditionStatus::False, Reason::GivingBack, message);
            draft.act(Action::Restore);
            draft.look_again_in(LOOK_AT_CLAIMS);
        }
        Some(Hindrance::Behind(ahead)) => queue::queue_up(draft, view, ahead),
        Some(Hindrance::Missing(why)) => await_missing(draft, view, why),
    }
}

/// Waits for what is missing, until `timeouts.start`: from the first time on, so that losing a claim does not prolong the
/// wait, and without the time in the queue.
fn await_missing(draft: &mut Draft<'_>, view: &View<'_>, Why { reason, message }: Why) {
    let waited_enough = queue::waited(view.current, draft.now) > view.plan.deadlines.start;
    draft.condition(ConditionType::TargetsReady, ConditionStatus::False, reason, message.clone());
    if waited_enough {
        draft.warn(reason, format!("not there within timeouts.start: {message}"));
        super::verdict::give_up(draft, Verdict::Failed, reason, &message);
    } else {
        draft.look_again_in(LOOK_FOR_TARGETS);
    }
}

/// What keeps a run from claiming.
enum Hindrance<'a> {
    /// Something that it needs is not there.
    Missing(Why),
    /// Everything is there, and these tests are served first.
    Behind(&'a [Ahead]),
}

/// The first thing that keeps the run from claiming. Whoever waits for something else does not stand in the queue.
fn hindrance<'a>(view: &View<'a>) -> Option<Hindrance<'a>> {
    match (missing(view), &view.observed.line) {
        (Some(why), _) => Some(Hindrance::Missing(why)),
        (None, Line::Behind(ahead)) => Some(Hindrance::Behind(ahead)),
        (None, Line::First) => None,
    }
}

/// Whether the run waits for nothing any more, and what may be asked only once, before anything is claimed, has not been
/// asked.
pub fn may_ask_once(plan: &Plan, status: &ThroughputTestStatus, observed: &Observed) -> bool {
    let view = status.current.as_ref().and_then(|current| {
        let cell = plan.cells.get(current.cell as usize)?;
        Some(View { plan, cell, current, observed })
    });
    let waits_for_nothing = view.is_some_and(|view| {
        view.current.stage == Stage::AwaitingTargets
            && observed.claims.is_empty()
            && hindrance(&view).is_none()
    });
    // A look that does something else asks nothing: the answer would be lost.
    let Controls { suspend, abort, ttl_after_finished: _ } = observed.controls;
    waits_for_nothing && status.ready_at.is_none() && !(suspend || abort || observed.deleting)
}

/// The first thing that the run needs and that is not there.
fn missing(view: &View<'_>) -> Option<Why> {
    let not_ready = view.targets().filter_map(|(entry, target)| match target {
        Target::Missing => Some(Why::new(
            Reason::TargetNotFound,
            format!("there is no {} in this namespace (scale entry {})", entry.target, entry.name),
        )),
        Target::Autoscaled { autoscaler } => Some(Why::new(
            Reason::TargetAutoscaled,
            format!(
                "the HorizontalPodAutoscaler {autoscaler} scales the {}, and would undo what the run scales: delete it for the time of the run",
                entry.target
            ),
        )),
        Target::Refused(unscalable) => Some(unscalable.clone()),
        // One that comes to its end is waited for in the queue; of one that is not known nobody can tell.
        Target::Present { holder: Holder::Another(identity), .. } => {
            let is_unknown = !view.observed.line.is_behind(uid_of(identity));
            is_unknown.then(|| {
                let message = format!("the {} is claimed by another test, {identity}", entry.target);
                Why::new(Reason::TargetClaimed, message)
            })
        }
        Target::Present { holder: Holder::Unsigned { lease }, .. } => Some(Why::new(
            Reason::ClaimNotSigned,
            format!(
                "the Lease {lease} claims the {}, and this operator did not sign it, so that nothing is put back by it: look at it, set the replicas as they should be, and delete it",
                entry.target
            ),
        )),
        Target::Present { holder: Holder::Nobody | Holder::This, .. } => None,
    });
    let objects_refused = view.observed.objects_refused.clone();
    let credentials = match &view.observed.credentials {
        Credentials::Unusable(why) => Some(why.clone()),
        Credentials::Ready => None,
    };
    // What another test has scaled says nothing of how it is found later.
    let of_the_kind = || view.plan.workload.kind().unmet(view).filter(|_| !is_held(&view.observed.targets));
    not_ready.into_iter().next().or(objects_refused).or(credentials).or_else(of_the_kind)
}

/// Whether another test has claimed one of these.
pub fn is_held(targets: &BTreeMap<TargetName, Target>) -> bool {
    targets.values().any(|target| matches!(target, Target::Present { holder: Holder::Another(_), .. }))
}

pub(super) fn claiming(draft: &mut Draft<'_>, view: &View<'_>) {
    let ours = |target: &Target| matches!(target, Target::Present { holder: Holder::This, .. });
    if view.observed.has_finalizer && view.observed.targets.values().all(ours) {
        let names: Vec<String> =
            view.plan.scale.iter().map(|entry| format!("the {}", entry.target)).collect();
        draft.tell(Reason::TargetsClaimed, format!("claimed {}", names.join(", ")));
        announce_owners(draft, view);
        draft.condition(
            ConditionType::TargetsRestored,
            ConditionStatus::False,
            Reason::Claimed,
            "the targets are claimed and will be put back at the end",
        );
        draft.condition(
            ConditionType::Running,
            ConditionStatus::True,
            Reason::Measuring,
            "cells are being measured",
        );
        draft.status.started_at.get_or_insert(draft.now);
        return draft.begin_measuring(view.plan, view.cell);
    }
    // Whoever has claimed a part already is served, unless another test has the rest.
    let may_yield = view.observed.claims.is_empty() || is_held(&view.observed.targets);
    match hindrance(view) {
        Some(Hindrance::Missing(_)) => return draft.enter(Stage::AwaitingTargets),
        Some(Hindrance::Behind(_)) if may_yield => return draft.enter(Stage::AwaitingTargets),
        Some(Hindrance::Behind(_)) | None => {}
    }
    if draft.is_past(view.since(), view.plan.deadlines.start) {
        return claim_no_more(draft, view);
    }
    draft.look_again_in(LOOK_AT_CLAIMS);
    if !view.observed.has_finalizer {
        // Nothing is claimed before it is seen to be there: a test that is deleted at this moment would leave
        // its claims behind.
        return draft.act(Action::AddFinalizer);
    }
    draft.act(Action::Claim { targets: view.plan.scale.iter().map(|entry| entry.target.clone()).collect() });
}

/// Says through whom targets are scaled that are not scaled directly.
fn announce_owners(draft: &mut Draft<'_>, view: &View<'_>) {
    for Claimed { target, replicas: _, through } in &view.observed.claims {
        if let Some(field) = through {
            draft.tell(Reason::OwnerRecognised, format!("the {target} is scaled by {field}"));
        }
    }
}

/// Everything is there, and still not all of it was claimed in time: what was is put back.
fn claim_no_more(draft: &mut Draft<'_>, view: &View<'_>) {
    if !view.observed.claims.is_empty() {
        draft.act(Action::Restore);
        return draft.look_again_in(LOOK_AT_CLAIMS);
    }
    let failed = draft.status.conditions.iter().find(|condition| condition.reason == Reason::ActionFailed);
    let why = failed.map_or_else(String::new, |condition| format!(": {}", condition.message));
    let message = format!("not everything in scale was claimed within timeouts.start{why}");
    draft.condition(ConditionType::TargetsReady, ConditionStatus::False, Reason::NotClaimed, &message);
    super::verdict::give_up(draft, Verdict::Failed, Reason::NotClaimed, &message);
}
