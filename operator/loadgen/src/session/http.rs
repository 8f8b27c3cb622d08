//! The operator as coordinator: each call is repeated until it succeeds, or can do so no more.

mod collector;
mod persist;

use std::time::Duration;

use throughput_model::generator::GeneratorResult;
use throughput_model::protocol::{Progress, Registration};
use tokio::time::{Instant, sleep_until, timeout};

use super::start::{StartEstimate, better};
use super::{Attempt, Coordinator};
use crate::durations::milliseconds;
use crate::ending::{Ending, Failure};
use crate::settings::{OperatorSettings, Settings};
use collector::{CallError, Collector};
use persist::persist;

/// The pause between two questions for the start that are answered at once by "wait".
const PAUSE: Duration = Duration::from_secs(1);
/// The number of further questions for a start that is known, to know it better.
const START_REFINEMENTS: u32 = 3;
/// The least time to the start for which there are such questions.
const REFINABLE: Duration = Duration::from_secs(1);

/// The operator, as coordinator of one of its generators.
#[derive(Debug)]
pub struct HttpCoordinator {
    collector: Collector,
    registration: Registration,
    /// The generator's index, which spreads the questions of all generators over time.
    index: u32,
    /// The longest time for the delivery.
    give_up_after: Duration,
}

impl HttpCoordinator {
    /// A client of the operator. Nothing is sent yet.
    pub fn new(settings: &Settings, operator: &OperatorSettings) -> Result<Self, Failure> {
        Ok(Self {
            collector: Collector::new(settings, operator)?,
            registration: Registration {
                pod_name: settings.pod_name.clone(),
                pod_uid: settings.pod_uid.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            index: settings.index,
            give_up_after: settings.give_up_after,
        })
    }

    /// Waits until the operator says when the start is.
    async fn first_estimate(&self, until: Instant) -> Result<StartEstimate, Ending> {
        loop {
            let asked = Instant::now();
            let sample = persist("the start", until, || self.collector.start()).await?;
            if let Some(sample) = sample {
                return Ok(sample.estimate(self.collector.smallest_round_trip()));
            }
            if Instant::now() >= until {
                let last = "the operator says to wait".to_owned();
                return Err(Failure::GaveUp { what: "the start", last }.into());
            }
            // The operator should hold the question back; when it does not, it is not asked all the time.
            sleep_until(asked + PAUSE).await;
        }
    }

    /// The best estimate of a start, after some more questions where there is time for them.
    async fn refined(&self, first: StartEstimate) -> StartEstimate {
        let mut best = first;
        let remaining = best.at.saturating_duration_since(Instant::now());
        if remaining < REFINABLE {
            return best;
        }
        // All generators were told at the same moment, and would wait for each other if they asked again at
        // once. So each asks at its own moment of each part of the time that is left.
        let (begun, part) = (Instant::now(), remaining.saturating_sub(REFINABLE / 2) / START_REFINEMENTS);
        let own_moment = part * (self.index * 618 % 1_000) / 1_000;
        for number in 0..START_REFINEMENTS {
            sleep_until(begun + part * number + own_moment).await;
            if let Ok(Ok(Some(sample))) = timeout(REFINABLE / 4, self.collector.start()).await {
                best = better(best, sample.estimate(self.collector.smallest_round_trip()));
            }
        }
        best
    }
}

impl Coordinator for HttpCoordinator {
    async fn ready(&self, until: Instant) -> Result<(), Ending> {
        persist("the registration", until, || self.collector.register(&self.registration)).await?;
        tracing::info!(index = self.index, "registered");
        Ok(())
    }

    async fn start(&self, until: Instant) -> Result<StartEstimate, Ending> {
        let first = self.first_estimate(until).await?;
        let best = self.refined(first).await;
        tracing::info!(
            in_milliseconds = milliseconds(best.at.saturating_duration_since(Instant::now())),
            uncertainty_milliseconds = milliseconds(best.uncertainty),
            "the start is known"
        );
        Ok(best)
    }

    async fn tell(&self, progress: &Progress) -> Attempt {
        match self.collector.progress(progress).await {
            Err(CallError::AttemptOver) => Attempt::Over,
            Ok(()) | Err(CallError::TokenRefused | CallError::IndexTaken | CallError::Transient(_)) => {
                Attempt::Running
            }
        }
    }

    async fn deliver(&self, result: &GeneratorResult) -> Result<(), Ending> {
        let until = Instant::now() + self.give_up_after;
        persist("the delivery", until, || self.collector.deliver(result)).await
    }
}
