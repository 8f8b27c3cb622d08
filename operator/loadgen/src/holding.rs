//! The second kind of load, for tests alone: it holds for some seconds, and counts.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use throughput_model::failure::Failures;
use throughput_model::generator::{GeneratorResult, RESULT_VERSION, StopReason};
use throughput_model::holding::{COUNTED, Holding};
use throughput_model::named::{Counts, Histograms};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ending::{Ending, Failure};
use crate::exact_sleep::sleep_exactly_until;
use crate::session::Coordinator;
use crate::settings::Settings;

/// Holds for as long as is asked, and delivers how many seconds it counted.
pub(crate) async fn hold<C: Coordinator>(
    settings: &Settings,
    holding: Holding,
    connect: impl FnOnce() -> Result<C, Failure>,
    terminate: &CancellationToken,
) -> Result<(), Ending> {
    let coordinator = Arc::new(connect()?);
    let until = Instant::now() + settings.give_up_after;
    let ready = async {
        coordinator.ready(until).await?;
        let start = coordinator.start(until).await?;
        sleep_exactly_until(start.at).await;
        Ok(())
    };
    terminate.run_until_cancelled(ready).await.unwrap_or(Err(Ending::Terminated))?;
    let (began, started_at) = (Instant::now(), Timestamp::now());
    let mut counted = 0;
    let all = async {
        while counted < u64::from(holding.seconds) {
            tokio::time::sleep(Duration::from_secs(1)).await;
            counted += 1;
        }
    };
    let whole = terminate.run_until_cancelled(all).await.is_some();
    let result = GeneratorResult {
        version: RESULT_VERSION,
        pod_name: settings.pod_name.clone(),
        pod_uid: settings.pod_uid.clone(),
        started_at,
        finished_at: Timestamp::now(),
        elapsed_microseconds: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        stopped: if whole { StopReason::AllTasksDispatched } else { StopReason::Terminated },
        counts: Counts::of([(COUNTED, counted)]),
        histograms: Histograms::default(),
        failures: Failures::default(),
        start: None,
        work: None,
    };
    coordinator.deliver(&result).await
}
