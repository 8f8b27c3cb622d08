//! A spec becomes a plan, once. After that nothing of it is checked again.

pub mod criteria;
pub mod destination;
pub mod generator_order;
pub mod in_process;
pub mod matrix;
pub mod permissions;
pub mod rejection;

use std::time::Duration;

use throughput_crds::{
    Cleanup, Criterion, DispatchMethod, InProcessDispatch, ObjectReference, Observe, Procedure, ScaleTarget,
    ThroughputTestSpec, Timeouts,
};
use throughput_model::workload::{Dispatch, DispatchRequest, Method, PulpEndpoint, TestView};
use throughput_sources::{catalog, check::check};

use crate::plan::criteria::CheckedCriterion;
use crate::plan::criteria::repeated::RepeatCriterion;
use crate::plan::destination::{ConfigMapKey, Destination};
use crate::plan::matrix::{Cell, ScaledTarget, cells};
use crate::plan::permissions::Permissions;
use crate::plan::rejection::Rejection;
use crate::scaling::scalable::{TargetKind, TargetName};

/// A run that can be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The Service or the URL under test.
    pub destination: Destination,
    /// Its Pulp.
    pub pulp: PulpEndpoint,
    /// The Secret with what Pulp asks for; `None` when it asks for nothing.
    pub secret: Option<String>,
    /// The certificates that are trusted, where not the system's.
    pub ca_bundle: Option<ConfigMapKey>,
    /// What is scaled.
    pub scale: Vec<ScaledTarget>,
    /// The position in `scale` of Pulp's workers, whose number Pulp itself confirms.
    pub workers: usize,
    /// The cells, in the order in which they are measured. There is at least one.
    pub cells: Vec<Cell>,
    /// How many tasks each cell dispatches.
    pub tasks: u64,
    /// What the workers do while tasks are dispatched.
    pub procedure: Procedure,
    /// Whether what the tasks made is deleted after each cell.
    pub deletes_created: bool,
    /// How tasks are dispatched.
    pub dispatch: Dispatch,
    /// The view that dispatches, with a query with which it dispatches nothing, where the spec has one.
    pub view_check: Option<TestView>,
    /// The container that dispatches, where tasks are dispatched in Pulp's own process.
    pub in_process: Option<InProcessDispatch>,
    /// What of the system under test is watched.
    pub observe: Observe,
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
    /// Reads a spec of a test in this namespace, whose operator's administrator gave these permissions.
    pub fn new(
        namespace: &str,
        spec: &ThroughputTestSpec,
        permissions: &Permissions,
    ) -> Result<Self, Rejection> {
        let ThroughputTestSpec {
            target,
            scale,
            matrix: _,
            repeat,
            workload,
            load: _,
            observe,
            criteria,
            timeouts,
            // What people ask of a run on its way is no part of its plan: it can change.
            suspend: _,
            abort: _,
            ttl_seconds_after_finished: _,
        } = spec;
        check_durations(spec)?;
        let tasks = workload.pulp_tasks.as_ref().ok_or(Rejection::NoWorkload)?;
        let pulp = target.pulp.as_ref().ok_or(Rejection::NoPulp)?;
        let scale: Vec<ScaledTarget> = scale.iter().map(scaled).collect::<Result<_, _>>()?;
        let workers = match scale.as_slice() {
            [] => return Err(Rejection::NoWorkers),
            [_] => 0,
            several => several
                .iter()
                .position(|entry| entry.name == "workers")
                .ok_or(Rejection::WhichAreTheWorkers)?,
        };
        let cells = cells(spec, &scale, workers)?;
        let dispatch = match &tasks.dispatch.in_process {
            Some(in_process) => Dispatch::InProcess(in_process::work(in_process, &cells, permissions)?),
            None => dispatch(&pulp.api_root, &tasks.dispatch),
        };
        let destination = Destination::new(target, permissions)?;
        let (criteria, repeat_criteria) = checked(criteria, *repeat, observe, permissions)?;
        Ok(Self {
            pulp: PulpEndpoint {
                base_url: destination.base_url(namespace),
                api_root: pulp.api_root.clone(),
                domain: pulp.domain.clone(),
                authentication: destination::authentication(&pulp.credentials)?,
            },
            secret: pulp.credentials.secret_ref.as_ref().map(|secret| secret.name.clone()),
            destination,
            ca_bundle: target.ca_bundle.as_ref().map(ConfigMapKey::new),
            scale,
            workers,
            cells,
            tasks: tasks.tasks,
            procedure: tasks.procedure,
            deletes_created: match tasks.cleanup {
                Cleanup::None => false,
                Cleanup::Created => true,
            },
            view_check: view_check(&dispatch, &tasks.dispatch),
            dispatch,
            in_process: tasks.dispatch.in_process.clone(),
            criteria,
            repeat_criteria,
            observe: observe.clone(),
            deadlines: Deadlines::of(timeouts),
        })
    }

    /// How long one request may take, or one call in Pulp's own process.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(match &self.dispatch {
            Dispatch::TestView(view) => view.request_timeout_milliseconds,
            Dispatch::Request(request) => request.request_timeout_milliseconds,
            // A call is not given up: this is what one may take while the database is busy.
            Dispatch::InProcess(_) => 60_000,
        })
    }
}

/// That every duration is one that its field can have, also in a spec from before the schema had bounds.
fn check_durations(spec: &ThroughputTestSpec) -> Result<(), Rejection> {
    spec.durations_out_of_bounds().into_iter().next().map_or(Ok(()), |found| Err(Rejection::Duration(found)))
}

/// The criteria, on figures that the workload, the sources or the repeats have; sources that can work and are permitted.
fn checked(
    criteria: &[Criterion],
    repeat: u32,
    observe: &Observe,
    permissions: &Permissions,
) -> Result<(Vec<CheckedCriterion>, Vec<RepeatCriterion>), Rejection> {
    let wanted = check(observe).map_err(|mistake| Rejection::Observe(mistake.to_string()))?;
    wanted.iter().try_for_each(|wanted| permissions.permit(wanted))?;
    let observed = catalog::figures(observe);
    let (mut of_cells, mut of_repeats) = (Vec::new(), Vec::new());
    for criterion in criteria {
        match RepeatCriterion::new(criterion, repeat) {
            Some(checked) => of_repeats.push(checked?),
            None => of_cells.push(CheckedCriterion::new(criterion, &observed)?),
        }
    }
    Ok((of_cells, of_repeats))
}

fn scaled(entry: &ScaleTarget) -> Result<ScaledTarget, Rejection> {
    let ScaleTarget { name, object: ObjectReference { api_version, kind, name: object } } = entry;
    let kind = TargetKind::named(kind)
        .filter(|_| api_version == "apps/v1")
        .ok_or_else(|| Rejection::NotScalable(format!("{api_version} {kind}")))?;
    Ok(ScaledTarget { name: name.clone(), target: TargetName { kind, name: object.clone() } })
}

fn dispatch(api_root: &str, dispatch: &throughput_crds::Dispatch) -> Dispatch {
    let throughput_crds::Dispatch { test_view, request, in_process: _ } = dispatch;
    if let Some(request) = request {
        return Dispatch::Request(DispatchRequest {
            method: match request.method {
                DispatchMethod::Get => Method::Get,
                DispatchMethod::Post => Method::Post,
                DispatchMethod::Put => Method::Put,
                DispatchMethod::Patch => Method::Patch,
                DispatchMethod::Delete => Method::Delete,
            },
            path: format!("{api_root}{}", request.path),
            body: request.body.clone(),
            request_timeout_milliseconds: milliseconds(request.timeout.get()),
        });
    }
    let view = test_view.clone().unwrap_or_default();
    Dispatch::TestView(TestView {
        path: format!("{api_root}{}", view.path),
        query: view.query,
        count_field: view.count_field,
        tasks_per_request: view.tasks_per_request,
        request_timeout_milliseconds: milliseconds(view.timeout.get()),
    })
}

fn view_check(dispatch: &Dispatch, spec: &throughput_crds::Dispatch) -> Option<TestView> {
    let query = spec.test_view.as_ref()?.check_query.clone()?;
    match dispatch {
        Dispatch::TestView(view) => Some(TestView { query, ..view.clone() }),
        Dispatch::Request(_) | Dispatch::InProcess(_) => None,
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
