//! Scaling everything to what a stage of a cell wants.

use super::decision::Action;
use super::draft::{Draft, View};
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
        view.plan.scale.iter().map(|entry| scaled(view, &entry.target)).collect::<Result<_, _>>()?;
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

/// How far scaling this target is, or why it must not be scaled.
fn scaled<'a>(view: &View<'_>, target: &'a TargetName) -> Result<Scaled<'a>, Why> {
    match (view.observed.targets.get(target), view.wanted_replicas(target)) {
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
