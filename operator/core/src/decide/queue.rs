//! Waiting for one's turn, while other tests have the targets or are served first.
//!
//! Nothing is asked of the target meanwhile, and `timeouts.start` does not run. Whoever is first goes back to waiting for
//! its targets, which makes sure that everything is there still.

use std::time::Duration;

use jiff::Timestamp;
use throughput_crds::{ConditionStatus, ConditionType, Current, Stage, StageEntry};
use throughput_model::counted::{agreeing, counted};

use super::draft::{Draft, View};
use crate::clock::elapsed;
use crate::queue::{Ahead, Line, Standing};
use crate::reason::Reason;

/// How often to look where one stands, when few are ahead. Who is first is looked at as soon as it is.
const LOOK_AT_QUEUE: Duration = Duration::from_secs(5);
/// The longest time between two looks, when many are ahead.
const LOOK_AT_LONG_QUEUE: Duration = Duration::from_mins(1);
/// How often to look while it is not known of others whether they are served first.
const LOOK_WHO_IS_AHEAD: Duration = Duration::from_secs(1);
/// The most tests that are named of those ahead.
const MOST_NAMED: usize = 5;

pub(super) fn queued(draft: &mut Draft<'_>, view: &View<'_>) {
    match &view.observed.line {
        Line::First => draft.enter(Stage::AwaitingTargets),
        Line::Behind(ahead) => wait(draft, view, ahead),
    }
}

/// Goes into the queue. What was waited before counts against `timeouts.start` as it did, however often this test comes
/// here.
pub(super) fn queue_up(draft: &mut Draft<'_>, view: &View<'_>, ahead: &[Ahead]) {
    let now = draft.now;
    let before = now.checked_sub(waited(view.current, now)).unwrap_or(now);
    draft.enter(Stage::Queued);
    if let Some(current) = &mut draft.status.current {
        current.timeline = vec![
            StageEntry { stage: Stage::AwaitingTargets, since: before },
            StageEntry { stage: Stage::Queued, since: now },
        ];
    }
    wait(draft, view, ahead);
}

/// How long this test has waited for something else than its turn.
pub(super) fn waited(current: &Current, now: Timestamp) -> Duration {
    let ends = current.timeline.iter().skip(1).map(|entry| entry.since).chain([now]);
    let stages = current.timeline.iter().zip(ends).filter(|(entry, _)| entry.stage != Stage::Queued);
    stages.map(|(entry, end)| elapsed(entry.since, end)).sum()
}

fn wait(draft: &mut Draft<'_>, view: &View<'_>, ahead: &[Ahead]) {
    let message = message(draft, view, ahead);
    draft.condition(ConditionType::TargetsReady, ConditionStatus::False, Reason::Queued, message);
    draft.look_again_in(next(ahead));
}

fn next(ahead: &[Ahead]) -> Duration {
    let is_known = |ahead: &Ahead| match ahead.standing {
        Standing::Unseen | Standing::Waiting | Standing::Starting => false,
        Standing::Away | Standing::Queued | Standing::Measuring | Standing::Restoring => true,
    };
    if ahead.is_empty() || !ahead.iter().all(is_known) {
        return LOOK_WHO_IS_AHEAD;
    }
    let few = Duration::from_secs(ahead.len() as u64);
    LOOK_AT_QUEUE.saturating_add(few).min(LOOK_AT_LONG_QUEUE)
}

/// How many are ahead for what, and which.
pub(super) fn message(draft: &Draft<'_>, view: &View<'_>, ahead: &[Ahead]) -> String {
    if ahead.is_empty() {
        return "the operator has just begun, and learns which tests were created before this one".to_owned();
    }
    let targets: Vec<String> = view.plan.scale.iter().map(|entry| format!("the {}", entry.target)).collect();
    let told = |ahead: &Ahead| {
        let name = format!("{}/{}", draft.test.namespace, ahead.name);
        match ahead.standing {
            Standing::Queued => name,
            Standing::Unseen
            | Standing::Waiting
            | Standing::Away
            | Standing::Starting
            | Standing::Measuring
            | Standing::Restoring => format!("{name} ({})", ahead.standing.as_str()),
        }
    };
    let mut names: Vec<String> = ahead.iter().take(MOST_NAMED).map(told).collect();
    if ahead.len() > MOST_NAMED {
        names.push(format!("and {} more", ahead.len() - MOST_NAMED));
    }
    let count = ahead.len() as u64;
    format!(
        "{} {} ahead for {}: {}",
        counted(count, "test"),
        agreeing(count, "is", "are"),
        targets.join(" or "),
        names.join(", ")
    )
}
