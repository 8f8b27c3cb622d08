//! What a generator does with the operator: it registers, asks for the start, delivers its result.

pub mod collector;
pub mod persist;
pub mod start;

use std::time::Duration;

use throughput_model::generator::GeneratorResult;
use throughput_model::protocol::Registration;
use tokio::time::{Instant, sleep_until, timeout};

use crate::durations::milliseconds;
use crate::ending::{Ending, Failure};
use crate::settings::Settings;
use collector::Collector;
use persist::persist;
use start::{StartEstimate, better};

/// The pause between two questions for the start that are answered at once by "wait".
const PAUSE: Duration = Duration::from_secs(1);
/// How often the start is asked for again, to know it better.
const START_REFINEMENTS: u32 = 3;
/// How far away the start must be for that.
const REFINABLE: Duration = Duration::from_secs(1);

pub(crate) async fn register(
    settings: &Settings,
    collector: &Collector,
    until: Instant,
) -> Result<(), Ending> {
    let registration = Registration {
        pod_name: settings.pod_name.clone(),
        pod_uid: settings.pod_uid.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    persist("the registration", until, async || collector.register(&registration).await).await?;
    tracing::info!(index = settings.index, "registered");
    Ok(())
}

pub(crate) async fn await_start(
    settings: &Settings,
    collector: &Collector,
    until: Instant,
) -> Result<StartEstimate, Ending> {
    let mut best = loop {
        let asked = Instant::now();
        if let Some(sample) = persist("the start", until, async || collector.start().await).await? {
            break sample.estimate(collector.smallest_round_trip());
        }
        if Instant::now() >= until {
            let last = "the operator says to wait".to_owned();
            return Err(Failure::GaveUp { what: "the start", last }.into());
        }
        // The operator should hold the question back; when it does not, it is not asked all the time.
        sleep_until(asked + PAUSE).await;
    };
    let remaining = best.at.saturating_duration_since(Instant::now());
    if remaining >= REFINABLE {
        // All generators were told at the same moment, and would wait for each other if they asked again at
        // once. So each asks at its own moment of each part of the time that is left.
        let (begun, part) = (Instant::now(), remaining.saturating_sub(REFINABLE / 2) / START_REFINEMENTS);
        let own_moment = part * (settings.index * 618 % 1_000) / 1_000;
        for number in 0..START_REFINEMENTS {
            sleep_until(begun + part * number + own_moment).await;
            if let Ok(Ok(Some(sample))) = timeout(REFINABLE / 4, collector.start()).await {
                best = better(best, sample.estimate(collector.smallest_round_trip()));
            }
        }
    }
    tracing::info!(
        in_milliseconds = milliseconds(best.at.saturating_duration_since(Instant::now())),
        uncertainty_milliseconds = milliseconds(best.uncertainty),
        "the start is known"
    );
    Ok(best)
}

pub(crate) async fn deliver(
    settings: &Settings,
    collector: &Collector,
    result: &GeneratorResult,
) -> Result<(), Ending> {
    let until = Instant::now() + settings.give_up_after;
    persist("the delivery", until, async || collector.deliver(result).await).await
}
