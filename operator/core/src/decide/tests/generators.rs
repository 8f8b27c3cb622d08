//! Starting the load generators of a cell.

use throughput_crds::{ConditionType, Stage};

use crate::decide::Action;
use crate::decide::fixture::{
    active, address, condition, decided, delivered, failure, generators, observed, place, plan, status_at,
};
use crate::observed::{Job, Observed};

#[test]
fn generators_are_made_until_all_are_ready() {
    let address = address(0);
    let plan = plan();
    let order = Box::new(plan.order(&plan.cells[0], &address));
    let waiting = Job::Active { trouble: Some("ErrImagePull: no such image".to_owned()) };
    for (job, message) in [
        (Job::Absent, "0 of 1 load generator is ready"),
        (waiting, "0 of 1 load generator is ready, ErrImagePull: no such image"),
    ] {
        let observed = Observed { generators: generators(job, 0, Vec::new()), ..observed() };
        let decision = decided(&status_at(0, Stage::StartingGenerators), &observed, 300);
        assert_eq!(decision.actions, [Action::StartGenerators(order.clone())]);
        assert_eq!(condition(&decision, ConditionType::Running).2, message);
        assert_eq!(place(&decision), Some((0, Stage::StartingGenerators)));
    }
}

#[test]
fn generators_that_are_all_ready_dispatch() {
    let observed = Observed { generators: generators(active(), 1, Vec::new()), ..observed() };
    let decision = decided(&status_at(0, Stage::StartingGenerators), &observed, 1);
    assert_eq!((place(&decision), decision.actions), (Some((0, Stage::Dispatching)), vec![]));
}

#[test]
fn generators_that_do_not_become_ready_fail_the_cell() {
    let failed = || Job::Failed { message: "OOMKilled".to_owned() };
    for (job, seconds, reason) in [
        (failed(), 1, "GeneratorFailed"),
        (Job::Complete, 1, "GeneratorFailed"),
        (active(), 301, "GeneratorNotReady"),
        (Job::Absent, 301, "GeneratorNotReady"),
    ] {
        let observed = Observed { generators: generators(job, 0, Vec::new()), ..observed() };
        let decision = decided(&status_at(0, Stage::StartingGenerators), &observed, seconds);
        assert_eq!((place(&decision), failure(&decision)), (Some((0, Stage::Collecting)), Some(reason)));
        assert_eq!(decision.actions, []);
    }
    // Both at once: the Job is looked at again in the next stage.
    let observed = Observed { generators: generators(failed(), 1, vec![delivered(10)]), ..observed() };
    assert_eq!(
        place(&decided(&status_at(0, Stage::StartingGenerators), &observed, 1)),
        Some((0, Stage::Dispatching))
    );
}
