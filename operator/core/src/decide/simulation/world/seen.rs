//! What the operator sees of the world: no more than the stored stage lets it look for.

use throughput_crds::Stage;
use throughput_model::cell::CellAddress;
use throughput_model::foreign::{Counted, ForeignTask, ForeignTasks};
use throughput_model::task::{TaskRecord, TaskState};

use crate::decide::fixture::address;
use crate::kinds::pulp_tasks::observed::{Counts, Deletions, OwnTasks, Pulp, PulpSeen, Remains};
use crate::observed::{Credentials, Generators, Observed, Sources, Target};
use crate::plan::Plan;
use crate::stage::{Question, facts};
use crate::target::Holder;

use super::{Deployment, Task, World, count_unfinished};

impl World {
    /// What the operator sees, which is as much as the stored stage lets it look for.
    pub(in crate::decide::simulation) fn observe(&self, plan: &Plan) -> Observed {
        let current = self.status.current.as_ref();
        let stage = current.map_or(Stage::AwaitingTargets, |current| current.stage);
        let address = current.map(|current| address(current.cell));
        let correlation_id = address.as_ref().map(CellAddress::correlation_id);
        let own: Vec<&Task> =
            self.tasks.iter().filter(|task| Some(task.correlation_id) == correlation_id).collect();
        let facts = facts(stage);
        Observed {
            deleting: self.deleting,
            controls: self.controls,
            has_finalizer: self.has_finalizer,
            targets: plan
                .scale
                .iter()
                .map(|entry| (entry.target.clone(), self.target(&entry.target.name)))
                .collect(),
            line: self.line.clone(),
            claims: self.deployments.values().filter_map(|deployment| deployment.claim.clone()).collect(),
            objects_refused: None,
            credentials: Credentials::Ready,
            pulp: PulpSeen {
                answer: self.answer(facts.asks_target, address.as_ref(), &own),
                view_fault: None,
                remains: (facts.asks_target == Question::Remains)
                    .then(|| self.remains(address.as_ref(), &own)),
            },
            generators: address
                .as_ref()
                .zip(current.and_then(|current| facts.generators_read.of(plan, current)))
                .map(|(address, stored_by)| self.generators(address, stored_by))
                .unwrap_or_default(),
            sources: Sources::None,
            report: self.report.clone(),
        }
    }

    /// What Pulp answers to what a stage asks, and nothing besides.
    fn answer(&self, asked: Question, address: Option<&CellAddress>, own: &[&Task]) -> Pulp {
        let waiting = own.iter().filter(|task| task.record.state == TaskState::Waiting).count() as u64;
        let tasks = Counts {
            own: Some(OwnTasks { submitted: own.len() as u64, unfinished: count_unfinished(own) }),
            workers_online: Some(self.workers_online),
            ..Counts::default()
        };
        Pulp::Answering(match asked {
            Question::Nothing => return Pulp::NotAsked,
            Question::Queue => Counts { unfinished: Some(self.unfinished()), ..Counts::default() },
            Question::Workers => Counts { own: None, ..tasks },
            Question::Tasks => tasks,
            Question::WaitingTasks => Counts { waiting: Some(waiting), ..tasks },
            Question::Deletions => {
                let deletions = address.map(|address| self.deletions(address));
                Counts { deletions, ..Counts::default() }
            }
            Question::Processes | Question::Remains => Counts::default(),
        })
    }

    fn target(&self, deployment: &str) -> Target {
        let Deployment { replicas, ready, claim, another_until } = &self.deployments[deployment];
        let holder = match claim {
            Some(_) => Holder::This,
            None if self.held_by.contains_key(deployment) => {
                Holder::Another(self.held_by[deployment].clone())
            }
            None if *another_until > self.seconds => Holder::Another("pulp/other/9e2a".to_owned()),
            None => Holder::Nobody,
        };
        Target::Present { replicas: *replicas, ready: *ready, holder, agreed: true }
    }

    fn generators(&self, address: &CellAddress, stored_by: u32) -> Generators {
        let job = self.job.as_ref().filter(|job| job.address == *address).map(|job| job.state.clone());
        let stored = self.stored_results.get(&address.cell).filter(|_| stored_by > 0);
        Generators { job: job.unwrap_or_default(), ..stored.cloned().unwrap_or_default() }
    }

    fn deletions(&self, address: &CellAddress) -> Deletions {
        let id = address.cleanup_correlation_id();
        let tasks: Vec<&Task> = self.tasks.iter().filter(|task| task.correlation_id == id).collect();
        Deletions { unfinished: count_unfinished(&tasks), failed: 0 }
    }

    /// The cell's tasks, and those of others that workers were at meanwhile.
    fn remains(&self, address: Option<&CellAddress>, own: &[&Task]) -> Remains {
        let tasks: Vec<TaskRecord> = own.iter().map(|task| task.record.clone()).collect();
        let window = Counted::of(&tasks);
        let ours =
            |id| address.is_some_and(|of| id == of.correlation_id() || id == of.nudge_correlation_id());
        let meanwhile = |task: &&Task| {
            let TaskRecord { pulp_created, started_at, finished_at, .. } = &task.record;
            window.is_some_and(|Counted { begin, end }| {
                started_at.unwrap_or(*pulp_created) <= end && finished_at.is_none_or(|ended| ended >= begin)
            })
        };
        let foreign = self.tasks.iter().filter(|task| !ours(task.correlation_id)).filter(meanwhile);
        let foreign = foreign.map(|task| ForeignTask {
            name: "domain_metrics.count".to_owned(),
            started_at: task.record.started_at,
            finished_at: task.record.finished_at,
        });
        Remains { foreign: ForeignTasks::Read(foreign.collect()), tasks }
    }
}
