//! Scaling everything to what a stage of a cell wants.

use super::{Action, Draft, View};
use crate::observed::Target;
use crate::reason::{Reason, Why};
use crate::target::Holder;
use crate::target::TargetName;

/// How far scaling is.
pub(crate) struct Scaling {
    /// Everything has the replicas that it shall have, and they are ready.
    pub(crate) all_there: bool,
    /// Each target in words.
    pub(crate) seen: Vec<String>,
}

/// Scales everything to what this stage of the cell wants, or says why something must not be scaled.
pub(crate) fn scale_to_wanted(draft: &mut Draft<'_>, view: &View<'_>) -> Result<Scaling, Why> {
    let targets: Vec<Scaled<'_>> =
        (0..view.plan.scale.len()).map(|entry| scaled(view, entry)).collect::<Result<_, _>>()?;
    let mut scaling = Scaling { all_there: true, seen: Vec::new() };
    for Scaled { target, replicas, ready, agreed, wanted } in targets {
        if replicas != wanted || !agreed {
            draft.act(Action::Scale { target: target.clone(), replicas: wanted });
        }
        scaling.all_there &= (replicas, ready, agreed) == (wanted, wanted, true);
        scaling.seen.push(format!("the {target} has {ready} of {wanted} replicas ready"));
    }
    Ok(scaling)
}

/// A target that may be scaled.
struct Scaled<'a> {
    target: &'a TargetName,
    replicas: u32,
    ready: u32,
    agreed: bool,
    wanted: u32,
}

/// The target of this entry of the plan's `scale`, or why it must not be scaled.
fn scaled<'a>(view: &View<'a>, entry: usize) -> Result<Scaled<'a>, Why> {
    let target = &view.plan.scale[entry].target;
    match (view.observed.targets.get(entry), view.wanted_replicas(entry)) {
        (Some(Target::Present { replicas, ready, holder: Holder::This, agreed }), Some(wanted)) => {
            Ok(Scaled { target, replicas: *replicas, ready: *ready, agreed: *agreed, wanted })
        }
        (Some(Target::Present { .. }), _) => {
            Err(Why::new(Reason::ClaimLost, format!("the claim on the {target} is not there any more")))
        }
        (Some(Target::Refused(unscalable)), _) => Err(unscalable.clone()),
        (Some(Target::Autoscaled { autoscaler }), _) => Err(Why::new(
            Reason::TargetAutoscaled,
            format!("the HorizontalPodAutoscaler {autoscaler} began to scale the {target}"),
        )),
        (Some(Target::Missing) | None, _) => {
            Err(Why::new(Reason::TargetGone, format!("the {target} is not there any more")))
        }
    }
}
