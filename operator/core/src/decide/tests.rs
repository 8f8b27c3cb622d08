//! One test a rule: what is decided at each stage.

mod backlog;
mod cancel;
mod claim;
mod cleanup;
mod collect;
mod controls;
mod generators;
mod load;
mod prepare;
mod queue;
mod settle;
mod verdict;
mod withdrawn;

use throughput_crds::{Stage, ThroughputTestStatus};

use super::fixture::{
    STAGES, active, at, collected, decided, facts, generators, observed, place, plan, present, status_at,
    targets,
};
use super::{Action, decide};
use crate::observed::Observed;
use crate::target::Holder;

/// What happens outside does not make an operator act out of its turn: with everything there is to see at
/// once, each stage acts only as it may.
#[test]
fn each_action_belongs_to_its_stages() {
    let everything = Observed {
        generators: generators(active(), 0, Vec::new()),
        targets: targets([present(1, Holder::This), present(1, Holder::This)]),
        ..collected()
    };
    let acted: Vec<(Stage, Vec<&str>)> = STAGES
        .into_iter()
        .map(|stage| {
            (stage, decided(&status_at(0, stage), &everything, 1).actions.iter().map(name).collect())
        })
        .collect();
    assert_eq!(
        acted,
        [
            (Stage::AwaitingTargets, vec![]),
            (Stage::Queued, vec![]),
            (Stage::Claiming, vec![]),
            (Stage::Suspended, vec!["Restore"]),
            (Stage::EmptyingQueue, vec![]),
            (Stage::ScalingDown, vec!["Scale", "Scale"]),
            (Stage::ScalingWorkers, vec!["Scale", "Scale"]),
            (Stage::StartingGenerators, vec!["StartGenerators"]),
            (Stage::Dispatching, vec![]),
            (Stage::AwaitingFirstTask, vec![]),
            (Stage::Draining, vec![]),
            (Stage::CancelingTasks, vec!["DeleteGenerators", "CancelTasks"]),
            (Stage::CleaningUp, vec!["DeleteCreated"]),
            (Stage::Settling, vec![]),
            (Stage::Collecting, vec!["WriteReport", "DeleteGenerators"]),
            (Stage::Restoring, vec!["Restore", "DeleteGenerators"]),
        ]
    );
}

fn name(action: &Action) -> &'static str {
    match action {
        Action::AddFinalizer => "AddFinalizer",
        Action::Claim { .. } => "Claim",
        Action::Scale { .. } => "Scale",
        Action::StartGenerators(_) => "StartGenerators",
        Action::DeleteGenerators { .. } => "DeleteGenerators",
        Action::CancelTasks { .. } => "CancelTasks",
        Action::Nudge { .. } => "Nudge",
        Action::DeleteCreated { .. } => "DeleteCreated",
        Action::WriteReport { .. } => "WriteReport",
        Action::Restore => "Restore",
        Action::DeleteTest => "DeleteTest",
    }
}

#[test]
fn a_restarted_operator_decides_the_same_from_the_stored_status() {
    let done = collected();
    for stage in STAGES {
        for observed in [&observed(), &done] {
            let status = status_at(0, stage);
            let stored: ThroughputTestStatus =
                serde_json::from_str(&serde_json::to_string(&status).unwrap()).unwrap();
            assert_eq!(stored, status, "{stage:?}");
            assert_eq!(decided(&stored, observed, 7), decided(&status, observed, 7), "{stage:?}");
        }
    }
}

#[test]
fn looking_again_a_moment_later_changes_nothing_in_the_status() {
    for stage in STAGES {
        let once = decided(&status_at(0, stage), &observed(), 1);
        if place(&once) == Some((0, stage)) {
            assert_eq!(decided(&once.status, &observed(), 2), once, "{stage:?}");
        }
    }
}

#[test]
fn a_status_with_a_cell_that_there_is_not_leads_to_the_end_and_not_round_in_a_circle() {
    let mut status = status_at(0, Stage::Draining);
    status.current.as_mut().unwrap().cell = 7;
    let restoring = decided(&status, &observed(), 1);
    assert_eq!((place(&restoring), restoring.release), (Some((0, Stage::Restoring)), false));
    let put_back = Observed { claims: Vec::new(), ..observed() };
    let finished = decide(&facts(), &Ok(plan()), &restoring.status, &put_back, at(2));
    assert_eq!((place(&finished), finished.release), (None, true));
}
