//! The world: two Deployments, a Pulp, and the load generators of the current cell.

mod load;
mod seen;

use std::collections::BTreeMap;

use jiff::Timestamp;
use throughput_crds::{CleanupProgress, Stage, ThroughputTestStatus};
use throughput_model::cell::CellAddress;
use throughput_model::task::{TaskRecord, TaskState};
use throughput_report::data::TestReport;
use uuid::Uuid;

use super::Effect;
use crate::decide::Action;
use crate::decide::fixture::{AS_FOUND, at, claim};
use crate::observed::{Controls, Generators, Job};
use crate::plan::Plan;
use crate::queue::Line;
use crate::target::Claimed;

/// How long another test takes once nobody holds what it waits for, in seconds.
const OTHERS_RUN: i64 = 60;
#[derive(Clone, Debug)]
pub(super) struct World {
    seconds: i64,
    /// Somebody deleted the test.
    pub(super) deleting: bool,
    /// What people ask of the run.
    pub(super) controls: Controls,
    /// Where the test is in the queue, as the operator knows.
    pub(super) line: Line,
    /// The holder of each Deployment that a test of another world has claimed.
    pub(super) held_by: BTreeMap<String, String>,
    /// So many tasks Pulp's own schedule dispatches in each cell, right after the cell's first ones.
    pub(super) scheduled: u32,
    /// Until when it is suspended.
    suspended_until: i64,
    /// Tasks were dispatched while no worker was online, and none was dispatched since one is: nobody notices them.
    overslept: bool,
    /// How many seconds the run was suspended and claimed nothing.
    pub(super) seconds_held: u32,
    /// What an action of this look found that belongs into the status.
    cleanup: Option<CleanupProgress>,
    has_finalizer: bool,
    /// The status as the API server stores it.
    status: ThroughputTestStatus,
    /// Every status that was stored, in order.
    pub(super) published: Vec<ThroughputTestStatus>,
    report: Option<TestReport>,
    deployments: BTreeMap<&'static str, Deployment>,
    tasks: Vec<Task>,
    workers_online: u32,
    job: Option<RunningJob>,
    /// What generators have stored, by cell.
    stored_results: BTreeMap<u32, Generators>,
}

#[derive(Clone, Debug)]
struct Deployment {
    replicas: u32,
    ready: u32,
    claim: Option<Claimed>,
    /// Until when another test holds it.
    another_until: i64,
}

#[derive(Clone, Debug)]
struct Task {
    correlation_id: Uuid,
    record: TaskRecord,
}

#[derive(Clone, Debug)]
struct RunningJob {
    address: CellAddress,
    wanted: u64,
    finished: u64,
    /// Whether it sends tasks; else it counts a second each second.
    sends_tasks: bool,
    state: Job,
}

impl World {
    /// Nothing has been done for the test, and three tasks of somebody else are in the queue.
    pub(super) fn new() -> Self {
        let deployments = AS_FOUND.map(|(name, replicas)| {
            (name, Deployment { replicas, ready: replicas, claim: None, another_until: 0 })
        });
        let mut world = Self {
            seconds: 0,
            deleting: false,
            controls: Controls::default(),
            line: Line::First,
            held_by: BTreeMap::new(),
            scheduled: 0,
            suspended_until: 0,
            overslept: false,
            seconds_held: 0,
            cleanup: None,
            has_finalizer: false,
            status: ThroughputTestStatus::default(),
            published: Vec::new(),
            report: None,
            deployments: deployments.into(),
            tasks: Vec::new(),
            workers_online: 2,
            job: None,
            stored_results: BTreeMap::new(),
        };
        (0..3).for_each(|_| world.dispatch(Uuid::nil()));
        world
    }

    pub(super) fn now(&self) -> Timestamp {
        at(self.seconds)
    }

    pub(super) fn stored(&self) -> &ThroughputTestStatus {
        &self.status
    }

    /// The run has ended, or the test is gone.
    pub(super) fn is_over(&self) -> bool {
        !self.has_finalizer && (self.deleting || self.status.verdict.is_some())
    }

    /// The Deployments that the test has claimed.
    pub(super) fn claimed(&self) -> Vec<String> {
        let claimed = self.deployments.iter().filter(|(_, deployment)| deployment.claim.is_some());
        claimed.map(|(name, _)| (*name).to_owned()).collect()
    }

    /// Every Deployment with its replicas.
    pub(super) fn replicas(&self) -> Vec<(&'static str, u32)> {
        self.deployments.iter().map(|(name, deployment)| (*name, deployment.replicas)).collect()
    }

    pub(super) fn has_job(&self) -> bool {
        self.job.is_some()
    }

    /// Tasks of the run's own that have not ended.
    pub(super) fn own_unfinished(&self) -> u64 {
        let own: Vec<&Task> = self.tasks.iter().filter(|task| !task.correlation_id.is_nil()).collect();
        count_unfinished(&own)
    }

    /// The report as it is stored.
    pub(super) fn report(&self) -> Option<&TestReport> {
        self.report.as_ref()
    }

    /// The cells that the report holds.
    pub(super) fn reported_cells(&self) -> Vec<u32> {
        self.report.iter().flat_map(|report| &report.cells).map(|cell| cell.cell).collect()
    }

    pub(super) fn let_another_test_claim(&mut self) {
        let until = self.seconds + OTHERS_RUN;
        let content = self.deployments.get_mut("pulp-content").unwrap();
        if content.claim.is_none() {
            content.another_until = until;
        }
    }

    pub(super) fn suspend_for_a_minute(&mut self) {
        self.controls.suspend = true;
        self.suspended_until = self.seconds + 60;
    }

    /// An operator that looks anew knows nothing of what an earlier look found.
    pub(super) fn begin_look(&mut self) {
        self.cleanup = None;
    }

    pub(super) fn lose_generators(&mut self) {
        if let Some(job) = &mut self.job {
            job.state = Job::Failed { message: "the node is gone".to_owned() };
        }
    }

    /// Tasks of anybody that have not ended.
    pub(super) fn unfinished(&self) -> u64 {
        count_unfinished(&self.tasks.iter().collect::<Vec<_>>())
    }

    /// Does it; `false` when the operator cannot go on with this look.
    pub(super) fn carry_out(&mut self, plan: &Plan, effect: Effect) -> bool {
        match effect {
            Effect::Act(action) => self.act(plan, action),
            Effect::Claim(name) => return self.claim(&name),
            Effect::PutBack(name) => {
                let deployment = self.deployments.get_mut(name.as_str()).unwrap();
                deployment.replicas = deployment.claim.as_ref().unwrap().replicas;
            }
            Effect::GiveUpClaim(name) => self.deployments.get_mut(name.as_str()).unwrap().claim = None,
            Effect::Publish(mut status) => {
                if let (Some(cleanup), Some(current)) = (self.cleanup.take(), &mut status.current) {
                    current.progress.cleanup = Some(cleanup);
                }
                self.status = through_json(&status);
                self.published.push(self.status.clone());
            }
            Effect::RemoveFinalizer => {
                assert_eq!(
                    self.claimed(),
                    Vec::<String>::new(),
                    "the finalizer goes while something is claimed"
                );
                let stage = self.status.current.as_ref().map(|current| current.stage);
                assert!(
                    self.deleting || self.status.verdict.is_some() || stage == Some(Stage::Suspended),
                    "the finalizer goes before the verdict"
                );
                self.has_finalizer = false;
            }
        }
        true
    }

    fn claim(&mut self, name: &str) -> bool {
        assert!(self.has_finalizer, "{name} is claimed without the finalizer");
        let now = self.seconds;
        let deployment = self.deployments.get_mut(name).unwrap();
        if deployment.another_until > now || self.held_by.contains_key(name) {
            return false;
        }
        let replicas = deployment.replicas;
        deployment.claim.get_or_insert_with(|| claim(name, replicas));
        true
    }

    fn act(&mut self, plan: &Plan, action: Action) {
        match action {
            // The API server adds none to a test that is being deleted.
            Action::AddFinalizer => self.has_finalizer |= !self.deleting,
            Action::Scale { target, replicas } => {
                let is_claimed = |name: &str| self.deployments[name].claim.is_some();
                let all_claimed = plan.scale.iter().all(|entry| is_claimed(&entry.target.name));
                assert!(all_claimed && self.has_finalizer, "{target} is scaled before all is claimed");
                let stage = self.status.current.as_ref().unwrap().stage;
                let empties = plan.workload.kind().route().contains(&Stage::EmptyingQueue);
                if matches!(stage, Stage::ScalingDown | Stage::ScalingWorkers)
                    && empties
                    && !self.has_backlog(plan)
                {
                    assert_eq!(self.unfinished(), 0, "{target} is scaled while there are tasks in the queue");
                }
                self.deployments.get_mut(target.name.as_str()).unwrap().replicas = replicas;
            }
            Action::StartGenerators(order) => self.start_generators(plan, order.address, order.workload),
            Action::DeleteGenerators { address } => {
                if self.job.as_ref().is_some_and(|job| job.address == address) {
                    self.job = None;
                }
            }
            Action::CancelTasks { correlation_id } => {
                let now = self.now();
                for task in self.tasks.iter_mut().filter(|task| task.correlation_id == correlation_id) {
                    if !task.record.state.is_final() {
                        task.record.finished_at = Some(now);
                        task.record.state = TaskState::Canceled;
                    }
                }
            }
            Action::Nudge { correlation_id } => self.dispatch(correlation_id),
            Action::DeleteCreated { created_by, correlation_id, progress } => {
                let created =
                    self.tasks.iter().filter(|task| task.correlation_id == created_by).count() as u64;
                let asked = created.min(progress.asked + 4);
                (progress.asked..asked).for_each(|_| self.dispatch(correlation_id));
                self.cleanup = Some(CleanupProgress { created, asked, done: asked == created, ..progress });
            }
            Action::WriteReport { report, .. } => self.report = Some(*report),
            Action::DeleteTest => self.deleting = true,
            Action::Claim { .. } | Action::Restore => panic!("it is more than one request"),
        }
    }

    /// Lets a second pass: everybody but the operator does what there is to do.
    pub(super) fn pass_a_second(&mut self) {
        self.seconds += 1;
        self.work_on_tasks();
        self.run_generators();
        self.workers_online = self.deployments["pulp-worker"].ready;
        self.controls.suspend &= self.seconds < self.suspended_until;
        let stage = self.status.current.as_ref().map(|current| current.stage);
        self.seconds_held += u32::from(stage == Some(Stage::Suspended) && self.claimed().is_empty());
        let another_waits = self.deployments.values().any(|deployment| deployment.claim.is_some());
        for deployment in self.deployments.values_mut() {
            deployment.ready = deployment.replicas;
            deployment.another_until += i64::from(another_waits && deployment.another_until >= self.seconds);
        }
    }
}

fn count_unfinished(tasks: &[&Task]) -> u64 {
    tasks.iter().filter(|task| !task.record.state.is_final()).count() as u64
}

/// What the API server gives back of a status that was written.
fn through_json(status: &ThroughputTestStatus) -> ThroughputTestStatus {
    serde_json::from_value(serde_json::to_value(status).unwrap()).unwrap()
}
