//! The closed loop: some users, each of which sends its next request when the one before is answered.
//!
//! All bookkeeping is done in one place, which starts a request for a user that may send and hears of each
//! that ended. So there is nothing to lock, no wake-up to miss, and one histogram is enough.

use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use throughput_model::generator::StopReason;
use throughput_model::protocol::Progress;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::dispatch::DispatchFailure;
use super::ledger::{Finished, Ledger, User};
use super::load::{LoopPlan, LoopReport};
use super::streak::backoff_after;

/// Lets the users send until enough was dispatched, the deadline passed, too much failed or `end` was
/// cancelled; then awaits what is under way. `send` makes one request and returns the number of tasks that it
/// dispatched. `progress` has the counts so far at any time.
pub async fn run_users<SendOne, Sending>(
    plan: &LoopPlan,
    send: SendOne,
    end: &CancellationToken,
    progress: &watch::Sender<Progress>,
) -> LoopReport
where
    SendOne: Fn() -> Sending,
    Sending: Future<Output = Result<u64, DispatchFailure>> + Send + 'static,
{
    let begun = (Timestamp::now(), Instant::now());
    let mut ledger = Ledger::new(plan, begun.1);
    let (mut under_way, abandon) = (JoinSet::new(), CancellationToken::new());
    let (mut idle, mut backing_off) = (IdleUsers::new(plan.concurrency), FuturesUnordered::new());
    let deadline = sleep(plan.dispatch_deadline);
    tokio::pin!(deadline);
    while ledger.stopped().is_none() {
        ledger.note_unsent(idle.waiting.len());
        while ledger.may_send()
            && let Some(user) = idle.take()
        {
            under_way.spawn(timed(user, ledger.note_sent(user, Instant::now()), send(), abandon.clone()));
        }
        progress.send_replace(ledger.progress());
        tokio::select! {
            () = end.cancelled() => ledger.stop(StopReason::Terminated),
            () = &mut deadline => ledger.stop(StopReason::DeadlineExceeded),
            Some(finished) = under_way.join_next() => {
                // All that have ended by now: how many there are at once tells whether this loop keeps up.
                let mut next = Some(finished);
                while let Some(finished) = next {
                    let user = ledger.note_finished(finished.ok(), Instant::now());
                    match backoff_after(user.failures_in_a_row) {
                        Duration::ZERO => idle.put(user),
                        backoff => backing_off.push(backed_off(user, backoff)),
                    }
                    next = under_way.try_join_next();
                }
            }
            Some(user) = backing_off.next() => idle.put(user),
        }
    }
    await_under_way(&mut under_way, &mut ledger, progress, end, plan.termination_grace, &abandon).await;
    ledger.report(begun)
}

/// Awaits the requests under way; once told to end, only so long, and then abandons them.
async fn await_under_way(
    under_way: &mut JoinSet<Finished>,
    ledger: &mut Ledger,
    progress: &watch::Sender<Progress>,
    end: &CancellationToken,
    grace: Duration,
    abandon: &CancellationToken,
) {
    let told_too_long_ago = async {
        end.cancelled().await;
        sleep(grace).await;
    };
    tokio::pin!(told_too_long_ago);
    loop {
        progress.send_replace(ledger.progress());
        tokio::select! {
            finished = under_way.join_next() => match finished {
                Some(finished) => drop(ledger.note_finished(finished.ok(), Instant::now())),
                None => return,
            },
            () = &mut told_too_long_ago, if !abandon.is_cancelled() => abandon.cancel(),
        }
    }
}

/// One request of a user, with the time that it took since it was due.
async fn timed<Sending>(user: User, sent: Instant, sending: Sending, abandon: CancellationToken) -> Finished
where
    Sending: Future<Output = Result<u64, DispatchFailure>>,
{
    let outcome = abandon.run_until_cancelled(sending).await;
    Finished { user, sent, ended: Instant::now(), outcome }
}

async fn backed_off(user: User, backoff: Duration) -> User {
    let due = Instant::now() + backoff;
    sleep_until(due).await;
    User { due: Some(due), ..user }
}

/// The users that may send as soon as the budget allows it.
struct IdleUsers {
    /// Users that have not sent anything yet.
    fresh: u32,
    waiting: Vec<User>,
}

impl IdleUsers {
    fn new(users: u32) -> Self {
        Self { fresh: users, waiting: Vec::new() }
    }

    fn take(&mut self) -> Option<User> {
        self.waiting.pop().or_else(|| {
            self.fresh = self.fresh.checked_sub(1)?;
            Some(User::default())
        })
    }

    fn put(&mut self, user: User) {
        self.waiting.push(user);
    }
}
