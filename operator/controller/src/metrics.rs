//! The operator's own metrics, in the Prometheus text format.
//!
//! No label has more values than the operator knows words for, but for the names of the tests that are being
//! measured: of those there are [`running`]'s own bound. README.md of the chart lists all of them.

mod running;
mod stages;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use throughput_core::identity::TestFacts;
use throughput_core::observed::Observed;
use throughput_crds::{ThroughputTestStatus, Verdict};
use throughput_model::failure::FailureClass;
use throughput_pulp::RequestCounts;

use crate::cadence::queues::Queues;
use crate::cadence::turns::Turns;
use crate::generators::phase::GeneratorPhases;
use crate::objects::deadline::RequestError;
use running::Running;
use waiting::Waiting;

/// The steps of a look that can fail, its deadline, and an error of the operator's own.
pub const STEPS: [&str; 5] = ["observe", "apply", "publish", "deadline", "panic"];
/// The outcome of what went well.
const OK: &str = "ok";

/// The operator's own metrics. Cheap to clone: all clones count together.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    leader: Gauge,
    reconciles: Family<Outcome, Counter>,
    durations: Histogram,
    stages: Family<InStage, Histogram>,
    cells: Family<WithVerdict, Counter>,
    tests: Family<WithVerdict, Counter>,
    running: Running,
    kubernetes_errors: Family<OfKind, Counter>,
    pulp_requests: Family<Outcome, Counter>,
    pulp_seconds: Counter<f64, AtomicU64>,
    events_lost: Counter,
    waiting: Waiting,
    /// Counted where the requests are sent; read when somebody asks.
    counted: RequestCounts,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WithVerdict {
    verdict: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct InStage {
    stage: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("throughput_operator");
        registry.register(
            "build",
            "The operator's version",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let inner = Inner {
            leader: registered(&mut registry, "leader", "1 while this process holds the leader Lease"),
            reconciles: registered(
                &mut registry,
                "reconciles",
                "Looks at a test, by outcome: ok, or the step that failed",
            ),
            durations: seconds(
                &mut registry,
                "reconcile_duration",
                "How long a look at a test takes",
                Histogram::new(exponential_buckets(0.005, 2.0, 14)),
            ),
            stages: seconds(
                &mut registry,
                "stage_duration",
                "How long the stages of cells took that have ended",
                Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.25, 2.0, 16))),
            ),
            cells: registered(&mut registry, "cells", "Cells that have ended, by verdict"),
            tests: registered(&mut registry, "tests", "Tests that have ended, by verdict"),
            running: Running::new(&mut registry),
            kubernetes_errors: registered(
                &mut registry,
                "kubernetes_request_errors",
                "Requests to the API server for whose sake a look at a test was given up, by kind",
            ),
            pulp_requests: registered(
                &mut registry,
                "pulp_requests",
                "Requests to Pulp, logins included, by outcome: ok, or the kind of failure",
            ),
            pulp_seconds: seconds(
                &mut registry,
                "pulp_requests_taken",
                "How long all requests to Pulp took together",
                Counter::default(),
            ),
            events_lost: registered(&mut registry, "events_lost", "Events that could not be written"),
            waiting: Waiting::new(&mut registry),
            counted: RequestCounts::default(),
            registry,
        };
        inner.begin_at_zero();
        Self(Arc::new(inner))
    }
}

impl Inner {
    /// What is counted from nothing can be told from what has not happened: so says every count, from the start.
    fn begin_at_zero(&self) {
        for outcome in [OK].into_iter().chain(STEPS) {
            drop(self.reconciles.get_or_create(&Outcome { outcome }));
        }
        for kind in RequestError::KINDS {
            drop(self.kubernetes_errors.get_or_create(&OfKind { kind }));
        }
        for outcome in [OK].into_iter().chain(FailureClass::ALL.map(word)) {
            drop(self.pulp_requests.get_or_create(&Outcome { outcome }));
        }
        for verdict in [Verdict::Passed, Verdict::Failed, Verdict::Invalid, Verdict::Aborted] {
            drop(self.cells.get_or_create(&with(verdict)));
            drop(self.tests.get_or_create(&with(verdict)));
        }
    }
}

fn registered<M>(registry: &mut Registry, name: &'static str, help: &'static str) -> M
where
    M: Clone + Default + prometheus_client::registry::Metric,
{
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn seconds<M>(registry: &mut Registry, name: &'static str, help: &'static str, metric: M) -> M
where
    M: Clone + prometheus_client::registry::Metric,
{
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}

impl Metrics {
    /// Where requests to Pulp are counted.
    pub fn pulp_requests(&self) -> RequestCounts {
        self.0.counted.clone()
    }

    /// Whose turn it is to wait for a server.
    pub fn turns(&self) -> Turns {
        self.0.waiting.turns.clone()
    }

    /// The queues of tests that want the same targets.
    pub fn queues(&self) -> Queues {
        self.0.waiting.queues.clone()
    }

    /// Counts a look that went well.
    pub fn reconciled(&self, duration: Duration) {
        self.0.reconciles.get_or_create(&Outcome { outcome: OK }).inc();
        self.0.durations.observe(duration.as_secs_f64());
    }

    /// Counts a look that failed in this step, and the request that was to blame, if one was.
    pub fn failed(&self, step: &'static str, request: Option<&'static str>) {
        self.0.reconciles.get_or_create(&Outcome { outcome: step }).inc();
        if let Some(kind) = request {
            self.0.kubernetes_errors.get_or_create(&OfKind { kind }).inc();
        }
    }

    /// Counts an event that was not written.
    pub fn lost_event(&self) {
        self.0.events_lost.inc();
    }

    /// Says whether this process leads.
    pub fn set_leader(&self, leads: bool) {
        self.0.leader.set(i64::from(leads));
    }

    /// Whether this process leads.
    pub fn leads(&self) -> bool {
        self.0.leader.get() == 1
    }

    /// Takes over what was seen and decided in a look whose status has been written.
    pub fn follow(
        &self,
        facts: &TestFacts,
        before: &ThroughputTestStatus,
        after: &ThroughputTestStatus,
        observed: &Observed,
    ) {
        if let Some((stage, duration)) = stages::ended(before, after) {
            let stage = InStage { stage: format!("{stage:?}") };
            self.0.stages.get_or_create(&stage).observe(duration.as_secs_f64());
        }
        for result in stages::new_results(before, after) {
            self.0.cells.get_or_create(&with(result.verdict)).inc();
        }
        if let (None, Some(verdict)) = (before.verdict, after.verdict) {
            self.0.tests.get_or_create(&with(verdict)).inc();
        }
        self.0.running.follow(facts, after, observed);
    }

    /// Forgets a test that does not exist any more.
    pub fn forget(&self, test_uid: &str) {
        self.0.running.forget(test_uid);
    }

    /// All metrics as text, with what generators say of their progress.
    pub fn text(&self, phases: &GeneratorPhases) -> String {
        let Inner { registry, running, waiting, pulp_requests, pulp_seconds, counted, .. } = &*self.0;
        waiting.take_counts();
        running.take_progress(phases.progress());
        for (outcome, count) in counted.all() {
            let outcome = Outcome { outcome: outcome.map_or(OK, word) };
            pulp_requests.get_or_create(&outcome).inner().store(count, Ordering::Relaxed);
        }
        pulp_seconds.inner().store(counted.taken().as_secs_f64().to_bits(), Ordering::Relaxed);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let written = encode(&mut text, registry);
        debug_assert!(written.is_ok());
        text
    }
}

fn with(verdict: Verdict) -> WithVerdict {
    let verdict = match verdict {
        Verdict::Passed => "Passed",
        Verdict::Failed => "Failed",
        Verdict::Invalid => "Invalid",
        Verdict::Aborted => "Aborted",
    };
    WithVerdict { verdict }
}

fn word(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Connect => "connect",
        FailureClass::Timeout => "timeout",
        FailureClass::Reset => "reset",
        FailureClass::Unauthorized => "unauthorized",
        FailureClass::ClientError => "client_error",
        FailureClass::ServerError => "server_error",
        FailureClass::UnexpectedAnswer => "unexpected_answer",
        FailureClass::Raised => "raised",
        FailureClass::Abandoned => "abandoned",
    }
}

#[cfg(test)]
mod tests;
