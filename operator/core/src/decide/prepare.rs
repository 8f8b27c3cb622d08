//! From a new test to workers that are online: waiting for targets, claiming them, an empty queue, scaling.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Procedure, Stage, Verdict};
use throughput_model::counted::{agreeing, counted_as};

use super::scaling::scale_to_wanted;
use super::{Action, Draft, View};
use crate::observed::{Credentials, Pulp, Target, ViewFault};
use crate::reason::{Reason, Why};
use crate::target::{Claimed, Holder};

/// How often to look whether what is missing has come.
const LOOK_FOR_TARGETS: Duration = Duration::from_secs(5);
/// How often to look whether everything is claimed, or given back.
const LOOK_AT_CLAIMS: Duration = Duration::from_millis(500);
/// How often to look whether the queue is empty.
const LOOK_AT_QUEUE: Duration = Duration::from_secs(2);
/// How often to look whether the workers are online.
const LOOK_AT_WORKERS: Duration = Duration::from_secs(1);

pub(super) fn awaiting_targets(draft: &mut Draft<'_>, view: &View<'_>) {
    if let Some(ViewFault::Dispatched(tasks)) = view.observed.view_fault {
        return check_dispatches(draft, tasks);
    }
    match missing(view) {
        None => {
            draft.condition(
                ConditionType::TargetsReady,
                ConditionStatus::True,
                Reason::AllFound,
                "everything that the run needs is there",
            );
            draft.enter(Stage::Claiming);
        }
        Some(Why { reason: _, message }) if !view.observed.claims.is_empty() => {
            // All or none: what is missing may be claimed by a test that waits for what this one holds.
            draft.condition(ConditionType::TargetsReady, ConditionStatus::False, Reason::GivingBack, message);
            draft.act(Action::Restore);
            draft.look_again_in(LOOK_AT_CLAIMS);
        }
        Some(Why { reason, message }) => {
            // From the first time on: losing a claim does not prolong the wait.
            let since = view.began(Stage::AwaitingTargets).unwrap_or_else(|| view.since());
            let waited_enough = draft.is_past(since, view.plan.deadlines.start);
            draft.condition(ConditionType::TargetsReady, ConditionStatus::False, reason, message.clone());
            if waited_enough {
                draft.warn(reason, format!("not there within timeouts.start: {message}"));
                super::verdict::give_up(draft, Verdict::Failed, reason, &message);
            } else {
                draft.look_again_in(LOOK_FOR_TARGETS);
            }
        }
    }
}

/// The first thing that the run needs and that is not there.
fn missing(view: &View<'_>) -> Option<Why> {
    let targets = view.plan.scale.iter().zip(&view.observed.targets);
    let not_ready = targets.filter_map(|(entry, target)| match target {
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
        Target::Present { holder: Holder::Another(identity), .. } => Some(Why::new(
            Reason::TargetClaimed,
            format!("the {} is claimed by another test, {identity}", entry.target),
        )),
        Target::Present { holder: Holder::Nobody | Holder::This, .. } => None,
    });
    let without_workers = without_workers(view);
    let name_taken = view.observed.name_taken.clone();
    let pulp = match &view.observed.pulp {
        Pulp::Unavailable(why) => Some(why.clone()),
        Pulp::NotAsked | Pulp::Answering(_) => None,
    };
    let credentials = match &view.observed.credentials {
        Credentials::Unusable(why) => Some(why.clone()),
        Credentials::Ready => None,
    };
    let view = match &view.observed.view_fault {
        Some(ViewFault::Failed(words)) => Some(Why::new(Reason::TestViewFailed, words.clone())),
        Some(ViewFault::Dispatched(_)) | None => None,
    };
    not_ready.into_iter().next().or(without_workers).or(name_taken).or(credentials).or(pulp).or(view)
}

/// Asked again, the view would dispatch again: so this is final at once.
fn check_dispatches(draft: &mut Draft<'_>, tasks: u64) {
    let (reason, message) = (
        Reason::CheckQueryDispatches,
        format!(
            "with dispatch.testView.checkQuery the view dispatched tasks, {tasks} of them: write a query with which it dispatches none, or leave checkQuery out"
        ),
    );
    draft.condition(ConditionType::TargetsReady, ConditionStatus::False, reason, &message);
    super::verdict::give_up(draft, Verdict::Failed, reason, &message);
}

/// Workers that stay as they were found, where there is none.
fn without_workers(view: &View<'_>) -> Option<Why> {
    let entry = view.plan.workers;
    let as_found = view.plan.cells.iter().any(|cell| cell.replicas[entry].is_none());
    match view.observed.targets.get(entry) {
        Some(Target::Present { replicas: 0, .. }) if as_found => Some(Why::new(
            Reason::NoWorkers,
            format!(
                "the {} has 0 replicas, and no axis of the matrix says how many workers there shall be: scale it, or add an axis of: Scale",
                view.plan.scale[entry].target
            ),
        )),
        Some(Target::Present { .. } | Target::Refused(_) | Target::Autoscaled { .. } | Target::Missing)
        | None => None,
    }
}

pub(super) fn claiming(draft: &mut Draft<'_>, view: &View<'_>) {
    let ours = |target: &Target| matches!(target, Target::Present { holder: Holder::This, .. });
    if view.observed.has_finalizer && view.observed.targets.iter().all(ours) {
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
        return draft.begin_cell(view.cell, Stage::EmptyingQueue);
    }
    if missing(view).is_some() {
        return draft.enter(Stage::AwaitingTargets);
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

pub(super) fn emptying_queue(draft: &mut Draft<'_>, view: &View<'_>) {
    let unfinished = view.observed.pulp.counts().and_then(|counts| counts.unfinished);
    if unfinished == Some(0) {
        return draft.enter(match view.plan.procedure {
            Procedure::Sustained => Stage::ScalingWorkers,
            Procedure::Backlog => Stage::ScalingDown,
        });
    }
    let what = match (unfinished, &view.observed.pulp) {
        (Some(unfinished), _) => {
            format!(
                "{} not of this run {} unfinished in Pulp's queue",
                counted_as(unfinished, "task that is", "tasks that are"),
                agreeing(unfinished, "is", "are")
            )
        }
        (None, Pulp::Unavailable(why)) => why.message.clone(),
        (None, _) => "Pulp was not asked yet".to_owned(),
    };
    if draft.is_past(view.since(), view.plan.deadlines.start) {
        return draft.fail_cell(
            Why::new(Reason::QueueNotEmpty, format!("timeouts.start passed: {what}")),
            Stage::Collecting,
        );
    }
    draft.condition(ConditionType::Running, ConditionStatus::True, Reason::EmptyingQueue, what);
    draft.look_again_in(LOOK_AT_QUEUE);
}

pub(super) fn scaling_workers(draft: &mut Draft<'_>, view: &View<'_>) {
    // A backlog has its tasks already: they are canceled when no worker comes for them.
    let (next, otherwise) = match view.plan.procedure {
        Procedure::Sustained => (Stage::StartingGenerators, Stage::Collecting),
        Procedure::Backlog => (Stage::AwaitingFirstTask, Stage::CancelingTasks),
    };
    let scaled = match scale_to_wanted(draft, view) {
        Ok(scaled) => scaled,
        Err(why) => return draft.fail_cell(why, otherwise),
    };
    let online = super::noting::workers_online(view);
    if scaled.all_there && online.is_some() && online == view.cell_workers() {
        return draft.enter(next);
    }
    let seen = scaled.seen_with(online);
    if draft.is_past(view.since(), view.plan.deadlines.scale) {
        return draft.fail_cell(
            Why::new(Reason::WorkersNotOnline, format!("timeouts.scale passed: {seen}")),
            otherwise,
        );
    }
    draft.condition(ConditionType::Running, ConditionStatus::True, Reason::ScalingWorkers, seen);
    draft.look_again_in(LOOK_AT_WORKERS);
}
