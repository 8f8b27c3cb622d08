//! A generator's life: get ready, say so, await the start, send the load, deliver.

use std::sync::Arc;

use throughput_model::workload::{Dispatch, PulpTasks, Workload};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cpu::CpuReading;
use crate::ending::{Ending, Failure};
use crate::exact_sleep::sleep_exactly_until;
use crate::pulp::Load;
use crate::pulp::login::log_in;
use crate::session::Coordinator;
use crate::settings::Settings;
use crate::sidecar;

/// Lives a generator's life with the coordinator that `connect` makes. When `terminate` is cancelled, what was measured
/// until then is delivered.
pub async fn run<C: Coordinator>(
    settings: &Settings,
    connect: impl FnOnce() -> Result<C, Failure>,
    terminate: CancellationToken,
) -> Ending {
    let outcome = match &settings.assignment.workload {
        Workload::PulpTasks(tasks) => dispatch(settings, tasks, connect, &terminate).await,
        #[cfg(feature = "example-kind")]
        Workload::Holding(holding) => crate::holding::hold(settings, *holding, connect, &terminate).await,
    };
    match outcome {
        Ok(()) => Ending::Delivered,
        Err(ending) => ending,
    }
}

async fn dispatch<C: Coordinator>(
    settings: &Settings,
    tasks: &PulpTasks,
    connect: impl FnOnce() -> Result<C, Failure>,
    terminate: &CancellationToken,
) -> Result<(), Ending> {
    match &tasks.dispatch {
        Dispatch::InProcess(work) => sidecar::attend(settings, tasks, work, connect, terminate).await,
        Dispatch::TestView(_) | Dispatch::Request(_) => {
            send_requests(settings, tasks, connect, terminate).await
        }
    }
}

async fn send_requests<C: Coordinator>(
    settings: &Settings,
    tasks: &PulpTasks,
    connect: impl FnOnce() -> Result<C, Failure>,
    terminate: &CancellationToken,
) -> Result<(), Ending> {
    let coordinator = Arc::new(connect()?);
    let ready = async {
        let until = Instant::now() + settings.give_up_after;
        let pulp = log_in(settings, tasks, until).await?;
        coordinator.ready(until).await?;
        let start = coordinator.start(until).await?;
        let load = Load::new(pulp, settings, tasks);
        let cpu = CpuReading::now();
        sleep_exactly_until(start.at).await;
        Ok((load, start, cpu))
    };
    let ready = terminate.run_until_cancelled(ready).await.unwrap_or(Err(Ending::Terminated));
    let (load, start, cpu) = ready?;
    let report = load.send(&coordinator, terminate).await;
    let work = CpuReading::now().since(&cpu, report.lag.summary(), report.most_unsent);
    coordinator.deliver(&report.into_result(settings, &start, work)).await
}
