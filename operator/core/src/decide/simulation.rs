//! A whole run in a small world, in memory, with the operator killed at every point.
//!
//! What the operator does in one look is a list of [`Effect`]s, each as small as one request to the API
//! server. A run is walked effect by effect: the operator can be killed before any of them, and begins again
//! with nothing but what is stored. The world keeps watch itself: it panics when something is scaled that is
//! not claimed, when a cell begins with a queue that is not empty, or when the finalizer goes too early.

mod queue;
mod recorded;
mod runs;
#[cfg(feature = "example-kind")]
mod second_kind;
mod world;

use std::mem::{Discriminant, discriminant};

use throughput_crds::ThroughputTestStatus;

use super::fixture::facts;
use super::outcome::{Applied, Outcome, Refusal};
use super::{Action, decide};
use crate::plan::Plan;
use crate::reason::{Reason, Why};
use world::World;

/// More looks than any run takes.
const MOST_LOOKS: u32 = 2_000;

/// One change of the world, done or not done, never in part.
#[derive(Clone, Debug, PartialEq)]
enum Effect {
    /// An action that is one request.
    Act(Action),
    /// Claim one Deployment, and look no further when another test holds it.
    Claim(String),
    /// Set one Deployment's replicas to what its claim says.
    PutBack(String),
    /// Give up the claim on one Deployment.
    GiveUpClaim(String),
    /// Write the status.
    Publish(Box<ThroughputTestStatus>),
    /// Remove the finalizer.
    RemoveFinalizer,
}

/// What happens at a moment of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disturbance {
    /// The operator is killed before this effect, counted from the beginning of the run.
    KilledBefore(u32),
    /// The operator is killed in every look but one of so many, before its status is written.
    OftenKilled(u32),
    /// Somebody deletes the test before this effect.
    DeletedBefore(u32),
    /// Another test claims a Deployment before this effect, if nobody has. It needs the other one too, and gives
    /// up what it has only after it had both for a while.
    ClaimedBefore(u32),
    /// Somebody sets `spec.abort` before this effect.
    AbortedBefore(u32),
    /// Somebody sets `spec.suspend` before the first of these effects, and takes it back a minute later.
    SuspendedBefore(u32),
    /// The generators' Job fails before this effect, if there is one.
    GeneratorLostBefore(u32),
    /// From this effect on, every action of its kind is refused for good: a quota, a webhook.
    RefusedFrom(u32),
}

/// How a run went.
#[derive(Debug)]
struct Walked {
    world: World,
    /// How many effects it took.
    effects: u32,
    /// The effects that wrote the report.
    reports_at: Vec<u32>,
    /// The kinds of actions that are refused.
    refused: Vec<Discriminant<Action>>,
}

/// Walks a new test to its end.
fn walk(plan: &Plan, world: World, disturbances: &[Disturbance]) -> Walked {
    let mut walked = Walked { world, effects: 0, reports_at: Vec::new(), refused: Vec::new() };
    for look in 0..MOST_LOOKS {
        if walked.world.is_over() {
            return walked;
        }
        look_once(plan, &mut walked, disturbances, look);
        walked.world.pass_a_second();
    }
    panic!("the run does not end, {disturbances:?}: {:#?}", walked.world.stored())
}

fn look_once(plan: &Plan, walked: &mut Walked, disturbances: &[Disturbance], look: u32) {
    let world = &mut walked.world;
    world.begin_look();
    let before = world.stored().clone();
    let mut decision = decide(&facts(), &Ok(plan.clone()), &before, &world.observe(plan), world.now());
    let actions = std::mem::take(&mut decision.actions);
    let mut outcome = Outcome::Done(Applied::default());
    'actions: for action in actions {
        for effect in effects_of(action.clone(), &walked.world) {
            if meet(walked, disturbances, look, &effect) {
                return;
            }
            if walked.refused.contains(&discriminant(&action)) {
                let why = Why::new(Reason::ActionFailed, "refused by a webhook");
                outcome = Outcome::Refused(Refusal { why, restoring: matches!(action, Action::Restore) });
                break 'actions;
            }
            if !walked.world.carry_out(plan, effect) {
                return;
            }
        }
    }
    let decision = decision.after(&before, outcome, facts().generation, walked.world.now());
    let mut effects = Vec::new();
    if decision.status != before {
        effects.push(Effect::Publish(Box::new(decision.status)));
    }
    if decision.release {
        effects.push(Effect::RemoveFinalizer);
    }
    for effect in effects {
        if meet(walked, disturbances, look, &effect) || !walked.world.carry_out(plan, effect) {
            return;
        }
    }
}

/// Lets the disturbances come that come before this effect; `true` when the operator is killed.
fn meet(walked: &mut Walked, disturbances: &[Disturbance], look: u32, effect: &Effect) -> bool {
    let killed = disturbances.iter().any(|disturbance| disturb(walked, *disturbance, look, effect));
    if matches!(effect, Effect::Act(Action::WriteReport { .. })) {
        walked.reports_at.push(walked.effects);
    }
    walked.effects += 1;
    killed
}

/// Lets happen what happens before this effect; `true` when the operator is killed.
fn disturb(walked: &mut Walked, disturbance: Disturbance, look: u32, effect: &Effect) -> bool {
    let Walked { world, effects, refused, reports_at: _ } = walked;
    match disturbance {
        Disturbance::KilledBefore(number) => return number == *effects,
        Disturbance::OftenKilled(one_of) => {
            return !look.is_multiple_of(one_of)
                && matches!(effect, Effect::Publish(_) | Effect::RemoveFinalizer);
        }
        Disturbance::DeletedBefore(number) => world.deleting |= number == *effects,
        Disturbance::AbortedBefore(number) => world.controls.abort |= number == *effects,
        Disturbance::SuspendedBefore(number) if number == *effects => world.suspend_for_a_minute(),
        Disturbance::ClaimedBefore(number) if number == *effects => world.let_another_test_claim(),
        Disturbance::GeneratorLostBefore(number) if number == *effects => world.lose_generators(),
        Disturbance::RefusedFrom(number) if number == *effects => match effect {
            Effect::Act(action) if !action.is_tried_for_ever() => refused.push(discriminant(action)),
            Effect::Claim(_) => refused.push(discriminant(&Action::Claim { targets: Vec::new() })),
            Effect::Act(_)
            | Effect::PutBack(_)
            | Effect::GiveUpClaim(_)
            | Effect::Publish(_)
            | Effect::RemoveFinalizer => {}
        },
        Disturbance::ClaimedBefore(_)
        | Disturbance::GeneratorLostBefore(_)
        | Disturbance::RefusedFrom(_)
        | Disturbance::SuspendedBefore(_) => {}
    }
    false
}

/// The requests that an action consists of.
fn effects_of(action: Action, world: &World) -> Vec<Effect> {
    match action {
        Action::Claim { targets } => targets.into_iter().map(|target| Effect::Claim(target.name)).collect(),
        Action::Restore => world
            .claimed()
            .into_iter()
            .flat_map(|name| [Effect::PutBack(name.clone()), Effect::GiveUpClaim(name)])
            .collect(),
        Action::AddFinalizer
        | Action::Scale { .. }
        | Action::StartGenerators(_)
        | Action::DeleteGenerators { .. }
        | Action::CancelTasks { .. }
        | Action::Nudge { .. }
        | Action::DeleteCreated { .. }
        | Action::DeleteTest
        | Action::WriteReport { .. } => vec![Effect::Act(action)],
    }
}
