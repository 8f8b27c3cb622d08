//! The load of one generator: its plan, and the report of what came of it.

use std::time::Duration;

use jiff::Timestamp;
use throughput_model::generator::{RequestFigures, StopReason};
use throughput_model::histogram::LatencyHistogram;
use tokio::time::Instant;

/// What the users are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopPlan {
    /// The tasks that are to be dispatched.
    pub target: u64,
    /// The tasks that a request is expected to dispatch, before the first answer tells.
    pub expected_yield: u64,
    /// How many requests are under way at most.
    pub concurrency: u32,
    /// How long new requests are sent.
    pub dispatch_deadline: Duration,
    /// How long requests under way are awaited after being told to end.
    pub termination_grace: Duration,
}

/// What the users did.
#[derive(Clone, Debug, PartialEq)]
pub struct LoopReport {
    /// When the first request was sent, by the clock of this machine.
    pub started_at: Timestamp,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Why no further request was sent.
    pub stopped: StopReason,
    /// Requests, counted and timed.
    pub requests: RequestFigures,
    /// The tasks that were dispatched.
    pub tasks_dispatched: u64,
    /// The most tasks that one request dispatched.
    pub largest_yield: u64,
    /// From when a request could have been sent to when it was, of all but the users' first ones.
    pub lag: LatencyHistogram,
    /// The most requests that could have been sent at one time and were not yet.
    pub most_unsent: u64,
    /// When the first request was sent; absent when none was.
    pub first_sent: Option<Instant>,
}
