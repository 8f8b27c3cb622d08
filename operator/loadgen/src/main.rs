//! Starts the load generator, and turns its ending into an exit code.

use std::process::ExitCode;

use clap::Parser;
use throughput_loadgen::ending::Ending;
use throughput_loadgen::run::run;
use throughput_loadgen::session::http::HttpCoordinator;
use throughput_loadgen::settings::{Flags, Settings};
use throughput_loadgen::{logs, termination};

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    logs::start(flags.log_format);
    let ending = match Settings::check(flags) {
        Ok((settings, operator)) => {
            let connect = || HttpCoordinator::new(&settings, &operator);
            run(&settings, connect, termination::token()).await
        }
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    match &ending {
        Ending::Failed(failure) => tracing::error!("{failure}"),
        Ending::Delivered | Ending::AttemptOver | Ending::Terminated => tracing::info!("{ending}"),
    }
    ending.exit_code()
}
