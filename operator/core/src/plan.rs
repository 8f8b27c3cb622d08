//! A spec becomes a plan, once. After that nothing of it is checked again.

pub mod criteria;
pub mod destination;
pub mod generator_order;
pub mod matrix;
pub mod permissions;
pub mod planned;
pub mod rejection;
pub mod workload;

use std::time::Duration;

use throughput_crds::{
    Criterion, GeneratorPod, Load, ObjectReference, Observe, ScaleTarget, ThroughputTestSpec, Timeouts,
};
use throughput_report::kind_facts::KindFacts;

use crate::kinds::pulp_tasks::plan::PulpTasks;
use crate::plan::criteria::CheckedCriterion;
use crate::plan::criteria::repeated::RepeatCriterion;
use crate::plan::destination::PlannedTarget;
use crate::plan::matrix::{Cell, ScaledTarget};
use crate::plan::permissions::Permissions;
use crate::plan::planned::Asked;
use crate::plan::rejection::Rejection;
use crate::plan::workload::Workload;
use crate::source_catalog::SourceCatalog;
use crate::target::{TargetKind, TargetName};

/// A run that can be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The systems under test. There is at least one.
    pub targets: Vec<PlannedTarget>,
    /// What is scaled.
    pub scale: Vec<ScaledTarget>,
    /// The cells, in the order in which they are measured. There is at least one.
    pub cells: Vec<Cell>,
    /// What the load is.
    pub workload: Workload,
    /// What the generators' pods are like, where not as the chart says.
    pub generator_pod: GeneratorPod,
    /// What of the system under test is watched.
    pub observe: Observe,
    /// Whether anything is.
    pub is_watched: bool,
    /// What every cell has to reach.
    pub criteria: Vec<CheckedCriterion>,
    /// What the repeats of every combination have to reach.
    pub repeat_criteria: Vec<RepeatCriterion>,
    /// How long each part may take.
    pub deadlines: Deadlines,
}

/// How long each part may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Until targets, credentials and claims are there, and for an empty queue.
    pub start: Duration,
    /// Until the workers are online.
    pub scale: Duration,
    /// Until the generators are ready.
    pub generator_start: Duration,
    /// Until all is dispatched.
    pub dispatch: Duration,
    /// From then until all tasks have ended.
    pub drain: Duration,
    /// Until what is left of a cell is canceled.
    pub cancel: Duration,
    /// Until a cell's tasks are read.
    pub collect: Duration,
    /// Until what a cell's tasks made is deleted.
    pub cleanup: Duration,
    /// Until all sources have what they are to see of a cell.
    pub settle: Duration,
}

impl Deadlines {
    fn of(timeouts: &Timeouts) -> Self {
        let Timeouts { start, scale, generator_start, dispatch, drain, cancel, collect, cleanup, settle } =
            timeouts;
        Self {
            start: start.get(),
            scale: scale.get(),
            generator_start: generator_start.get(),
            dispatch: dispatch.get(),
            drain: drain.get(),
            cancel: cancel.get(),
            collect: collect.get(),
            cleanup: cleanup.get(),
            settle: settle.get(),
        }
    }
}

impl Plan {
    /// Reads a spec of a test in this namespace, whose operator's administrator gave these permissions and whose operator
    /// has these sources.
    pub fn new(
        namespace: &str,
        spec: &ThroughputTestSpec,
        permissions: &Permissions,
        sources: &dyn SourceCatalog,
    ) -> Result<Self, Rejection> {
        let ThroughputTestSpec {
            targets,
            scale,
            // What is varied and how much load there is, is in the cells.
            matrix: _,
            load: Load { generators: _, concurrency: _, generator_pod },
            repeat,
            workload: _,
            observe,
            criteria,
            timeouts,
            // What people ask of a run on its way is no part of its plan: it can change.
            suspend: _,
            abort: _,
            ttl_seconds_after_finished: _,
        } = spec;
        if let Some(duration) = spec.durations_out_of_bounds().into_iter().next() {
            return Err(Rejection::Duration(duration));
        }
        let generator_pod = generator_pod.clone().unwrap_or_default();
        permissions.permit_pod(&generator_pod)?;
        let scale: Vec<ScaledTarget> = scale.iter().map(scaled).collect::<Result<_, _>>()?;
        let targets: Vec<PlannedTarget> =
            targets.iter().map(|target| PlannedTarget::new(target, permissions)).collect::<Result<_, _>>()?;
        if targets.is_empty() {
            return Err(Rejection::NoTargets);
        }
        let asked = Asked { namespace, spec, scale: &scale, targets: &targets, permissions };
        let (workload, cells) = Workload::new(&asked)?;
        let door = CriteriaDoor { facts: workload.planned().facts(), repeat: *repeat, permissions, sources };
        let (criteria, repeat_criteria) = door.checked(criteria, observe)?;
        Ok(Self {
            targets,
            scale,
            cells,
            workload,
            generator_pod,
            criteria,
            repeat_criteria,
            observe: observe.clone(),
            is_watched: sources.is_watched(observe),
            deadlines: Deadlines::of(timeouts),
        })
    }

    /// The name of the parameter that is the replicas of the load's main target; empty where it has none.
    pub fn main_axis(&self) -> &str {
        self.workload.planned().main_target().map_or("", |target| &target.name)
    }

    /// What is planned of Pulp's tasks, where they are the load.
    pub fn pulp_tasks(&self) -> Option<&PulpTasks> {
        self.workload.pulp_tasks()
    }
}

/// What criteria are checked with.
struct CriteriaDoor<'a> {
    facts: &'static KindFacts,
    repeat: u32,
    permissions: &'a Permissions,
    sources: &'a dyn SourceCatalog,
}

impl CriteriaDoor<'_> {
    /// The criteria, on figures that the load, the sources or the repeats have; sources that can work and are permitted.
    fn checked(
        &self,
        criteria: &[Criterion],
        observe: &Observe,
    ) -> Result<(Vec<CheckedCriterion>, Vec<RepeatCriterion>), Rejection> {
        let Self { facts, repeat, permissions, sources } = self;
        let wanted = sources.check(observe).map_err(|mistake| Rejection::Observe(mistake.to_string()))?;
        wanted.iter().try_for_each(|wanted| permissions.permit(wanted))?;
        let observed = sources.figure_names(observe);
        let (mut of_cells, mut of_repeats) = (Vec::new(), Vec::new());
        for criterion in criteria {
            match RepeatCriterion::new(criterion, *repeat, facts) {
                Some(checked) => of_repeats.push(checked?),
                None => of_cells.push(CheckedCriterion::new(criterion, facts, &observed)?),
            }
        }
        Ok((of_cells, of_repeats))
    }
}

fn scaled(entry: &ScaleTarget) -> Result<ScaledTarget, Rejection> {
    let ScaleTarget { name, object: ObjectReference { api_version, kind, name: object } } = entry;
    let kind = TargetKind::named(kind)
        .filter(|_| api_version == "apps/v1")
        .ok_or_else(|| Rejection::NotScalable(format!("{api_version} {kind}")))?;
    Ok(ScaledTarget { name: name.clone(), target: TargetName { kind, name: object.clone() } })
}

#[cfg(test)]
mod tests;
