//! The load that makes Pulp dispatch tasks: requests in a closed loop.
//!
//! | file | what it has |
//! | --- | --- |
//! | `login` | the client that has logged in before the start |
//! | `load` | the loop's plan, and the report of what it did |
//! | `closed_loop` | the users, and the requests under way |
//! | `ledger` | the requests, counted and timed (pure) |
//! | `budget`, `streak` | when no further request is sent (pure) |
//! | `dispatch` | one request, and its outcome |

pub mod budget;
pub mod closed_loop;
pub mod dispatch;
pub mod ledger;
pub mod load;
pub(crate) mod login;
pub mod streak;

use std::sync::Arc;

use throughput_model::protocol::Progress;
use throughput_model::workload::PulpTasks;
use throughput_pulp::PulpClient;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::durations::milliseconds;
use crate::session::Coordinator;
use crate::session::progress::tell_until_over;
use crate::settings::Settings;
use closed_loop::run_users;
use dispatch::Dispatcher;
use load::{LoopPlan, LoopReport};

/// The load of one generator, ready to be sent.
pub(crate) struct Load {
    plan: LoopPlan,
    dispatcher: Arc<Dispatcher>,
}

impl Load {
    /// Does all that can be done before the start, so that what follows it is the load.
    pub(crate) fn new(pulp: PulpClient, settings: &Settings, tasks: &PulpTasks) -> Self {
        let plan = LoopPlan::new(settings, tasks);
        let dispatcher = Arc::new(Dispatcher::new(pulp, tasks, settings.pod_uid.clone()));
        tracing::info!(tasks_wanted = plan.tasks_wanted, concurrency = plan.concurrency, "ready to send");
        Self { plan, dispatcher }
    }

    /// Sends the load, while the coordinator is told each second how far it is. A coordinator that does not hear it
    /// changes nothing, but one that says the attempt is over ends the load.
    pub(crate) async fn send(
        self,
        coordinator: &Arc<impl Coordinator>,
        terminate: &CancellationToken,
    ) -> LoopReport {
        let Self { plan, dispatcher } = self;
        let end = terminate.child_token();
        let (progress, latest) = watch::channel(Progress::default());
        let mut telling = JoinSet::new();
        let told = tell_until_over(Arc::clone(coordinator), latest);
        let tell_end = end.clone();
        telling.spawn(async move {
            told.await;
            tell_end.cancel();
        });
        let send = move || {
            let dispatcher = Arc::clone(&dispatcher);
            async move { dispatcher.send().await }
        };
        let report = run_users(&plan, send, &end, &progress).await;
        telling.abort_all();
        tracing::info!(
            stopped = ?report.stopped,
            tasks_dispatched = report.tasks_dispatched,
            requests_sent = report.requests.sent,
            requests_failed = report.requests.failures.total(),
            in_milliseconds = milliseconds(report.elapsed),
            "sent"
        );
        report
    }
}
