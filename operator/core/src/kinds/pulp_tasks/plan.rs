//! From a spec to its Pulp tasks.

use std::collections::BTreeSet;
use std::time::Duration;

use throughput_crds::{
    Cleanup, DispatchMethod, InProcessDispatch, Procedure, PulpTarget, PulpTasksWorkload, Stage,
};
use throughput_model::substitution;
use throughput_model::workload::{
    Dispatch, DispatchRequest, InProcess, Method, PulpEndpoint, TestView, UNIQUE,
};
use throughput_report::kind_facts::KindFacts;
use throughput_report::kinds::pulp_tasks::FACTS;

use super::in_process;
use crate::plan::Plan;
use crate::plan::destination::{self, PlannedTarget};
use crate::plan::generator_order::milliseconds;
use crate::plan::matrix::{Cell, ScaledTarget, cells};
use crate::plan::planned::{Asked, PlannedLoad};
use crate::plan::rejection::Rejection;

/// The load of a plan whose load is Pulp's tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PulpTasks {
    /// The Pulps under test, in the order of the plan's targets.
    pub pulps: Vec<PulpUnderTest>,
    /// Pulp's workers, whose number Pulp itself confirms.
    pub workers: ScaledTarget,
    /// How many tasks each cell dispatches.
    pub tasks: u64,
    /// What the workers do while tasks are dispatched.
    pub procedure: Procedure,
    /// Whether what the tasks made is deleted after each cell.
    pub deletes_created: bool,
    /// The share of the workers' time that tasks of others may take, in percent: a decimal.
    pub max_foreign_work_percent: String,
    /// The container that dispatches, where tasks are dispatched in Pulp's own process.
    pub in_process: Option<InProcessDispatch>,
}

/// One of the targets as a Pulp, and what is sent to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PulpUnderTest {
    /// Where its API is.
    pub endpoint: PulpEndpoint,
    /// The Secret with what it asks for; `None` when it asks for nothing.
    pub secret: Option<String>,
    /// How tasks are dispatched.
    pub dispatch: Dispatch,
    /// The view that dispatches, with a query with which it dispatches nothing, where the spec has one.
    pub view_check: Option<TestView>,
    /// What is sent with a Secret's rights and takes its owner's word, as the owner writes it: `POST /pulp/x/`. The
    /// request of who writes none takes no word, since it changes nothing.
    pub needs_permission: Option<String>,
}

/// A target of the plan, with the Pulp that it is.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The target.
    pub target: &'a PlannedTarget,
    /// It as a Pulp.
    pub pulp: &'a PulpUnderTest,
}

impl Plan {
    /// What the load of this cell goes to, where it is a Pulp.
    pub fn subject(&self, cell: u32) -> Option<Subject<'_>> {
        let target = self.cells.get(cell as usize)?.target;
        Some(Subject { target: self.targets.get(target)?, pulp: self.pulp_tasks()?.pulps.get(target)? })
    }

    /// What the load of any cell goes to, each once, in the order of the cells.
    pub fn subjects(&self) -> Vec<Subject<'_>> {
        let mut seen = BTreeSet::new();
        let first = |cell: &&Cell| seen.insert(cell.target);
        self.cells.iter().filter(first).filter_map(|cell| self.subject(cell.index)).collect()
    }
}

impl PulpTasks {
    /// The Pulp that a cell's load goes to.
    pub fn pulp_of(&self, cell: &Cell) -> &PulpUnderTest {
        &self.pulps[cell.target]
    }

    /// How long one request may take, or one call in Pulp's own process.
    pub fn request_timeout(&self) -> Duration {
        // It is the same for all of them.
        Duration::from_millis(match &self.pulps[0].dispatch {
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
        let Asked { namespace: _, spec, scale, targets: _, permissions } = *asked;
        let workers = workers_entry(scale)?;
        let cells = cells(spec, scale, Some(&workers))?;
        let in_process = tasks.dispatch.in_process.as_ref();
        let in_process = in_process.map(|asked| in_process::work(asked, &cells, permissions)).transpose()?;
        let under_test = |index| PulpUnderTest::new(asked, index, (tasks, in_process.as_ref()));
        let planned = Self {
            pulps: (0..spec.targets.len()).map(under_test).collect::<Result<_, _>>()?,
            workers,
            tasks: tasks.tasks,
            procedure: tasks.procedure,
            deletes_created: match tasks.cleanup {
                Cleanup::None => false,
                Cleanup::Created => true,
            },
            max_foreign_work_percent: tasks.max_foreign_work_percent.clone(),
            in_process: tasks.dispatch.in_process.clone(),
        };
        Ok((planned, cells))
    }
}

impl PulpUnderTest {
    /// The target at this position as a Pulp.
    fn new(
        asked: &Asked<'_>,
        index: usize,
        (tasks, in_process): (&PulpTasksWorkload, Option<&InProcess>),
    ) -> Result<Self, Rejection> {
        let (target, planned) = (&asked.spec.targets[index], &asked.targets[index]);
        let pulp = target.pulp.as_ref().ok_or_else(|| Rejection::NoPulp(target.name.clone()))?;
        let credentials =
            target.credentials.as_ref().ok_or_else(|| Rejection::NoCredentials(target.name.clone()))?;
        check_paths((&target.name, &pulp.api_root), &tasks.dispatch)?;
        let body = tasks.dispatch.request.as_ref().and_then(|request| request.body.as_ref());
        if let Some(unknown) = body.and_then(|body| substitution::check(body, &[UNIQUE]).err()) {
            return Err(Rejection::UnknownVariable {
                field: "workload.pulpTasks.dispatch.request.body",
                unknown,
                known: "$(unique)",
            });
        }
        let dispatch = match in_process {
            Some(work) => Dispatch::InProcess(work.clone()),
            None => dispatch(pulp, &tasks.dispatch),
        };
        Ok(Self {
            endpoint: PulpEndpoint {
                base_url: planned.destination.base_url(asked.namespace),
                api_root: pulp.api_root.clone(),
                domain: pulp.domain.clone(),
                authentication: destination::authentication(credentials)?,
                username: credentials.username.clone(),
                verifies_certificate: planned.trust.verifies,
            },
            secret: credentials.secret_ref.as_ref().map(|secret| secret.name.clone()),
            view_check: view_check(&dispatch, &tasks.dispatch),
            needs_permission: match &tasks.dispatch {
                throughput_crds::Dispatch { test_view: None, request: None, in_process: None } => None,
                throughput_crds::Dispatch { .. } => destination::needs_permission(&dispatch),
            },
            dispatch,
        })
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
fn check_paths(
    (target, api_root): (&str, &str),
    dispatch: &throughput_crds::Dispatch,
) -> Result<(), Rejection> {
    let throughput_crds::Dispatch { test_view, request, in_process: _ } = dispatch;
    let view = test_view.as_ref().map(|view| ("workload.pulpTasks.dispatch.testView.path", &view.path));
    let request = request.as_ref().map(|request| ("workload.pulpTasks.dispatch.request.path", &request.path));
    if !api_root.ends_with('/') || !destination::is_plain_path(api_root) {
        return Err(Rejection::Path {
            field: format!("pulp.apiRoot of the target {target}"),
            path: api_root.to_owned(),
        });
    }
    for (field, path) in view.into_iter().chain(request) {
        if path.is_empty() || !destination::is_plain_path(&format!("/{path}")) {
            return Err(Rejection::Path { field: field.to_owned(), path: path.clone() });
        }
    }
    Ok(())
}

fn dispatch(pulp: &PulpTarget, dispatch: &throughput_crds::Dispatch) -> Dispatch {
    let throughput_crds::Dispatch { test_view, request, in_process: _ } = dispatch;
    let PulpTarget { api_root, domain } = pulp;
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
    let Some(view) = test_view.clone() else {
        return Dispatch::Request(purge_of_nothing(api_root, domain.as_deref()));
    };
    Dispatch::TestView(TestView {
        path: format!("{api_root}{}", view.path),
        query: view.query,
        count_field: view.count_field,
        tasks_per_request: view.tasks_per_request,
        request_timeout_milliseconds: milliseconds(view.timeout.get()),
    })
}

/// A purge of tasks that ended before there was a Pulp: every Pulp has it, and it deletes nothing. Its task locks nothing,
/// so that workers do it side by side.
fn purge_of_nothing(api_root: &str, domain: Option<&str>) -> DispatchRequest {
    let domain = domain.map(|domain| format!("{domain}/")).unwrap_or_default();
    DispatchRequest {
        method: Method::Post,
        path: format!("{api_root}{domain}api/v3/tasks/purge/"),
        body: Some(r#"{"finished_before": "1970-01-01T00:00:00Z", "states": ["skipped"]}"#.to_owned()),
        request_timeout_milliseconds: 60_000,
    }
}

fn view_check(dispatch: &Dispatch, spec: &throughput_crds::Dispatch) -> Option<TestView> {
    let query = spec.test_view.as_ref()?.check_query.clone()?;
    match dispatch {
        Dispatch::TestView(view) => Some(TestView { query, ..view.clone() }),
        Dispatch::Request(_) | Dispatch::InProcess(_) => None,
    }
}
