//! The load of the current cell: generators that make it, and workers that work on it.

use throughput_crds::{Procedure, Stage};
use throughput_model::cell::CellAddress;
use throughput_model::generator::GeneratorResult;
use throughput_model::named::{Counts, Histograms};
use throughput_model::task::{TaskRecord, TaskState};
use throughput_model::workload::Workload;
use uuid::Uuid;

use super::{RunningJob, Task, World};
use crate::decide::fixture::delivered;
use crate::observed::Job;
use crate::plan::Plan;

/// How many tasks a generator dispatches each second.
const TASKS_A_SECOND: u64 = 4;

impl World {
    pub(super) fn start_generators(&mut self, plan: &Plan, address: CellAddress, workload: Workload) {
        // One that has ended may be left: where its deletion was refused, it goes with the test.
        if let Some(job) = self.job.as_ref().filter(|job| matches!(job.state, Job::Active { .. })) {
            assert_eq!(job.address, address, "two cells at once");
            return;
        }
        let state = Job::Active { trouble: None };
        match (workload, plan.pulp_tasks()) {
            (Workload::PulpTasks(ordered), Some(tasks)) => {
                assert_eq!(ordered.correlation_id, address.correlation_id());
                assert_eq!(self.unfinished(), 0, "cell {} begins with tasks in the queue", address.cell);
                let workers = plan.cells[address.cell as usize].replicas.get(&tasks.workers.target).copied();
                let expected = if tasks.procedure == Procedure::Backlog { Some(0) } else { workers };
                assert_eq!(Some(self.workers_online), expected);
                self.job = Some(RunningJob {
                    address,
                    wanted: ordered.tasks,
                    finished: 0,
                    sends_tasks: true,
                    state,
                });
            }
            (Workload::PulpTasks(_), None) => panic!("tasks are ordered that nobody planned"),
            #[cfg(feature = "example-kind")]
            (Workload::Holding(holding), _) => {
                let wanted = holding.seconds.into();
                self.job = Some(RunningJob { address, wanted, finished: 0, sends_tasks: false, state });
            }
        }
    }

    /// Each worker ends a task and begins another.
    pub(super) fn work_on_tasks(&mut self) {
        let now = self.now();
        for task in self.tasks.iter_mut().filter(|task| task.record.state == TaskState::Running) {
            task.record.finished_at = Some(now);
            task.record.state = TaskState::Completed;
        }
        if self.overslept {
            return;
        }
        let waiting = self.tasks.iter_mut().filter(|task| task.record.state == TaskState::Waiting);
        for task in waiting.take(self.workers_online as usize) {
            task.record.started_at = Some(now);
            task.record.state = TaskState::Running;
        }
    }

    /// The generators register; once the stored stage lets them, they dispatch, and deliver.
    pub(super) fn run_generators(&mut self) {
        let Some(mut job) = self.job.take_if(|job| matches!(job.state, Job::Active { .. })) else { return };
        let stored = self.stored_results.entry(job.address.cell).or_default();
        let is_registered = stored.registered == 1;
        stored.registered = 1;
        let may_dispatch = self.status.current.as_ref().is_some_and(|current| {
            (current.cell, current.stage) == (job.address.cell, Stage::Dispatching) && is_registered
        });
        if may_dispatch {
            let a_second = if job.sends_tasks { TASKS_A_SECOND } else { 1 };
            let now = a_second.min(job.wanted - job.finished);
            if job.sends_tasks {
                (0..now).for_each(|_| self.dispatch(job.address.correlation_id()));
                let scheduled = if job.finished == 0 { self.scheduled } else { 0 };
                (0..scheduled).for_each(|_| self.dispatch(Uuid::nil()));
            }
            job.finished += now;
            if job.finished == job.wanted {
                let result: GeneratorResult =
                    if job.sends_tasks { delivered(job.wanted) } else { held(job.wanted) };
                self.stored_results.entry(job.address.cell).or_default().results = vec![result];
                job.state = Job::Complete;
            }
        }
        self.job = Some(job);
    }

    /// Whether the current cell's backlog is built already.
    pub(super) fn has_backlog(&self, plan: &Plan) -> bool {
        let timeline = self.status.current.iter().flat_map(|current| &current.timeline);
        plan.pulp_tasks().is_some_and(|tasks| tasks.procedure == Procedure::Backlog)
            && timeline.into_iter().any(|entry| entry.stage == Stage::Dispatching)
    }

    pub(super) fn dispatch(&mut self, correlation_id: Uuid) {
        self.overslept = self.workers_online == 0;
        let record = TaskRecord {
            pulp_created: self.now(),
            unblocked_at: None,
            started_at: None,
            finished_at: None,
            state: TaskState::Waiting,
            error_description: None,
        };
        self.tasks.push(Task { correlation_id, record });
    }
}

/// What a generator delivers that held for so many seconds.
fn held(seconds: u64) -> GeneratorResult {
    let counts = Counts::of([("holding.counted", seconds)]);
    GeneratorResult { counts, histograms: Histograms::default(), ..delivered(0) }
}
