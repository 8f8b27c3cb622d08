//! How a run ends.

use std::time::Duration;

use serde_json::json;
use throughput_crds::{
    CellOutcome, CellResult, ConditionStatus, ConditionType, Phase, RepeatedCells, Stage,
    TasksPerSecondSpread, ThroughputTestStatus, Verdict,
};

use crate::decide::fixture::{
    active, address, at, claim, collected, condition, decided, decided_on_rejection, events, facts,
    generators, observed, place, plan_of_repeats, status_at, untouched,
};
use crate::decide::{Action, Decision, decide};
use crate::observed::{Job, Observed};

const NO_WORKERS: &str = "pulpTasks needs to know the workers: name their Deployment or StatefulSet in scale";

fn delete_generators() -> Action {
    Action::DeleteGenerators { address: address(1) }
}

/// Nothing is claimed any more and no Job is left.
fn put_back() -> Observed {
    Observed { claims: Vec::new(), ..observed() }
}

/// What a cell came to, with this verdict.
fn result(cell: usize, verdict: Verdict, message: Option<&str>) -> CellResult {
    let mut result = decided(&status_at(cell, Stage::Collecting), &collected(), 20).status.results.remove(0);
    result.verdict = verdict;
    result.message = message.map(str::to_owned);
    result
}

fn restoring(results: Vec<CellResult>) -> ThroughputTestStatus {
    ThroughputTestStatus { results, ..status_at(1, Stage::Restoring) }
}

/// The end of a run with these results.
fn ended(results: Vec<CellResult>) -> Decision {
    decided(&restoring(results), &put_back(), 9)
}

#[test]
fn restoring_ends_only_when_no_claim_and_no_job_is_left() {
    let status = restoring(vec![result(0, Verdict::Passed, None), result(1, Verdict::Passed, None)]);
    let with_job = Observed { generators: generators(active(), 1, Vec::new()), ..put_back() };
    let with_claim = Observed { claims: vec![claim("pulp-content", 3)], ..put_back() };
    for (observed, actions) in [
        (with_job, vec![Action::Restore, delete_generators()]),
        (with_claim, vec![Action::Restore]),
        (
            Observed { generators: generators(Job::Complete, 1, Vec::new()), ..observed() },
            vec![Action::Restore, delete_generators()],
        ),
    ] {
        let decision = decided(&status, &observed, 100_000);
        assert_eq!((place(&decision), decision.release), (Some((1, Stage::Restoring)), false));
        assert_eq!(condition(&decision, ConditionType::Running).1, "Restoring");
        assert_eq!((decision.actions, decision.next), (actions, Some(Duration::from_millis(500))));
    }
}

#[test]
fn a_run_whose_cells_all_passed_has_passed() {
    let decision = ended(vec![result(0, Verdict::Passed, None), result(1, Verdict::Passed, None)]);
    let words = "2 of 2 cells were followed to their end";
    assert_eq!(
        condition(&decision, ConditionType::Running),
        (ConditionStatus::False, "Finished", "the run is over")
    );
    assert_eq!(
        condition(&decision, ConditionType::ResultsCollected),
        (ConditionStatus::True, "AllCells", words)
    );
    assert_eq!(condition(&decision, ConditionType::TargetsRestored).0, ConditionStatus::True);
    assert_eq!(condition(&decision, ConditionType::Succeeded), (ConditionStatus::True, "Passed", words));
    assert_eq!(condition(&decision, ConditionType::Finished), (ConditionStatus::True, "Passed", words));
    assert_eq!(events(&decision), ["TargetsRestored", "Finished"]);
    assert_eq!(
        (decision.status.verdict, decision.status.phase),
        (Some(Verdict::Passed), Some(Phase::Finished))
    );
    assert_eq!((decision.status.current, decision.status.finished_at), (None, Some(at(9))));
    assert_eq!((decision.actions, decision.release, decision.next), (vec![], true, None));
}

#[test]
fn failed_weighs_more_than_invalid_and_invalid_more_than_passed() {
    let ended_as = |one, other| ended(vec![result(0, one, None), result(1, other, None)]).status.verdict;
    assert_eq!(ended_as(Verdict::Invalid, Verdict::Failed), Some(Verdict::Failed));
    assert_eq!(ended_as(Verdict::Failed, Verdict::Passed), Some(Verdict::Failed));
    assert_eq!(ended_as(Verdict::Passed, Verdict::Invalid), Some(Verdict::Invalid));
}

#[test]
fn the_first_cell_with_the_verdict_says_why() {
    let results =
        vec![result(0, Verdict::Invalid, Some("clocks")), result(1, Verdict::Failed, Some("too slow"))];
    let decision = ended(results);
    assert_eq!(condition(&decision, ConditionType::Finished), (ConditionStatus::True, "Failed", "too slow"));
    assert_eq!(condition(&decision, ConditionType::Succeeded).0, ConditionStatus::False);
    assert_eq!(decision.events.last().map(|event| event.note.as_str()), Some("Failed: too slow"));
}

#[test]
fn criteria_on_repeats_are_judged_when_all_cells_have_ended() {
    let spread = json!([{"metric": "repeats.tasksPerSecond.spreadRatio", "atMost": "0.1"}]);
    let plan = Ok(plan_of_repeats(spread));
    let ended = |verdicts: [Verdict; 2], spread_ratio: Option<&str>| {
        let results = verdicts.into_iter().enumerate().map(|(cell, verdict)| result(cell, verdict, None));
        let repeats = spread_ratio.map(|spread_ratio| RepeatedCells {
            parameters: Vec::new(),
            cells: vec![0, 1],
            tasks_per_second: TasksPerSecondSpread {
                median: "18.000".to_owned(),
                min: "17.000".to_owned(),
                max: "19.000".to_owned(),
                spread_ratio: spread_ratio.to_owned(),
            },
        });
        let status =
            ThroughputTestStatus { repeats: repeats.into_iter().collect(), ..restoring(results.collect()) };
        let decision = decide(&facts(), &plan, &status, &put_back(), at(9));
        let (_, reason, message) = condition(&decision, ConditionType::Finished);
        (reason.to_owned(), message.to_owned())
    };
    let passed = [Verdict::Passed; 2];
    let words = "2 of 2 cells were followed to their end";
    assert_eq!(ended(passed, Some("0.1")), ("Passed".to_owned(), words.to_owned()));
    let words = "repeats.tasksPerSecond.spreadRatio is 0.111, at most 0.1 is wanted";
    assert_eq!(ended(passed, Some("0.111")), ("Failed".to_owned(), words.to_owned()));
    let (verdict, words) = ended([Verdict::Passed, Verdict::Invalid], None);
    assert_eq!(verdict, "Invalid");
    assert!(words.contains("not all of the 2 repeats have a figure to trust"), "{words}");
}

#[test]
fn a_run_with_fewer_results_than_cells_has_failed() {
    let mut incomplete = result(0, Verdict::Failed, Some("the queue was not empty"));
    incomplete.outcome = CellOutcome::Incomplete;
    let stopped = ended(vec![incomplete]);
    assert_eq!(condition(&stopped, ConditionType::Finished).2, "the queue was not empty");
    assert_eq!(
        condition(&stopped, ConditionType::ResultsCollected),
        (ConditionStatus::False, "Incomplete", "0 of 2 cells were followed to their end")
    );
    for results in [Vec::new(), vec![result(0, Verdict::Passed, None)]] {
        let words = format!("{} of 2 cells were followed to their end", results.len());
        let decision = ended(results);
        assert_eq!(decision.status.verdict, Some(Verdict::Failed));
        assert_eq!(
            condition(&decision, ConditionType::Finished),
            (ConditionStatus::True, "Failed", words.as_str())
        );
    }
}

#[test]
fn a_rejected_spec_is_final_at_once() {
    let decision = decided_on_rejection(&ThroughputTestStatus::default(), &untouched());
    assert_eq!(
        condition(&decision, ConditionType::Accepted),
        (ConditionStatus::False, "NoWorkers", NO_WORKERS)
    );
    assert_eq!(
        condition(&decision, ConditionType::Succeeded),
        (ConditionStatus::False, "NoWorkers", NO_WORKERS)
    );
    assert_eq!(
        condition(&decision, ConditionType::Finished),
        (ConditionStatus::True, "NoWorkers", NO_WORKERS)
    );
    assert_eq!(
        (decision.status.verdict, decision.status.phase),
        (Some(Verdict::Failed), Some(Phase::Finished))
    );
    assert_eq!((decision.actions, decision.release, decision.next), (vec![], true, None));
}

#[test]
fn a_rejected_spec_is_not_final_while_something_is_claimed() {
    let decision = decided_on_rejection(&status_at(1, Stage::Dispatching), &observed());
    assert_eq!((decision.actions, decision.release), (vec![Action::Restore, delete_generators()], false));
    assert_eq!(decision.status.verdict, None);
}

#[test]
fn a_test_that_is_deleted_before_it_began_goes_at_once() {
    let decision = decided(&ThroughputTestStatus::default(), &Observed { deleting: true, ..untouched() }, 1);
    assert_eq!((decision.actions, decision.release), (vec![], true));
}

#[test]
fn a_finished_test_only_ever_lets_go() {
    let finished = ended(Vec::new()).status;
    for deleting in [false, true] {
        let held = decided(&finished, &Observed { deleting, ..observed() }, 20);
        assert_eq!((held.actions, held.release, &held.status), (vec![Action::Restore], false, &finished));
        let free = decided(&finished, &Observed { deleting, ..put_back() }, 21);
        assert_eq!((free.actions, free.release, &free.status), (vec![], true, &finished));
        let gone = decided(&finished, &Observed { deleting, has_finalizer: false, ..put_back() }, 22);
        assert_eq!((gone.actions, gone.release, gone.next), (vec![], false, None));
    }
    let rejected = decided_on_rejection(&finished, &put_back());
    assert_eq!(rejected.status, finished);
}
