//! The books of a closed loop: the requests sent, their outcomes, and whether to send more.

use std::time::Duration;

use jiff::Timestamp;
use throughput_model::failure::{FailureClass, Phase};
use throughput_model::generator::{RequestFigures, StopReason};
use throughput_model::histogram::LatencyHistogram;
use throughput_model::named::Counts;
use throughput_model::protocol::Progress;
use throughput_model::pulp_load::{REQUESTS_FAILED, REQUESTS_FINISHED, REQUESTS_SENT, TASKS_DISPATCHED};
use tokio::time::Instant;

use super::budget::Budget;
use super::dispatch::DispatchFailure;
use super::load::{LoopPlan, LoopReport};
use super::streak::FailureStreak;

/// A user between two requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Its failures since its last success.
    pub failures_in_a_row: u32,
    /// The instant from which it could send its next request; absent before its first.
    pub due: Option<Instant>,
}

/// A request that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The user that sent it.
    pub user: User,
    /// The instant of its sending.
    pub sent: Instant,
    /// The instant at which its answer was complete.
    pub ended: Instant,
    /// The number of tasks that it dispatched; `None` when it was abandoned.
    pub outcome: Option<Result<u64, DispatchFailure>>,
}

/// The books of a closed loop.
#[derive(Clone, Debug)]
pub struct Ledger {
    budget: Budget,
    streak: FailureStreak,
    requests: RequestFigures,
    first_sent: Option<Instant>,
    last_ended: Option<Instant>,
    last_success: Instant,
    stopped: Option<StopReason>,
    lag: LatencyHistogram,
    most_unsent: u64,
    /// The instant from which the budget lets requests be sent again, after it did not.
    budget_since: Option<Instant>,
}

impl Ledger {
    /// Empty books, begun now. Where no task is wanted, the loop stops at once.
    pub fn new(plan: &LoopPlan, now: Instant) -> Self {
        let budget = Budget::new(plan.tasks_wanted, plan.tasks_per_request);
        Self {
            budget,
            streak: FailureStreak::default(),
            requests: RequestFigures::default(),
            first_sent: None,
            last_ended: None,
            last_success: now,
            stopped: budget.is_reached().then_some(StopReason::AllTasksDispatched),
            lag: LatencyHistogram::default(),
            most_unsent: 0,
            budget_since: None,
        }
    }

    /// Whether one more request may be sent now.
    pub fn may_send(&self) -> bool {
        self.stopped.is_none() && self.budget.may_send()
    }

    /// The reason for which no further request is sent, once there is one.
    pub fn stopped(&self) -> Option<StopReason> {
        self.stopped
    }

    /// Lets no further request be sent. The first reason counts.
    pub fn stop(&mut self, reason: StopReason) {
        self.stopped.get_or_insert(reason);
    }

    /// Notes how many users could send now and have not yet.
    pub fn note_unsent(&mut self, users: usize) {
        if self.may_send() {
            self.most_unsent = self.most_unsent.max(u64::try_from(users).unwrap_or(u64::MAX));
        }
    }

    /// Notes a request that this user sends now, and returns the instant.
    pub fn note_sent(&mut self, user: User, now: Instant) -> Instant {
        if let Some(due) = user.due.max(self.budget_since.filter(|_| user.due.is_some())) {
            self.lag.record(now.saturating_duration_since(due));
        }
        self.budget.note_sent();
        self.requests.sent += 1;
        self.first_sent.get_or_insert(now);
        now
    }

    /// Notes a request that ended, stops the loop when that was enough or too much, and returns the user.
    /// `None` stands for a request that ended without an outcome, which none does.
    pub fn note_finished(&mut self, finished: Option<Finished>, now: Instant) -> User {
        let finished = finished.unwrap_or_else(|| Finished {
            user: User::default(),
            sent: now,
            ended: now,
            outcome: Some(Err(failure(FailureClass::UnexpectedAnswer, "the request ended by itself"))),
        });
        let Finished { mut user, sent, ended, outcome } = finished;
        let latency = ended.duration_since(sent);
        let was_held_back = !self.may_send();
        user.due = Some(ended);
        self.last_ended = self.last_ended.max(Some(ended));
        match outcome.unwrap_or_else(|| {
            Err(failure(FailureClass::Abandoned, "given up, since the generator was told to end"))
        }) {
            Ok(tasks) => {
                self.budget.note_finished(tasks);
                self.requests.succeeded += 1;
                self.requests.latency.record(latency);
                self.streak.note_success();
                self.last_success = ended;
                user.failures_in_a_row = 0;
            }
            Err(DispatchFailure { phase, class, description }) => {
                self.budget.note_finished(0);
                self.requests.failures.record(phase, class, &description);
                self.requests.failed_latency.record(latency);
                self.streak.note_failure();
                user.failures_in_a_row = user.failures_in_a_row.saturating_add(1);
            }
        }
        if was_held_back && self.may_send() {
            self.budget_since = Some(ended);
        }
        if self.budget.is_reached() {
            self.stop(StopReason::AllTasksDispatched);
        } else if self.streak.is_hopeless(now.duration_since(self.last_success)) {
            self.stop(StopReason::TooManyFailures);
        }
        user
    }

    /// The counts so far.
    pub fn progress(&self) -> Progress {
        let requests_failed = self.requests.failures.total();
        Progress {
            counts: Counts::of([
                (REQUESTS_SENT, self.requests.sent),
                (REQUESTS_FINISHED, self.requests.succeeded + requests_failed),
                (REQUESTS_FAILED, requests_failed),
                (TASKS_DISPATCHED, self.budget.dispatched()),
            ]),
        }
    }

    /// The report of a loop that has ended. `(time, instant)` are one moment by both clocks, about when the loop began.
    /// A thread may have to wait between reading a clock and sending, so the report has the moment of the sending.
    pub fn report(self, (time, instant): (Timestamp, Instant)) -> LoopReport {
        let Self {
            budget,
            streak: _,
            requests,
            first_sent,
            last_ended,
            last_success: _,
            stopped,
            lag,
            most_unsent,
            budget_since: _,
        } = self;
        let elapsed = match (first_sent, last_ended) {
            (Some(first), Some(last)) => last.duration_since(first),
            _ => Duration::ZERO,
        };
        let waited = first_sent.map(|sent| sent.saturating_duration_since(instant)).unwrap_or_default();
        // Requests that were under way at another stop can still have dispatched all that was wanted.
        let stopped = if budget.is_reached() {
            StopReason::AllTasksDispatched
        } else {
            stopped.unwrap_or(StopReason::Terminated)
        };
        LoopReport {
            started_at: time.checked_add(waited).unwrap_or(time),
            elapsed,
            stopped,
            requests,
            tasks_dispatched: budget.dispatched(),
            largest_yield: budget.largest_yield(),
            lag,
            most_unsent,
            first_sent,
        }
    }
}

/// The failure of a request whose answer was not awaited to its end.
fn failure(class: FailureClass, description: &str) -> DispatchFailure {
    DispatchFailure { phase: Phase::AwaitAnswer, class, description: description.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_starts_when_the_first_request_is_sent_however_late_that_is() {
        let plan = LoopPlan {
            tasks_wanted: 2,
            tasks_per_request: 1,
            concurrency: 1,
            dispatch_deadline: Duration::from_mins(1),
            termination_grace: Duration::ZERO,
        };
        let begun = Instant::now();
        let mut ledger = Ledger::new(&plan, begun);
        for milliseconds in [40, 90] {
            ledger.note_sent(User::default(), begun + Duration::from_millis(milliseconds));
        }
        let report = ledger.report((Timestamp::UNIX_EPOCH, begun));
        assert_eq!(report.started_at, Timestamp::from_millisecond(40).unwrap());
    }
}
