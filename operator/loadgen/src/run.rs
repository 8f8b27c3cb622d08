//! A generator's life: get ready, register, await the start, send the load, deliver.

use std::sync::Arc;
use std::time::Duration;

use throughput_model::protocol::Progress;
use throughput_model::workload::{Dispatch, PulpTasks, Workload};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::cpu::CpuReading;
use crate::durations::milliseconds;
use crate::ending::{Ending, Failure};
use crate::pulp::closed_loop::run_users;
use crate::pulp::dispatch::Dispatcher;
use crate::pulp::load::{LoopPlan, LoopReport};
use crate::pulp::login::log_in;
use crate::session::collector::{CallError, Collector};
use crate::session::{await_start, deliver, register};
use crate::settings::Settings;
use crate::sidecar;

/// Lives a generator's life. When `terminate` is cancelled, what was measured until then is delivered.
pub async fn run(settings: &Settings, terminate: CancellationToken) -> Ending {
    let Workload::PulpTasks(tasks) = &settings.assignment.workload;
    let outcome = match &tasks.dispatch {
        Dispatch::InProcess(work) => match &settings.exchange {
            Some(folder) => sidecar::carry_out(settings, tasks, work, folder, &terminate).await,
            None => Err(Failure::Exchange("no folder is shared with it (--exchange)".to_owned()).into()),
        },
        Dispatch::TestView(_) | Dispatch::Request(_) => carry_out(settings, tasks, &terminate).await,
    };
    match outcome {
        Ok(()) => Ending::Delivered,
        Err(ending) => ending,
    }
}

async fn carry_out(
    settings: &Settings,
    tasks: &PulpTasks,
    terminate: &CancellationToken,
) -> Result<(), Ending> {
    let collector = Arc::new(Collector::new(settings)?);
    let ready = async {
        let until = Instant::now() + settings.give_up_after;
        let pulp = log_in(settings, tasks, until).await?;
        register(settings, &collector, until).await?;
        let start = await_start(settings, &collector, until).await?;
        // All that can be done before the start is, so that what follows it is the load.
        let dispatcher = Arc::new(Dispatcher::new(pulp, tasks, settings.pod_uid.clone()));
        let plan = LoopPlan::new(settings, tasks);
        tracing::info!(target_tasks = plan.target, concurrency = plan.concurrency, "ready to send");
        let cpu = CpuReading::now();
        sleep_exactly_until(start.at).await;
        Ok((dispatcher, plan, start, cpu))
    };
    let ready = terminate.run_until_cancelled(ready).await.unwrap_or(Err(Ending::Terminated));
    let (dispatcher, plan, start, cpu) = ready?;
    let report = send_load(&plan, dispatcher, &collector, terminate).await?;
    let work = CpuReading::now().since(&cpu, report.lag.summary(), report.most_unsent);
    deliver(settings, &collector, &report.into_result(settings, &start, work)).await
}

/// Sleeps until an instant, more exactly than the runtime's timers, which tick in milliseconds.
///
/// For the last milliseconds this thread itself sleeps. Another one would have to wake it, and where many generators
/// start on one machine each switch of threads is waited for by all of them.
async fn sleep_exactly_until(at: Instant) {
    const TICKS: Duration = Duration::from_millis(5);
    sleep_until(at.checked_sub(TICKS).unwrap_or(at)).await;
    std::thread::sleep(at.saturating_duration_since(Instant::now()).min(TICKS));
}

/// Sends the load, while the operator is told each second how far it is. An operator that does not hear it
/// changes nothing, but one that says the attempt is over ends it.
async fn send_load(
    plan: &LoopPlan,
    dispatcher: Arc<Dispatcher>,
    collector: &Arc<Collector>,
    terminate: &CancellationToken,
) -> Result<LoopReport, Ending> {
    let (end, over) = (terminate.child_token(), CancellationToken::new());
    let (progress, latest) = watch::channel(Progress::default());
    let mut telling = JoinSet::new();
    telling.spawn(tell_progress(Arc::clone(collector), latest, over.clone(), end.clone()));
    let send = move || {
        let dispatcher = Arc::clone(&dispatcher);
        async move { dispatcher.send().await }
    };
    let report = run_users(plan, send, &end, &progress).await;
    telling.abort_all();
    tracing::info!(
        stopped = ?report.stopped,
        tasks_dispatched = report.tasks_dispatched,
        requests_sent = report.requests.sent,
        requests_failed = report.requests.failures.total(),
        in_milliseconds = milliseconds(report.elapsed),
        "sent"
    );
    if over.is_cancelled() { Err(Ending::AttemptOver) } else { Ok(report) }
}

/// Tells the progress each second from the first one on: at the start itself there is none. When the answer is that the attempt is over, says so and ends the load.
async fn tell_progress(
    collector: Arc<Collector>,
    latest: watch::Receiver<Progress>,
    over: CancellationToken,
    end: CancellationToken,
) {
    const SECOND: Duration = Duration::from_secs(1);
    let mut seconds = interval_at(Instant::now() + SECOND, SECOND);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        let progress = latest.borrow().clone();
        if let Err(CallError::AttemptOver) = collector.progress(&progress).await {
            over.cancel();
            end.cancel();
            return;
        }
    }
}
