//! A generator's life: get ready, register, await the start, send the load, deliver.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use throughput_model::failure::FailureClass;
use throughput_model::generator::{GeneratorResult, OwnWork, RESULT_VERSION, StartFigures};
use throughput_model::protocol::Progress;
use throughput_model::workload::{Dispatch, PulpTasks, Workload};
use throughput_pulp::{ClientOptions, PulpClient};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::beside;
use crate::collector::{CallError, Collector};
use crate::cpu::CpuReading;
use crate::dispatch::Dispatcher;
use crate::ending::{Ending, Failure};
use crate::load::{LoopPlan, LoopReport};
use crate::logs::milliseconds;
use crate::session::{await_start, deliver, register};
use crate::settings::Settings;
use crate::start::StartEstimate;
use crate::users::run_users;

/// The pause between two tries to log in.
const PAUSE: Duration = Duration::from_secs(1);

/// Lives a generator's life. When `terminate` is cancelled, what was measured until then is delivered.
pub async fn run(settings: &Settings, terminate: CancellationToken) -> Ending {
    let Workload::PulpTasks(tasks) = &settings.assignment.workload;
    let outcome = match &tasks.dispatch {
        Dispatch::InProcess(work) => match &settings.exchange {
            Some(folder) => beside::carry_out(settings, tasks, work, folder, &terminate).await,
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
    let collector = Arc::new(Collector::new(settings).map_err(Failure::from)?);
    let ready = async {
        let until = Instant::now() + settings.give_up_after;
        let pulp = log_in(settings, tasks, until).await?;
        register(settings, &collector, until).await?;
        let start = await_start(settings, &collector, until).await?;
        // All that can be done before the start is, so that what follows it is the load.
        let dispatcher = Arc::new(Dispatcher::new(pulp, tasks, settings.pod_uid.clone()));
        let plan = loop_plan(settings, tasks);
        tracing::info!(target_tasks = plan.target, concurrency = plan.concurrency, "ready to send");
        let cpu = CpuReading::now();
        sleep_exactly_until(start.at).await;
        Ok((dispatcher, plan, start, cpu))
    };
    let ready = terminate.run_until_cancelled(ready).await.unwrap_or(Err(Ending::Terminated));
    let (dispatcher, plan, start, cpu) = ready?;
    let report = send_load(&plan, dispatcher, &collector, terminate).await?;
    let work = CpuReading::now().since(&cpu, report.lag.summary(), report.most_unsent);
    deliver(settings, &collector, &result(settings, report, &start, work)).await
}

/// A client that has logged in, so that the login is no part of what is measured. A target that is not there
/// yet is waited for.
async fn log_in(settings: &Settings, tasks: &PulpTasks, until: Instant) -> Result<PulpClient, Ending> {
    let options = ClientOptions { certificates: settings.certificates.clone(), ..ClientOptions::default() };
    let pulp = PulpClient::new(&tasks.pulp, settings.credentials.clone(), options).map_err(Failure::from)?;
    while let Err(error) = pulp.log_in().await {
        if !may_pass(error.failure_class()) || Instant::now() + PAUSE >= until {
            return Err(Failure::Login(error).into());
        }
        tracing::warn!(%error, "the login failed, trying again");
        sleep(PAUSE).await;
    }
    Ok(pulp)
}

/// Whether a failed login may succeed later without anybody's doing.
fn may_pass(class: FailureClass) -> bool {
    match class {
        FailureClass::Connect | FailureClass::Timeout | FailureClass::Reset | FailureClass::ServerError => {
            true
        }
        FailureClass::Unauthorized
        | FailureClass::ClientError
        | FailureClass::UnexpectedAnswer
        | FailureClass::Raised => false,
    }
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

fn loop_plan(settings: &Settings, tasks: &PulpTasks) -> LoopPlan {
    LoopPlan {
        target: tasks.share(settings.assignment.generators, settings.index),
        expected_yield: match &tasks.dispatch {
            Dispatch::TestView(view) => view.tasks_per_request.unwrap_or(1),
            Dispatch::Request(_) | Dispatch::InProcess(_) => 1,
        },
        concurrency: tasks.concurrency.max(1),
        dispatch_deadline: Duration::from_millis(tasks.dispatch_deadline_milliseconds),
        termination_grace: settings.termination_grace,
    }
}

fn result(settings: &Settings, report: LoopReport, start: &StartEstimate, work: OwnWork) -> GeneratorResult {
    let LoopReport {
        started_at,
        elapsed,
        stopped,
        requests,
        tasks_dispatched,
        largest_yield,
        lag: _,
        most_unsent: _,
        first_sent,
    } = report;
    let lateness = first_sent.map(|sent| sent.saturating_duration_since(start.at)).unwrap_or_default();
    let elapsed_of_day = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX);
    GeneratorResult {
        version: RESULT_VERSION,
        pod_name: settings.pod_name.clone(),
        pod_uid: settings.pod_uid.clone(),
        started_at,
        finished_at: started_at.checked_add(elapsed_of_day).unwrap_or(Timestamp::MAX),
        elapsed_microseconds: microseconds(elapsed),
        stopped,
        requests,
        tasks_dispatched,
        largest_yield,
        start: Some(StartFigures {
            uncertainty_microseconds: microseconds(start.uncertainty),
            lateness_microseconds: microseconds(lateness),
        }),
        work: Some(work),
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
