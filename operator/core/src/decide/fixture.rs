//! A plan of two cells, a status at any stage of them, and a world in which all is well.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "this is test code: it stops at the first surprise. Not expected, since lints see less of it as a test"
)]

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use throughput_crds::{ConditionStatus, ConditionType, Stage, ThroughputTestStatus};
use throughput_model::cell::CellAddress;
use throughput_model::figures::TaskFigures;
use throughput_model::foreign::ForeignTasks;
use throughput_model::generator::{GeneratorResult, RESULT_VERSION, RequestFigures, StopReason};
use throughput_model::pulp_load::PulpLoad;
use throughput_model::task::{TaskRecord, TaskState};

use super::{Decision, Draft, TestFacts, decide};
use crate::kinds::pulp_tasks::observed::{Counts, OwnTasks, Pulp, PulpSeen, Remains};
use crate::observed::{Controls, Credentials, Generators, Job, Observed, Sources, Target};
use crate::plan::Plan;
use crate::plan::permissions::Permissions;
use crate::plan::rejection::Rejection;
use crate::queue::Line;
use crate::reason::{Reason, Why};
use crate::source_catalog::fixture::OneSource;
use crate::target::TargetName;
use crate::target::{Claimed, Holder};

/// The Deployments of the plan, with their replicas before the run.
pub const AS_FOUND: [(&str, u32); 2] = [("pulp-worker", 2), ("pulp-content", 3)];

/// The identity of the test.
pub fn facts() -> TestFacts {
    TestFacts {
        namespace: "pulp".to_owned(),
        name: "small".to_owned(),
        uid: "3f1c".to_owned(),
        generation: Some(1),
    }
}

/// The first attempt at this cell.
pub fn address(cell: u32) -> CellAddress {
    CellAddress { test_uid: facts().uid, cell, attempt: 1 }
}

/// Two cells, with 2 and with 4 workers; the content app is left as it is found.
pub fn plan() -> Plan {
    plan_of(&json!([{"name": "workers", "of": "Scale", "values": [2, 4]}]))
}

/// A plan with this matrix, each of whose cells dispatches 10 tasks.
pub fn plan_of(matrix: &Value) -> Plan {
    plan_with(matrix, &json!({"tasks": 10}))
}

/// The same two cells as in [`plan`], each of which drains a backlog, and then deletes what its tasks made.
pub fn backlog() -> Plan {
    plan_with(
        &json!([{"name": "workers", "of": "Scale", "values": [2, 4]}]),
        &json!({"tasks": 10, "procedure": "Backlog", "cleanup": "Created"}),
    )
}

/// A plan with this matrix and these tasks.
pub fn plan_with(matrix: &Value, pulp_tasks: &Value) -> Plan {
    planned(spec(matrix, pulp_tasks))
}

/// Two repeats of a cell, which have to reach this.
pub fn plan_of_repeats(criteria: Value) -> Plan {
    let mut spec = spec(&json!([]), &json!({"tasks": 10}));
    spec["repeat"] = json!(2);
    spec["criteria"] = criteria;
    planned(spec)
}

fn planned(spec: Value) -> Plan {
    Plan::new("pulp", &serde_json::from_value(spec).unwrap(), &Permissions::default(), &OneSource).unwrap()
}

fn spec(matrix: &Value, pulp_tasks: &Value) -> Value {
    json!({
        "targets": [{"name": "pulp", "service": {"name": "pulp-api", "port": 24817}, "credentials": {"method": "None"}, "pulp": {}}],
        "scale": [
            {"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pulp-worker"}},
            {"name": "content", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pulp-content"}},
        ],
        "matrix": matrix,
        "workload": {"pulpTasks": pulp_tasks},
        "criteria": [{"metric": "tasks.successRatio", "atLeast": "1"}],
        "timeouts": {"start": "15m", "scale": "10m", "generatorStart": "5m", "dispatch": "30m", "drain": "2h"},
    })
}

/// So many seconds after the current stage began.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// A status whose current cell entered this stage at second 0.
pub fn status_at(cell: usize, stage: Stage) -> ThroughputTestStatus {
    let (facts, plan) = (facts(), plan());
    let mut draft = Draft::new(&facts, &ThroughputTestStatus::default(), at(0));
    draft.accept(&plan);
    draft.begin_cell(&plan.cells[cell], stage);
    draft.decided().status
}

/// All is there and claimed, the workers of the first cell are online, the queue is empty.
pub fn observed() -> Observed {
    Observed {
        deleting: false,
        controls: Controls::default(),
        has_finalizer: true,
        targets: targets([present(2, Holder::This), present(3, Holder::This)]),
        line: Line::First,
        claims: claims(),
        objects_refused: None,
        credentials: Credentials::Ready,
        pulp: counts(Some(OwnTasks { submitted: 0, unfinished: 0 }), 2),
        generators: Generators::default(),
        sources: Sources::None,
        report: None,
    }
}

/// All is there, and nothing has been done for the test.
pub fn untouched() -> Observed {
    Observed {
        has_finalizer: false,
        targets: targets([present(2, Holder::Nobody), present(3, Holder::Nobody)]),
        claims: Vec::new(),
        ..observed()
    }
}

/// A cell whose ten tasks have completed and were read.
pub fn collected() -> Observed {
    let generators = generators(Job::Complete, 1, vec![delivered(10)]);
    read(completed(10), Observed { generators, ..observed() })
}

/// The same, with these tasks of the cell's read.
pub fn read(tasks: Vec<TaskRecord>, observed: Observed) -> Observed {
    let remains = Some(Remains { tasks, foreign: ForeignTasks::Read(Vec::new()) });
    Observed { pulp: PulpSeen { remains, ..observed.pulp }, ..observed }
}

/// The Deployments of the plan, in the order of [`AS_FOUND`], as they were seen.
pub fn targets(seen: [Target; 2]) -> BTreeMap<TargetName, Target> {
    AS_FOUND.map(|(deployment, _)| TargetName::deployment(deployment)).into_iter().zip(seen).collect()
}

/// A Deployment whose replicas are all ready.
pub fn present(replicas: u32, holder: Holder) -> Target {
    Target::Present { replicas, ready: replicas, holder, agreed: true }
}

/// The claims on all Deployments of the plan.
pub fn claims() -> Vec<Claimed> {
    AS_FOUND.map(|(deployment, replicas)| claim(deployment, replicas)).into()
}

/// The claim of the test on this Deployment, which had so many replicas.
pub fn claim(deployment: &str, replicas: u32) -> Claimed {
    Claimed { target: TargetName::deployment(deployment), replicas, through: None }
}

/// What Pulp counts when no task of others is unfinished.
pub fn counts(own: Option<OwnTasks>, workers_online: u32) -> PulpSeen {
    let unfinished = Some(own.map_or(0, |own| own.unfinished));
    let workers_online = Some(workers_online);
    Pulp::Answering(Counts { unfinished, own, workers_online, ..Counts::default() }).into()
}

/// A Pulp that cannot be reached.
pub fn unreachable() -> PulpSeen {
    Pulp::Unavailable(Why::new(Reason::PulpUnreachable, "connection refused")).into()
}

/// Generators whose Job is at this point.
pub fn generators(job: Job, registered: u32, results: Vec<GeneratorResult>) -> Generators {
    Generators { job, registered, results }
}

/// A Job that has not ended, and whose pods are well.
pub fn active() -> Job {
    Job::Active { trouble: None }
}

/// What a generator delivers that dispatched so many tasks, each by a request of its own.
pub fn delivered(tasks: u64) -> GeneratorResult {
    let requests = RequestFigures { sent: tasks, succeeded: tasks, ..RequestFigures::default() };
    let load = PulpLoad { requests, tasks_dispatched: tasks, largest_yield: 1 };
    GeneratorResult {
        version: RESULT_VERSION,
        pod_name: "generator-0".to_owned(),
        pod_uid: "uid-of-generator-0".to_owned(),
        started_at: at(0),
        finished_at: at(10),
        elapsed_microseconds: 10_000_000,
        stopped: StopReason::AllTasksDispatched,
        counts: load.counts(),
        histograms: load.histograms(),
        failures: load.requests.failures,
        start: None,
        work: None,
    }
}

/// So many tasks that completed: each waited for a second and took a second, one after the other.
pub fn completed(tasks: i64) -> Vec<TaskRecord> {
    (0..tasks)
        .map(|number| TaskRecord {
            pulp_created: at(number),
            unblocked_at: None,
            started_at: Some(at(number + 1)),
            finished_at: Some(at(number + 2)),
            state: TaskState::Completed,
            error_description: None,
        })
        .collect()
}

/// The figures of no tasks at all.
pub fn no_figures() -> TaskFigures {
    TaskFigures::of(&[])
}

/// Decides about this status so many seconds after its stage began.
pub fn decided(status: &ThroughputTestStatus, observed: &Observed, seconds: i64) -> Decision {
    decide(&facts(), &Ok(plan()), status, observed, at(seconds))
}

/// Decides about a spec that was rejected.
pub fn decided_on_rejection(status: &ThroughputTestStatus, observed: &Observed) -> Decision {
    decide(&facts(), &Err(Rejection::NoWorkers), status, observed, at(1))
}

/// The cell and the stage that a decision leads to.
pub fn place(decision: &Decision) -> Option<(u32, Stage)> {
    decision.status.current.as_ref().map(|current| (current.cell, current.stage))
}

/// A condition as a decision leaves it.
pub fn condition(decision: &Decision, type_: ConditionType) -> (ConditionStatus, &str, &str) {
    let condition = decision.status.conditions.iter().find(|condition| condition.type_ == type_).unwrap();
    (condition.status, &condition.reason, &condition.message)
}

/// Why the current cell cannot be finished, in one word.
pub fn failure(decision: &Decision) -> Option<&str> {
    decision.status.current.as_ref()?.progress.failure_reason.as_deref()
}

/// The reasons of the events, `!` before those that somebody should look at.
pub fn events(decision: &Decision) -> Vec<String> {
    let mark = |warning: bool| if warning { "!" } else { "" };
    decision.events.iter().map(|event| format!("{}{}", mark(event.warning), event.reason)).collect()
}

/// All stages, in their order.
pub const STAGES: [Stage; 16] = [
    Stage::AwaitingTargets,
    Stage::Queued,
    Stage::Claiming,
    Stage::Suspended,
    Stage::EmptyingQueue,
    Stage::ScalingDown,
    Stage::ScalingWorkers,
    Stage::StartingGenerators,
    Stage::Dispatching,
    Stage::AwaitingFirstTask,
    Stage::Draining,
    Stage::CancelingTasks,
    Stage::CleaningUp,
    Stage::Settling,
    Stage::Collecting,
    Stage::Restoring,
];
