//! The chaos campaign's table: `make chaos`, or `make chaos ROWS='a word'` for the rows whose names contain it.

use std::process::ExitCode;

use throughput_chaos_tests::{Daemon, Expected, Fault, Load, Row, run};
use throughput_crds::Stage;

const SUSTAINED: [Stage; 9] = [
    Stage::AwaitingTargets,
    Stage::Claiming,
    Stage::EmptyingQueue,
    Stage::ScalingWorkers,
    Stage::StartingGenerators,
    Stage::Dispatching,
    Stage::Draining,
    Stage::Collecting,
    Stage::Restoring,
];

const BACKLOG: [Stage; 12] = [
    Stage::AwaitingTargets,
    Stage::Claiming,
    Stage::EmptyingQueue,
    Stage::ScalingDown,
    Stage::StartingGenerators,
    Stage::Dispatching,
    Stage::ScalingWorkers,
    Stage::AwaitingFirstTask,
    Stage::Draining,
    Stage::CleaningUp,
    Stage::Collecting,
    Stage::Restoring,
];

/// Stages in which what is done is felt at once.
const WORKING: [Stage; 4] =
    [Stage::ScalingWorkers, Stage::StartingGenerators, Stage::Dispatching, Stage::Draining];

const COMPLETES: &[Expected] = &[Expected::Completes];
const GOES: &[Expected] = &[Expected::Goes];
const NEVER_DRAINED: &[Expected] = &[Expected::Ends("DrainDeadlineExceeded")];
const GENERATOR_LOST: &[Expected] = &[Expected::Ends("GeneratorFailed")];
/// Requests that a process was answering dispatch in part, and tasks that it took with it fail. Or they stay: a worker
/// that is started again in the same pod has the name of the one before, Pulp takes it for that, and nobody ends what
/// it had begun until the pod goes.
const TASKS_LOST: &[Expected] = &[
    Expected::Completes,
    Expected::Ends("CriterionNotMet"),
    Expected::Ends("DispatchIncomplete"),
    Expected::Ends("DrainDeadlineExceeded"),
    Expected::Ends("TasksNotCanceled"),
];

fn row(fault: Fault, load: Load, at: Stage, expected: &'static [Expected]) -> Row {
    Row { fault, load, at, expected, short: false }
}

/// A row that the short campaign has too.
fn short(row: Row) -> Row {
    Row { short: true, ..row }
}

fn sustained(fault: Fault, at: Stage, expected: &'static [Expected]) -> Row {
    row(fault, Load::Sustained, at, expected)
}

fn backlog(fault: Fault, at: Stage, expected: &'static [Expected]) -> Row {
    row(fault, Load::Backlog, at, expected)
}

fn canceling(fault: Fault, expected: &'static [Expected]) -> Row {
    row(fault, Load::NeverDrains, Stage::CancelingTasks, expected)
}

fn rows() -> Vec<Row> {
    [of_the_operator(), of_its_ground(), of_pulp(), of_generators(), of_people()].concat()
}

/// The operator, at every stage.
fn of_the_operator() -> Vec<Row> {
    let mut rows = SUSTAINED.map(|at| sustained(Fault::KillOperator, at, COMPLETES)).to_vec();
    rows.push(canceling(Fault::KillOperator, NEVER_DRAINED));
    rows.extend(BACKLOG.map(|at| backlog(Fault::KillOperator, at, COMPLETES)));
    rows.extend(WORKING.map(|at| sustained(Fault::KillOperatorTwice, at, COMPLETES)));
    rows.push(short(sustained(Fault::KillOperatorTwice, Stage::Restoring, COMPLETES)));
    rows.push(short(sustained(Fault::TwoOperators, Stage::Dispatching, COMPLETES)));
    rows.push(sustained(Fault::TwoOperators, Stage::ScalingWorkers, COMPLETES));
    rows.push(short(sustained(Fault::Uninstall, Stage::Dispatching, &[Expected::Over("Uninstalled")])));
    rows
}

/// What the operator stands on.
fn of_its_ground() -> Vec<Row> {
    let mut rows = Vec::new();
    for daemon in [Daemon::ApiServer, Daemon::Etcd] {
        rows.extend(WORKING.map(|at| sustained(Fault::Restart(daemon), at, COMPLETES)));
        rows.push(sustained(Fault::Restart(daemon), Stage::Restoring, COMPLETES));
    }
    rows.push(short(backlog(Fault::Restart(Daemon::ApiServer), Stage::AwaitingFirstTask, COMPLETES)));
    rows
}

/// The system under test.
fn of_pulp() -> Vec<Row> {
    let mut rows = Vec::new();
    for at in
        [Stage::EmptyingQueue, Stage::ScalingWorkers, Stage::Dispatching, Stage::Draining, Stage::Collecting]
    {
        rows.push(sustained(Fault::KillApi, at, TASKS_LOST));
    }
    rows.push(canceling(Fault::KillApi, NEVER_DRAINED));
    for fault in [Fault::KillWorker, Fault::KillPostgres] {
        rows.extend(WORKING.map(|at| sustained(fault, at, TASKS_LOST)));
    }
    for at in [Stage::Dispatching, Stage::AwaitingFirstTask, Stage::CleaningUp] {
        rows.push(backlog(Fault::KillApi, at, TASKS_LOST));
    }
    rows.push(backlog(Fault::KillWorker, Stage::Draining, TASKS_LOST));
    rows.push(backlog(Fault::KillPostgres, Stage::Dispatching, TASKS_LOST));
    rows
}

fn of_generators() -> Vec<Row> {
    let mut rows = Vec::new();
    for at in [Stage::StartingGenerators, Stage::Dispatching] {
        rows.push(sustained(Fault::DeleteGenerator, at, GENERATOR_LOST));
        rows.push(sustained(Fault::KillGenerator, at, GENERATOR_LOST));
    }
    rows.push(backlog(Fault::KillGenerator, Stage::Dispatching, GENERATOR_LOST));
    let out_of_memory = &[Expected::EndsSaying("GeneratorFailed", "OOMKilled")];
    rows.push(sustained(Fault::GeneratorOutOfMemory, Stage::Dispatching, out_of_memory));
    // Told to end, it delivers what it has.
    let evicted = &[Expected::Ends("DispatchIncomplete"), Expected::Ends("GeneratorFailed")];
    rows.push(sustained(Fault::EvictGenerator, Stage::Dispatching, evicted));
    rows.push(sustained(
        Fault::GeneratorWithoutImage,
        Stage::StartingGenerators,
        &[Expected::Ends("GeneratorNotReady")],
    ));
    rows
}

fn of_people() -> Vec<Row> {
    let mut rows = SUSTAINED.map(|at| sustained(Fault::DeleteTest, at, GOES)).to_vec();
    rows.push(short(canceling(Fault::DeleteTest, GOES)));
    for at in
        [Stage::ScalingDown, Stage::Dispatching, Stage::ScalingWorkers, Stage::Draining, Stage::CleaningUp]
    {
        rows.push(backlog(Fault::DeleteTest, at, GOES));
    }
    rows.push(sustained(Fault::RemoveFinalizer, Stage::Draining, GOES));
    rows.push(short(sustained(Fault::DeleteNamespace, Stage::Dispatching, GOES)));
    rows.extend(WORKING.map(|at| sustained(Fault::DeleteTestAndKillOperator, at, GOES)));
    let by_hand = &[Expected::Ends("FiguresNotTrusted")];
    rows.push(sustained(Fault::ScaleByHand, Stage::ScalingWorkers, COMPLETES));
    rows.push(short(sustained(Fault::ScaleByHand, Stage::Draining, by_hand)));
    rows.push(sustained(Fault::DeleteClaim, Stage::Dispatching, COMPLETES));
    rows.push(sustained(
        Fault::DeleteTarget,
        Stage::Draining,
        &[Expected::Ends("TasksNotCanceled"), Expected::Ends("TargetGone")],
    ));
    rows.push(sustained(Fault::TwoTests, Stage::ScalingWorkers, COMPLETES));
    rows.push(row(Fault::OppositeOrder, Load::TwoTargets, Stage::AwaitingTargets, COMPLETES));
    rows
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(&rows(), std::env::args().skip(1)).await
}
