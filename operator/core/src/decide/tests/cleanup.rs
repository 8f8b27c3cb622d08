//! Deleting what the tasks made.

use throughput_crds::{CleanupProgress, Stage, StageEntry, ThroughputTestStatus};

use crate::decide::fixture::{
    at, backlog, counts, decided as decided_without_cleanup, events, facts, observed, place, status_at,
};
use crate::decide::{Action, Decision, decide};
use crate::kinds::pulp_tasks::observed::{Counts, Deletions, OwnTasks, Pulp};
use crate::observed::Observed;

fn decided(status: &ThroughputTestStatus, observed: &Observed, seconds: i64) -> Decision {
    decide(&facts(), &Ok(backlog()), status, observed, at(seconds))
}

fn drained() -> (ThroughputTestStatus, Observed) {
    let mut status = status_at(0, Stage::Draining);
    let dispatching = StageEntry { stage: Stage::Dispatching, since: at(0) };
    status.current.as_mut().unwrap().timeline.insert(0, dispatching);
    (status, Observed { pulp: counts(Some(OwnTasks { submitted: 10, unfinished: 0 }), 2), ..observed() })
}

/// Ten resources, of which so many were asked to be deleted, and this many deletions that have not ended.
fn cleaning(asked: u64, unfinished: u64, failed: u64) -> (ThroughputTestStatus, Observed) {
    let mut status = status_at(0, Stage::CleaningUp);
    let cleanup = CleanupProgress { created: 10, asked, done: asked == 10, ..CleanupProgress::default() };
    status.current.as_mut().unwrap().progress.cleanup = Some(cleanup);
    let deletions = Some(Deletions { unfinished, failed });
    (
        status,
        Observed { pulp: Pulp::Answering(Counts { deletions, ..Counts::default() }).into(), ..observed() },
    )
}

#[test]
fn what_the_tasks_made_is_deleted_only_where_it_is_asked_for() {
    let (status, observed) = drained();
    assert_eq!(place(&decided(&status, &observed, 1)), Some((0, Stage::CleaningUp)));
    assert_eq!(place(&decided_without_cleanup(&status, &observed, 1)), Some((0, Stage::Collecting)));
}

#[test]
fn deleting_goes_on_from_where_it_was() {
    let (status, observed) = cleaning(4, 3, 0);
    let decision = decided(&status, &observed, 1);
    let [Action::DeleteCreated { progress, .. }] = decision.actions.as_slice() else {
        panic!("{:?}", decision.actions)
    };
    assert_eq!((progress.created, progress.asked), (10, 4));
}

#[test]
fn the_cell_goes_on_when_the_last_deletion_has_ended_and_what_failed_is_left() {
    let (status, observed) = cleaning(10, 1, 0);
    let decision = decided(&status, &observed, 1);
    assert_eq!((place(&decision), decision.actions), (Some((0, Stage::CleaningUp)), vec![]));
    let (status, observed) = cleaning(10, 0, 2);
    let decision = decided(&status, &observed, 1);
    assert_eq!(place(&decision), Some((0, Stage::Collecting)));
    assert_eq!(decision.status.current.unwrap().progress.cleanup.unwrap().left, 2);
}

#[test]
fn what_cannot_be_deleted_in_time_stays_and_is_told_of() {
    let (status, observed) = cleaning(4, 0, 0);
    let decision = decided(&status, &observed, 2_701);
    assert_eq!(
        (place(&decision), events(&decision)),
        (Some((0, Stage::Collecting)), vec!["!NotCleanedUp".to_owned()])
    );
}
