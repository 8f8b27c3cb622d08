//! Runs of four cells: undisturbed, and disturbed at each of their effects.

use std::time::Duration;

use serde_json::json;
use throughput_crds::{
    CellOutcome, CellResult, ConditionStatus, ConditionType, ThroughputTestStatus, Verdict,
};

use super::world::World;
use super::{Disturbance, Walked, walk};
use crate::decide::fixture::{at, backlog, plan_of, plan_with};
use crate::plan::{Deadlines, Plan};

/// Each with four and with eight workers, dispatched by one and by two requests at once.
pub(super) fn four_cells() -> Plan {
    plan_of(&json!([
        {"name": "workers", "of": "Scale", "values": [4, 8]},
        {"name": "concurrency", "of": "Load", "values": [1, 2]},
    ]))
}

/// A plan of which every stage ends within a minute.
pub(super) fn hasty(plan: Plan) -> Plan {
    let minute = Duration::from_mins(1);
    let deadlines = Deadlines {
        start: minute,
        scale: minute,
        generator_start: minute,
        dispatch: minute,
        drain: minute,
        cancel: minute,
        collect: minute,
        cleanup: minute,
        settle: minute,
    };
    Plan { deadlines, ..plan }
}

fn walked(disturbances: &[Disturbance]) -> Walked {
    walk(&four_cells(), World::new(), disturbances)
}

/// The results, but for when they were had: being killed takes time.
fn results(walked: &Walked) -> Vec<CellResult> {
    let timeless = |result| CellResult { started_at: at(0), finished_at: at(0), ..result };
    walked.world.stored().results.iter().cloned().map(timeless).collect()
}

/// Everything that was scaled is as it was found, and nothing is claimed.
pub(super) fn assert_put_back(walked: &Walked, disturbances: &[Disturbance]) {
    let world = &walked.world;
    assert_eq!(world.replicas(), [("pulp-content", 3), ("pulp-worker", 2)], "{disturbances:?}");
    assert_eq!(world.claimed(), Vec::<String>::new(), "{disturbances:?}");
}

/// Nothing is left of the run but its report.
fn assert_left_as_found(walked: &Walked, disturbances: &[Disturbance]) {
    let world = &walked.world;
    assert_put_back(walked, disturbances);
    assert_eq!(world.own_unfinished(), 0, "{disturbances:?}");
    if !world.deleting {
        assert!(!world.has_job(), "{disturbances:?}");
    }
}

fn assert_same_end(walked: &Walked, undisturbed: &Walked, disturbances: &[Disturbance]) {
    let (status, expected) = (walked.world.stored(), undisturbed.world.stored());
    assert_left_as_found(walked, disturbances);
    assert_eq!(results(walked), results(undisturbed), "{disturbances:?}");
    assert_eq!(walked.world.reported_cells(), [0, 1, 2, 3], "{disturbances:?}");
    assert_eq!(
        (status.verdict, status.phase, status.cells, &status.summary, &status.best, &status.current),
        (expected.verdict, expected.phase, expected.cells, &expected.summary, &expected.best, &None),
        "{disturbances:?}"
    );
    assert_eq!(told(status), told(expected), "{disturbances:?}");
}

/// The conditions, but for since when they have been so.
fn told(status: &ThroughputTestStatus) -> Vec<(ConditionType, ConditionStatus, &str, &str)> {
    let conditions = status.conditions.iter();
    conditions
        .map(|condition| {
            (condition.type_, condition.status, condition.reason.as_str(), condition.message.as_str())
        })
        .collect()
}

#[test]
fn an_undisturbed_run_passes_and_leaves_everything_as_found() {
    let run = walked(&[]);
    let status = run.world.stored();
    assert_left_as_found(&run, &[]);
    assert_eq!(status.verdict, Some(Verdict::Passed));
    let outcomes: Vec<_> = status
        .results
        .iter()
        .map(|result| {
            let parameters: Vec<&str> =
                result.parameters.iter().map(|parameter| parameter.value.as_str()).collect();
            (result.cell, parameters.join(" "), result.outcome, result.verdict, result.tasks_completed)
        })
        .collect();
    let passed = |cell, parameters: &str| {
        (cell, parameters.to_owned(), CellOutcome::Completed, Verdict::Passed, Some(10))
    };
    assert_eq!(outcomes, [passed(0, "4 1"), passed(1, "4 2"), passed(2, "8 1"), passed(3, "8 2")]);
    // Ten tasks of a second each take four workers three seconds.
    assert_eq!(status.results[0].tasks_per_second.as_deref(), Some("3.333"));
}

#[test]
fn an_operator_killed_at_any_point_comes_to_the_same_end() {
    let undisturbed = walked(&[]);
    for number in 0..undisturbed.effects {
        let disturbances = &[Disturbance::KilledBefore(number)];
        assert_same_end(&walked(disturbances), &undisturbed, disturbances);
    }
}

#[test]
fn an_operator_that_is_killed_most_of_the_time_comes_to_the_same_end() {
    let undisturbed = walked(&[]);
    for one_of in [2, 3, 7] {
        let disturbances = &[Disturbance::OftenKilled(one_of)];
        assert_same_end(&walked(disturbances), &undisturbed, disturbances);
    }
}

#[test]
fn a_test_deleted_at_any_point_leaves_everything_as_found() {
    for number in 0..walked(&[]).effects {
        let disturbances = &[Disturbance::DeletedBefore(number)];
        assert_left_as_found(&walked(disturbances), disturbances);
    }
}

#[test]
fn a_deleted_test_whose_operator_is_killed_while_it_restores_leaves_everything_as_found() {
    let one_cell = plan_of(&json!([{"name": "workers", "of": "Scale", "values": [4]}]));
    for number in 0..walk(&one_cell, World::new(), &[]).effects {
        // Restoring two Deployments and letting go takes six effects.
        for later in 0..8 {
            let disturbances =
                &[Disturbance::DeletedBefore(number), Disturbance::KilledBefore(number + later)];
            assert_left_as_found(&walk(&one_cell, World::new(), disturbances), disturbances);
        }
    }
}

#[test]
fn a_claim_of_another_test_is_waited_for_whenever_it_comes() {
    let undisturbed = walked(&[]);
    for number in 0..undisturbed.effects {
        let disturbances = &[Disturbance::ClaimedBefore(number)];
        assert_same_end(&walked(disturbances), &undisturbed, disturbances);
    }
}

#[test]
fn a_generator_lost_at_any_point_costs_no_other_cell() {
    for number in 0..walked(&[]).effects {
        let disturbances = &[Disturbance::GeneratorLostBefore(number)];
        let run = walked(disturbances);
        assert_left_as_found(&run, disturbances);
        let results = &run.world.stored().results;
        assert_eq!(
            results.iter().map(|result| result.cell).collect::<Vec<_>>(),
            [0, 1, 2, 3],
            "{disturbances:?}"
        );
        let failed: Vec<_> = results.iter().filter(|result| result.verdict != Verdict::Passed).collect();
        assert!(failed.len() <= 1, "{disturbances:?}: {failed:?}");
        assert!(
            failed.iter().all(|result| result.reason.as_deref() == Some("GeneratorFailed")),
            "{disturbances:?}: {failed:?}"
        );
    }
}

#[test]
fn an_aborted_run_ends_as_aborted_and_leaves_everything_as_found() {
    for plan in [four_cells(), backlog()] {
        for number in 0..walk(&plan, World::new(), &[]).effects {
            let disturbances = &[Disturbance::AbortedBefore(number)];
            let run = walk(&plan, World::new(), disturbances);
            assert_left_as_found(&run, disturbances);
            let status = run.world.stored();
            let complete = status.results.len() == plan.cells.len()
                && status.results.iter().all(|result| result.outcome == CellOutcome::Completed);
            // An abort that comes after the last cell was measured changes nothing.
            let expected = if complete { Verdict::Passed } else { Verdict::Aborted };
            assert_eq!(status.verdict, Some(expected), "{disturbances:?}: {status:#?}");
            assert_eq!(run.world.unfinished(), 0, "{disturbances:?}: tasks are left");
        }
    }
}

#[test]
fn a_suspended_run_holds_nothing_and_comes_to_the_same_end() {
    let undisturbed = walked(&[]);
    let mut held = 0;
    for number in 0..undisturbed.effects {
        let disturbances = &[Disturbance::SuspendedBefore(number)];
        let run = walked(disturbances);
        held += run.world.seconds_held;
        assert_same_end(&run, &undisturbed, disturbances);
    }
    assert!(held > 60, "no run was ever held");
}

#[test]
fn a_backlog_that_nobody_notices_is_nudged_drained_and_what_it_made_is_deleted() {
    let run = walk(&backlog(), World::new(), &[]);
    let status = run.world.stored();
    assert_left_as_found(&run, &[]);
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    for result in &status.results {
        let nudged = "nudged once: the workers were online and started nothing for 10 s";
        assert_eq!(result.observations, [nudged]);
    }
    // Ten tasks of a second each take two workers five seconds, one more for what they are nudged with.
    assert_eq!(status.results[0].tasks_per_second.as_deref(), Some("2.000"));
}

#[test]
fn a_backlog_whose_operator_is_killed_at_any_point_comes_to_the_same_end() {
    let undisturbed = walk(&backlog(), World::new(), &[]);
    for number in 0..undisturbed.effects {
        let disturbances = &[Disturbance::KilledBefore(number)];
        let run = walk(&backlog(), World::new(), disturbances);
        assert_left_as_found(&run, disturbances);
        let figures = |walked: &Walked| -> Vec<_> {
            let results = results(walked).into_iter();
            results.map(|result| (result.cell, result.verdict, result.tasks_completed)).collect()
        };
        assert_eq!(figures(&run), figures(&undisturbed), "{disturbances:?}");
    }
}

#[test]
fn a_backlog_that_is_deleted_or_loses_its_generators_leaves_everything_as_found() {
    for number in 0..walk(&backlog(), World::new(), &[]).effects {
        for disturbance in [Disturbance::DeletedBefore(number), Disturbance::GeneratorLostBefore(number)] {
            assert_left_as_found(&walk(&backlog(), World::new(), &[disturbance]), &[disturbance]);
        }
    }
}

#[test]
fn an_action_that_is_refused_for_good_at_any_point_ends_its_stage_and_leaves_everything_as_found() {
    for plan in [hasty(four_cells()), hasty(backlog())] {
        for number in 0..walk(&plan, World::new(), &[]).effects {
            let disturbances = &[Disturbance::RefusedFrom(number)];
            let run = walk(&plan, World::new(), disturbances);
            assert_put_back(&run, disturbances);
            let status = run.world.stored();
            assert!(status.verdict.is_some(), "{disturbances:?}: {status:#?}");
        }
    }
}

#[test]
fn a_test_whose_report_is_refused_can_be_aborted() {
    let plan = hasty(four_cells());
    let undisturbed = walk(&plan, World::new(), &[]);
    let writes = undisturbed.reports_at.first().copied().unwrap();
    let refused = Disturbance::RefusedFrom(writes);
    let left_alone = walk(&plan, World::new(), &[refused]);
    let aborted = walk(&plan, World::new(), &[refused, Disturbance::AbortedBefore(writes + 4)]);
    assert_put_back(&aborted, &[refused]);
    assert_eq!(aborted.world.stored().verdict, Some(Verdict::Aborted));
    assert!(aborted.world.now() < left_alone.world.now(), "the deadline was waited for");
    let result = &aborted.world.stored().results[0];
    assert_eq!((result.verdict, result.tasks_completed), (Verdict::Passed, Some(10)));
    assert_eq!(
        result.observations,
        [
            "the details of this cell are not in the report, since they could not be written: refused by a webhook"
        ]
    );
}

#[test]
fn scheduled_tasks_are_judged_by_the_workers_time_that_they_took() {
    // A task takes a second, and the cell has ten.
    let plan = |bound: &str| {
        let matrix = json!([{"name": "workers", "of": "Scale", "values": [4]}]);
        plan_with(&matrix, &json!({"tasks": 10, "maxForeignWorkPercent": bound}))
    };
    let little = "1 task not of this run took 1.0 s of worker time, 9.091 %: domain_metrics.count";
    let much = "2 tasks not of this run took 2.0 s of worker time, 16.667 %, more than maxForeignWorkPercent (10): \
                domain_metrics.count";
    for (scheduled, verdict, message, observations) in
        [(1, Verdict::Passed, None, vec![little]), (2, Verdict::Invalid, Some(much), vec![])]
    {
        let mut world = World::new();
        world.scheduled = scheduled;
        let run = walk(&plan("10"), world, &[]);
        assert_left_as_found(&run, &[]);
        let result = &run.world.stored().results[0];
        assert_eq!((result.verdict, result.message.as_deref()), (verdict, message), "{scheduled}");
        assert_eq!(result.observations, observations, "{scheduled}");
        assert_eq!(result.tasks_completed, Some(10));
    }
}
