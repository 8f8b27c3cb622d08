//! Targets that change while a cell is measured.

use super::draft::{Draft, View};
use crate::observed::Target;

/// Notes it when a target does not have the replicas that the cell wants any more.
pub(crate) fn watch_for_drift(draft: &mut Draft<'_>, view: &View<'_>) {
    for (entry, target) in view.targets() {
        let name = &entry.target;
        match (target, view.wanted_replicas(name)) {
            (Target::Present { replicas, .. }, Some(wanted)) if *replicas != wanted => {
                draft.doubt(format!("the replicas of the {name} were changed from {wanted} to {replicas} while the cell was measured"));
            }
            (Target::Missing, _) => {
                draft.doubt(format!("the {name} was deleted while the cell was measured"));
            }
            (Target::Autoscaled { autoscaler }, _) => {
                draft.doubt(format!("the HorizontalPodAutoscaler {autoscaler} began to scale the {name} while the cell was measured"));
            }
            (Target::Present { agreed: false, .. }, Some(wanted)) => {
                draft.doubt(format!("the owner of the {name}'s replicas was told another number than {wanted} while the cell was measured"));
            }
            (Target::Refused(unscalable), _) => {
                draft.doubt(format!("{} (while the cell was measured)", unscalable.message));
            }
            (Target::Present { .. }, _) => {}
        }
    }
}
