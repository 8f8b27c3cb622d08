//! Waiting until the sources have all figures of a cell.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Stage};

use super::draft::{Draft, View};
use crate::observed::Sources;
use crate::reason::Reason;

/// How often to look whether all figures are there.
const LOOK_AT_SOURCES: Duration = Duration::from_secs(1);
/// The most shortfalls that the condition tells.
const MOST_SHORTFALLS: usize = 4;

/// Goes on once a cell's tasks have ended and nothing of them is left to be deleted: to its figures, by way of the
/// sources where there are any.
pub(crate) fn to_the_figures(draft: &mut Draft<'_>, view: &View<'_>) {
    let watched = view.plan.is_watched && view.had_load();
    draft.enter(if watched { Stage::Settling } else { Stage::Collecting });
}

/// Waits for the sources, and not for ever. What they miss by then is missing.
pub(super) fn settling(draft: &mut Draft<'_>, view: &View<'_>) {
    draft.condition(
        ConditionType::Running,
        ConditionStatus::True,
        Reason::Settling,
        "the sources complete their figures",
    );
    if view.observed.sources.are_settled() {
        return draft.enter(Stage::Collecting);
    }
    if draft.is_past(view.since(), view.plan.deadlines.settle) {
        draft
            .warn(Reason::SourcesIncomplete, "timeouts.settle passed: what came later is missing".to_owned());
        return draft.enter(Stage::Collecting);
    }
    draft.look_again_in(LOOK_AT_SOURCES);
}

/// Says what the sources of this cell do not see. It never keeps the run from going on.
pub(super) fn tell_of_sources(draft: &mut Draft<'_>, view: &View<'_>) {
    let Sources::Seen { shortfalls, .. } = &view.observed.sources else {
        return;
    };
    if shortfalls.is_empty() {
        return draft.condition(
            ConditionType::SourcesComplete,
            ConditionStatus::True,
            Reason::Complete,
            "the sources see all that they are to see",
        );
    }
    let mut words: Vec<String> = shortfalls
        .iter()
        .take(MOST_SHORTFALLS)
        .map(|(source, shortfall)| format!("{source}: {}: {}", shortfall.reason, shortfall.message))
        .collect();
    if shortfalls.len() > MOST_SHORTFALLS {
        words.push(format!("and {} more", shortfalls.len() - MOST_SHORTFALLS));
    }
    draft.condition(
        ConditionType::SourcesComplete,
        ConditionStatus::False,
        Reason::Incomplete,
        words.join("; "),
    );
}
