//! The load is made by a container beside this one: a script in Pulp's own image, with Pulp's settings.
//!
//! Both share a folder, and each file in it has one writer, who puts it there whole.
//!
//! | file | written by | what it says |
//! | --- | --- | --- |
//! | `work.json` | this program | what to dispatch: `script::Work` |
//! | `ready` | the script | Pulp is imported, and its database answers |
//! | `start.json` | this program | the instant of the common start, by the clock of this node |
//! | `progress.json` | the script | counts so far, twice a second |
//! | `result.json` | the script | all counts and times: `script::ScriptResult` |
//! | `delivered` | this program | the operator has the result, and the script may end |
//! | `abort` | this program | why the script shall end without a result |
//!
//! This program runs as a native sidecar: it is started again when it ends, and told to end after the script.
//! So it does not end by itself, and it can be started again at any point: the files say where it was.

mod exchange;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod script;

use throughput_model::workload::{InProcess, PulpTasks};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ending::{Ending, Failure};
use crate::session::Coordinator;
use crate::settings::Settings;
use exchange::Exchange;
use script::{ScriptResult, Work};

/// The script, in Python, with nothing to install. The pod's maker puts it into the container with Pulp's image, where
/// the variable `THROUGHPUT_EXCHANGE` names the shared folder.
pub const DISPATCH_SCRIPT: &str = include_str!("sidecar/dispatch.py");

/// Attends the script until this program is told to end.
pub(crate) async fn attend<C: Coordinator>(
    settings: &Settings,
    tasks: &PulpTasks,
    work: &InProcess,
    connect: impl FnOnce() -> Result<C, Failure>,
    terminate: &CancellationToken,
) -> Result<(), Ending> {
    let Some(folder) = &settings.exchange else {
        return Err(Failure::Exchange("no folder is shared with it (--exchange)".to_owned()).into());
    };
    let exchange = Exchange::new(folder);
    if exchange.has("delivered") {
        terminate.cancelled().await;
        return Ok(());
    }
    let attended = attend_once(settings, tasks, work, connect, &exchange);
    let Some(outcome) = terminate.run_until_cancelled(attended).await else {
        return Err(Ending::Terminated);
    };
    if let Err(ending) = &outcome {
        tracing::warn!(%ending, "the script is told to end");
        exchange.put("abort", ending.to_string().as_bytes())?;
    }
    // A program that ends is started again while the script lives.
    terminate.cancelled().await;
    outcome
}

async fn attend_once<C: Coordinator>(
    settings: &Settings,
    tasks: &PulpTasks,
    work: &InProcess,
    connect: impl FnOnce() -> Result<C, Failure>,
    exchange: &Exchange,
) -> Result<(), Ending> {
    let coordinator = connect()?;
    let until = Instant::now() + settings.give_up_after;
    exchange.put_json("work.json", &Work::new(settings, tasks, work))?;
    exchange.await_file("ready", until).await?;
    coordinator.ready(until).await?;
    let start = coordinator.start(until).await?;
    let at = exchange.announce_start(&start)?;
    let result: ScriptResult = exchange.await_result(&coordinator).await?;
    tracing::info!(dispatched = result.latencies_microseconds.len(), stopped = ?result.stopped, "dispatched");
    coordinator.deliver(&result.into_result(settings, &start, at)).await?;
    exchange.put("delivered", b"")?;
    tracing::info!("the result is delivered");
    Ok(())
}
