//! The status of a test, which is the journal of its run: whatever somebody wrote there, it is decided on.

use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use throughput_core::decide::fixture::{
    STAGES, at, backlog, collected, facts, observed, plan, status_at, unreachable, untouched,
};
use throughput_core::decide::{Decision, decide};
use throughput_core::observed::Observed;
use throughput_core::plan::Plan;
use throughput_core::stage;
use throughput_crds::ThroughputTestStatus;
use throughput_test_support::mutated;

/// The JSON of a status.
pub(crate) fn statuses(input: &[u8]) {
    if let Ok(status) = serde_json::from_slice(input) {
        decided(&status);
    }
}

/// A status in which bytes choose what is changed; the first of them chooses its stage.
pub(crate) fn changed(input: &[u8]) {
    static STATUSES: OnceLock<Vec<Value>> = OnceLock::new();
    let Some((which, choices)) = input.split_first() else { return };
    let statuses = STATUSES.get_or_init(|| {
        let at_stage = |stage| serde_json::to_value(status_at(1, stage)).unwrap_or_default();
        STAGES.into_iter().map(at_stage).collect()
    });
    let status = &statuses[usize::from(*which) % statuses.len()];
    if let Ok(status) = serde_json::from_value(mutated::chosen_by(status, choices)) {
        decided(&status);
    }
}

/// All that may be seen is decided on, a few looks one after the other.
fn decided(status: &ThroughputTestStatus) {
    static PLANS: OnceLock<[Plan; 2]> = OnceLock::new();
    if let Some(current) = &status.current {
        let window = stage::window(current);
        assert!(window.is_none_or(|window| window.start <= window.end));
        let _ = stage::ends_in(current);
    }
    let deleting = Observed { deleting: true, ..observed() };
    let silent = Observed { pulp: unreachable(), ..observed() };
    for plan in PLANS.get_or_init(|| [plan(), backlog()]) {
        for seen in [&observed(), &collected(), &untouched(), &deleting, &silent] {
            let mut status = status.clone();
            for second in [1, 60, 1_000_000] {
                status = next(plan, &status, seen, at(second));
            }
        }
    }
}

/// The status after a look. It can be stored, and is read as it was.
fn next(plan: &Plan, status: &ThroughputTestStatus, seen: &Observed, now: Timestamp) -> ThroughputTestStatus {
    let Decision { status, next, .. } = decide(&facts(), &Ok(plan.clone()), status, seen, now);
    let text = serde_json::to_string(&status).unwrap_or_default();
    let again = serde_json::from_str::<ThroughputTestStatus>(&text);
    assert!(again.is_ok_and(|again| again == status), "a status is not read as it was written: {text}");
    assert!(next.is_none_or(|next| SignedDuration::try_from(next).is_ok()));
    status
}
