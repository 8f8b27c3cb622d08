//! From a spec to its Pulp tasks.

use std::time::Duration;

use throughput_crds::{Cleanup, DispatchMethod, InProcessDispatch, Procedure, PulpTasksWorkload, Stage};
use throughput_model::workload::{Dispatch, DispatchRequest, Method, PulpEndpoint, TestView};
use throughput_report::kind_facts::KindFacts;
use throughput_report::kinds::pulp_tasks::FACTS;

use super::in_process;
use crate::plan::destination;
use crate::plan::generator_order::milliseconds;
use crate::plan::matrix::{Cell, ScaledTarget, cells};
use crate::plan::planned::{Asked, PlannedLoad};
use crate::plan::rejection::Rejection;

/// The load of a plan whose load is Pulp's tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PulpTasks {
    /// The Pulp under test.
    pub pulp: PulpEndpoint,
    /// The Secret with what Pulp asks for; `None` when it asks for nothing.
    pub secret: Option<String>,
    /// Pulp's workers, whose number Pulp itself confirms.
    pub workers: ScaledTarget,
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
}

impl PulpTasks {
    /// How long one request may take, or one call in Pulp's own process.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(match &self.dispatch {
            Dispatch::TestView(view) => view.request_timeout_milliseconds,
            Dispatch::Request(request) => request.request_timeout_milliseconds,
            // A call is not given up: this is what one may take while the database is busy.
            Dispatch::InProcess(_) => 60_000,
        })
    }

    /// Whether the workers stay away in this stage, until everything is dispatched.
    pub(super) fn builds_a_backlog(&self, stage: Stage) -> bool {
        match self.procedure {
            Procedure::Sustained => false,
            Procedure::Backlog => {
                matches!(stage, Stage::ScalingDown | Stage::StartingGenerators | Stage::Dispatching)
            }
        }
    }
}

impl PlannedLoad for PulpTasks {
    fn facts(&self) -> &'static KindFacts {
        &FACTS
    }

    fn main_target(&self) -> Option<&ScaledTarget> {
        Some(&self.workers)
    }
}

impl PulpTasks {
    /// What a spec asks for, with its cells.
    ///
    /// # Errors
    /// It takes a Pulp, workers that are known as such, and what its administrator permits.
    pub(crate) fn new(asked: &Asked<'_>, tasks: &PulpTasksWorkload) -> Result<(Self, Vec<Cell>), Rejection> {
        let Asked { namespace, spec, scale, destination, permissions } = *asked;
        let pulp = spec.target.pulp.as_ref().ok_or(Rejection::NoPulp)?;
        let workers = workers_entry(scale)?;
        let cells = cells(spec, scale, Some(&workers))?;
        check_paths(&pulp.api_root, &tasks.dispatch)?;
        let dispatch = match &tasks.dispatch.in_process {
            Some(in_process) => Dispatch::InProcess(in_process::work(in_process, &cells, permissions)?),
            None => dispatch(&pulp.api_root, &tasks.dispatch),
        };
        let planned = Self {
            pulp: PulpEndpoint {
                base_url: destination.base_url(namespace),
                api_root: pulp.api_root.clone(),
                domain: pulp.domain.clone(),
                authentication: destination::authentication(&pulp.credentials)?,
            },
            secret: pulp.credentials.secret_ref.as_ref().map(|secret| secret.name.clone()),
            workers,
            tasks: tasks.tasks,
            procedure: tasks.procedure,
            deletes_created: match tasks.cleanup {
                Cleanup::None => false,
                Cleanup::Created => true,
            },
            view_check: view_check(&dispatch, &tasks.dispatch),
            dispatch,
            in_process: tasks.dispatch.in_process.clone(),
        };
        Ok((planned, cells))
    }
}

/// The entry of `scale` that is Pulp's workers.
fn workers_entry(scale: &[ScaledTarget]) -> Result<ScaledTarget, Rejection> {
    match scale {
        [] => Err(Rejection::NoWorkers),
        [workers] => Ok(workers.clone()),
        several => {
            several.iter().find(|entry| entry.name == "workers").cloned().ok_or(Rejection::WhichAreTheWorkers)
        }
    }
}

/// Refuses paths that could lead elsewhere than they say. The schema does too, and has not seen every spec: some were
/// stored before it had this rule.
fn check_paths(api_root: &str, dispatch: &throughput_crds::Dispatch) -> Result<(), Rejection> {
    let throughput_crds::Dispatch { test_view, request, in_process: _ } = dispatch;
    let view = test_view.as_ref().map(|view| ("workload.pulpTasks.dispatch.testView.path", &view.path));
    let request = request.as_ref().map(|request| ("workload.pulpTasks.dispatch.request.path", &request.path));
    if !api_root.ends_with('/') || !destination::is_plain_path(api_root) {
        return Err(Rejection::Path { field: "target.pulp.apiRoot", path: api_root.to_owned() });
    }
    for (field, path) in view.into_iter().chain(request) {
        if path.is_empty() || !destination::is_plain_path(&format!("/{path}")) {
            return Err(Rejection::Path { field, path: path.clone() });
        }
    }
    Ok(())
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
