//! Writing what a cell came to, and what becomes of it when that is refused.

use throughput_crds::{ConditionStatus, ConditionType, Stage, StageEntry, ThroughputTestStatus, Verdict};

use crate::decide::fixture::{at, collected, condition, decided, plan, status_at};
use crate::decide::{Action, Decision};
use crate::observed::{Controls, Observed};
use crate::reason::Reason;

/// An action of the current stage was refused at this second, and has been since.
fn refused(status: &mut ThroughputTestStatus, second: i64) {
    let (running, unknown) = (ConditionType::Running, ConditionStatus::Unknown);
    let reason = Reason::ActionFailed;
    crate::status::set(&mut status.conditions, running, unknown, reason, "refused", at(second), Some(1));
}

fn writes(decision: &Decision) -> bool {
    decision.actions.iter().any(|action| matches!(action, Action::WriteReport { .. }))
}

fn aborting() -> Observed {
    Observed { controls: Controls { abort: true, ..Controls::default() }, ..collected() }
}

#[test]
fn a_refusal_of_an_earlier_stage_keeps_no_cell_from_being_written() {
    let mut status = status_at(0, Stage::CleaningUp);
    refused(&mut status, 10);
    let late = i64::try_from(plan().deadlines.cleanup.as_secs()).unwrap() + 1;
    let entered = decided(&status, &collected(), late);
    assert_eq!(entered.status.current.as_ref().unwrap().stage, Stage::Collecting);
    assert_ne!(condition(&entered, ConditionType::Running).0, ConditionStatus::Unknown);
    assert!(writes(&decided(&entered.status, &aborting(), late + 1)));
}

#[test]
fn details_are_given_up_only_once_they_were_refused_for_as_long_as_collecting_may_take() {
    let collect = i64::try_from(plan().deadlines.collect.as_secs()).unwrap();
    let mut status = status_at(0, Stage::Collecting);
    // The operator was away; the first attempt after that is refused.
    refused(&mut status, 3 * collect);
    assert!(writes(&decided(&status, &collected(), 3 * collect + 1)));
    assert!(!writes(&decided(&status, &aborting(), 3 * collect + 1)));
    let given_up = decided(&status, &collected(), 4 * collect + 1);
    assert_eq!(given_up.actions, []);
    let told = "the details of this cell are not in the report, since they could not be written: refused";
    assert_eq!(given_up.status.results[0].observations, [told]);
    assert_eq!(given_up.status.results[0].verdict, Verdict::Passed);
}

#[test]
fn a_cell_whose_generators_results_are_gone_is_invalid() {
    let mut status = status_at(0, Stage::Collecting);
    let timeline = &mut status.current.as_mut().unwrap().timeline;
    for (place, stage) in [Stage::Dispatching, Stage::Draining].into_iter().enumerate() {
        timeline.insert(place, StageEntry { stage, since: at(-10) });
    }
    let mut gone = collected();
    gone.generators.results.clear();
    let result = &decided(&status, &gone, 1).status.results[0];
    assert_eq!(
        (result.verdict, result.message.as_deref()),
        (Verdict::Invalid, Some("what 1 load generator delivered is not there any more"))
    );
}
