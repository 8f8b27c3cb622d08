//! What becomes of the claims while cells are measured.

use throughput_crds::{Condition, ConditionStatus, ConditionType};

use super::draft::{Draft, View};
use crate::observed::Target;
use crate::reason::Reason;
use crate::stage::facts;
use crate::target::{Holder, TargetName};

/// Notes it, for good, when something that is claimed can no longer be put back as it was: at the end nobody could
/// tell a claim that somebody deleted from one that was given back.
pub(super) fn watch(draft: &mut Draft<'_>, view: &View<'_>) {
    if !facts(view.current.stage).claimed || lost(&draft.status.conditions).is_some() {
        return;
    }
    for (entry, target) in view.targets() {
        let name = &entry.target;
        if matches!(target, Target::Missing) {
            let message = format!("the {name} was deleted while the test had claimed it");
            return draft.condition(
                ConditionType::TargetsRestored,
                ConditionStatus::False,
                Reason::TargetGone,
                message,
            );
        }
        if view.observed.claims.iter().all(|claimed| claimed.target != *name) {
            let message = how_lost(name, target);
            draft.warn(Reason::ClaimLost, message.clone());
            return draft.condition(
                ConditionType::TargetsRestored,
                ConditionStatus::Unknown,
                Reason::ClaimLost,
                message,
            );
        }
    }
}

/// What became of a claim that the test does not hold any more, in words.
fn how_lost(name: &TargetName, target: &Target) -> String {
    let kind = name.kind.as_str();
    if let Target::Present { holder: Holder::Unsigned { lease }, .. } = target {
        return format!(
            "the claim on the {name} was changed by hand, or signed with a key that is gone, and nothing is put back by it: look at what the Lease {lease} says of the {kind}, set its replicas yourself, and delete the Lease"
        );
    }
    format!(
        "the claim on the {name} was deleted by hand, and with it what the {kind} was before: set its replicas yourself"
    )
}

/// Says that everything is put back, or what could not be; once for each time that something was.
pub(super) fn tell_restored(draft: &mut Draft<'_>) {
    if let Some(lost) = lost(&draft.status.conditions) {
        let note = format!("everything else that was scaled is as it was found, but {}", lost.message);
        return draft.warn(Reason::TargetsNotRestored, note);
    }
    let note = "everything that was scaled is as it was found";
    draft.condition(ConditionType::TargetsRestored, ConditionStatus::True, Reason::AsFound, note);
    draft.tell(Reason::TargetsRestored, note.to_owned());
}

/// What was noted, if anything.
pub(super) fn lost(conditions: &[Condition]) -> Option<&Condition> {
    conditions.iter().find(|condition| {
        condition.type_ == ConditionType::TargetsRestored
            && (condition.reason == Reason::ClaimLost || condition.reason == Reason::TargetGone)
    })
}
