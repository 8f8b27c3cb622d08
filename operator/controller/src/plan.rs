//! A spec becomes a plan, once. After that nothing of it is checked again.

use std::time::Duration;

use throughput_crds::{AxisValue, CredentialsMethod, DispatchMethod, ThroughputTestSpec};
use throughput_model::workload::{
    Authentication, Dispatch, DispatchRequest, Method, PulpEndpoint, PulpTasks, TestView, Workload,
};
use uuid::Uuid;

use crate::criteria::{CheckedCriterion, UnknownMetric};

/// A run that can be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The Service under test.
    pub service: String,
    /// Its Pulp.
    pub pulp: PulpEndpoint,
    /// The Secret with Pulp's user name and password; `None` when Pulp asks for neither.
    pub secret: Option<String>,
    /// What is scaled.
    pub scale: Vec<ScaledDeployment>,
    /// The position in `scale` of Pulp's workers, whose number Pulp itself confirms.
    pub workers: usize,
    /// The cells, in the order in which they are measured. There is at least one.
    pub cells: Vec<Cell>,
    /// How many tasks each cell dispatches.
    pub tasks: u64,
    /// How tasks are dispatched.
    pub dispatch: Dispatch,
    /// How many generators share the load.
    pub generators: u32,
    /// What every cell has to reach.
    pub criteria: Vec<CheckedCriterion>,
    /// How long each part may take.
    pub deadlines: Deadlines,
}

/// A Deployment that the run scales.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaledDeployment {
    /// What the spec calls it.
    pub name: String,
    /// The Deployment's name.
    pub deployment: String,
}

/// One point of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The position among all cells, from 0.
    pub index: u32,
    /// The repeat that it belongs to, from 1.
    pub repeat: u32,
    /// The value of each axis, in the axes' order.
    pub parameters: Vec<(String, String)>,
    /// The replicas of each entry of [`Plan::scale`]; `None` leaves them as they were found.
    pub replicas: Vec<Option<u32>>,
    /// How many requests each generator has under way at once.
    pub concurrency: u32,
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
}

/// A spec that can never be carried out. What the API server's own rules refuse does not get here; these are
/// the mistakes that take more than one field's rule to see.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No workload that this version knows.
    #[error("the workload is not one that this version can carry out: write workload.pulpTasks")]
    NoWorkload,
    /// Pulp tasks without a Pulp.
    #[error("pulpTasks needs target.pulp")]
    NoPulp,
    /// Nothing to scale.
    #[error("pulpTasks needs to know the workers: name their Deployment in scale")]
    NoWorkers,
    /// Several things to scale, none of which is said to be the workers.
    #[error(
        "scale has several entries, and none is named workers: give the entry of Pulp's workers the name workers, so that it is known whose replicas Pulp has to confirm"
    )]
    WhichAreTheWorkers,
    /// An axis that varies nothing.
    #[error("the axis {0:?} varies nothing that the spec has")]
    UnknownAxis(String),
    /// A value that its axis cannot have.
    #[error("the value {value:?} of the axis {axis:?} is not a number that it can have: {expected}")]
    AxisValue {
        /// The axis.
        axis: String,
        /// The value.
        value: String,
        /// What it can be.
        expected: &'static str,
    },
    /// Workers scaled to none while they shall work.
    #[error("a Sustained cell needs at least one worker: take 0 out of the values of the axis {0:?}")]
    NoWorkersInCell(String),
    /// A criterion on a figure that does not exist.
    #[error(transparent)]
    UnknownMetric(#[from] UnknownMetric),
    /// A criterion without one bound.
    #[error("the criterion on {0} needs one bound, atLeast or atMost, that is a decimal such as \"0.99\"")]
    CriterionBound(String),
}

impl Rejection {
    /// The reason in one word, for the condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoWorkload => "NoWorkload",
            Self::NoPulp => "NoPulp",
            Self::NoWorkers | Self::NoWorkersInCell(_) => "NoWorkers",
            Self::WhichAreTheWorkers => "WorkersNotNamed",
            Self::UnknownAxis(_) => "UnknownAxis",
            Self::AxisValue { .. } => "AxisValueNotAllowed",
            Self::UnknownMetric(_) => "UnknownMetric",
            Self::CriterionBound(_) => "CriterionBound",
        }
    }
}

impl Plan {
    /// Reads a spec of a test in this namespace.
    pub fn new(namespace: &str, spec: &ThroughputTestSpec) -> Result<Self, Rejection> {
        let ThroughputTestSpec {
            target,
            scale,
            matrix: _,
            repeat: _,
            workload,
            load,
            observe: _,
            criteria,
            timeouts,
        } = spec;
        let tasks = workload.pulp_tasks.as_ref().ok_or(Rejection::NoWorkload)?;
        let pulp = target.pulp.as_ref().ok_or(Rejection::NoPulp)?;
        let scale: Vec<ScaledDeployment> = scale
            .iter()
            .map(|entry| ScaledDeployment { name: entry.name.clone(), deployment: entry.object.name.clone() })
            .collect();
        let workers = match scale.as_slice() {
            [] => return Err(Rejection::NoWorkers),
            [_] => 0,
            several => several
                .iter()
                .position(|entry| entry.name == "workers")
                .ok_or(Rejection::WhichAreTheWorkers)?,
        };
        let cells = crate::matrix::cells(spec, &scale, workers)?;
        Ok(Self {
            service: target.service.name.clone(),
            pulp: PulpEndpoint {
                base_url: format!("http://{}.{namespace}.svc:{}", target.service.name, target.service.port),
                api_root: pulp.api_root.clone(),
                domain: pulp.domain.clone(),
                authentication: match pulp.credentials.method {
                    CredentialsMethod::Session => Authentication::Session,
                    CredentialsMethod::Basic => Authentication::Basic,
                    CredentialsMethod::None => Authentication::None,
                },
            },
            secret: pulp.credentials.secret_ref.as_ref().map(|secret| secret.name.clone()),
            scale,
            workers,
            cells,
            tasks: tasks.tasks,
            dispatch: dispatch(&pulp.api_root, &tasks.dispatch),
            generators: load.generators,
            criteria: criteria.iter().map(CheckedCriterion::new).collect::<Result<_, _>>()?,
            deadlines: Deadlines {
                start: timeouts.start.get(),
                scale: timeouts.scale.get(),
                generator_start: timeouts.generator_start.get(),
                dispatch: timeouts.dispatch.get(),
                drain: timeouts.drain.get(),
            },
        })
    }

    /// What the generators of a cell are told to do.
    pub fn workload(&self, cell: &Cell, correlation_id: Uuid) -> Workload {
        Workload::PulpTasks(PulpTasks {
            pulp: self.pulp.clone(),
            correlation_id,
            tasks: self.tasks,
            concurrency: cell.concurrency,
            dispatch: self.dispatch.clone(),
            dispatch_deadline_milliseconds: milliseconds(self.deadlines.dispatch),
        })
    }
}

fn dispatch(api_root: &str, dispatch: &throughput_crds::Dispatch) -> Dispatch {
    let throughput_crds::Dispatch { test_view, request } = dispatch;
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

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The value of an axis as a number, or why it is none.
pub(crate) fn number(axis: &str, value: &AxisValue, least: u32) -> Result<u32, Rejection> {
    let number = match value {
        AxisValue::Integer(number) => u32::try_from(*number).ok(),
        AxisValue::Text(_) => None,
    };
    number.filter(|number| *number >= least).ok_or_else(|| Rejection::AxisValue {
        axis: axis.to_owned(),
        value: value.to_string(),
        expected: if least == 0 { "a whole number from 0" } else { "a whole number from 1" },
    })
}

#[cfg(test)]
mod tests;
