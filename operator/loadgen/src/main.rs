//! Starts the load generator, and turns its ending into an exit code.

use std::process::ExitCode;

use throughput_loadgen::ending::Ending;
use throughput_loadgen::logs::{self, LogStream};
use throughput_loadgen::run::run;
use throughput_loadgen::session::http::HttpCoordinator;
use throughput_loadgen::session::local::LocalCoordinator;
use throughput_loadgen::settings::flags::{CommandLine, LocalFlags, PodFlags};
use throughput_loadgen::settings::{Settings, SettingsError};
use throughput_loadgen::termination;

#[tokio::main]
async fn main() -> ExitCode {
    let ending = match CommandLine::parse() {
        CommandLine::Pod(flags) => run_in_pod(flags).await,
        CommandLine::Local(flags) => run_locally(flags).await,
    };
    match ending {
        Ok(ending) => {
            match &ending {
                Ending::Failed(failure) => tracing::error!("{failure}"),
                Ending::Delivered | Ending::AttemptOver | Ending::Terminated => tracing::info!("{ending}"),
            }
            ending.exit_code()
        }
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(2)
        }
    }
}

async fn run_in_pod(flags: PodFlags) -> Result<Ending, SettingsError> {
    logs::start(flags.log_format, LogStream::Output);
    let (settings, operator) = Settings::in_pod(flags)?;
    let connect = || HttpCoordinator::new(&settings, &operator);
    Ok(run(&settings, connect, termination::token()).await)
}

async fn run_locally(flags: LocalFlags) -> Result<Ending, SettingsError> {
    // Standard output is for the result.
    logs::start(flags.log_format, LogStream::Error);
    let (settings, result) = Settings::local(flags)?;
    Ok(run(&settings, || LocalCoordinator::new(result), termination::token()).await)
}
