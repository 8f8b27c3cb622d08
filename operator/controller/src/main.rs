//! The operator's program.

use std::process::ExitCode;

use clap::Parser;
use throughput_controller::process::{run, signals};
use throughput_controller::settings::{Command, CommonFlags, Flags, LogFormat};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    let common = match &flags.command {
        Command::Run(run) => &run.common,
        Command::Restore(common) => common,
    };
    if let Err(error) = log(common) {
        eprintln!("--log {}: {error}", common.log);
        return ExitCode::from(2);
    }
    match carry_out(&flags.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "ended");
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(command: &Command) -> Result<(), run::RunError> {
    // One provider for every TLS connection of the process. It fails only where one is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = run::client().await?;
    match command {
        Command::Run(flags) => run::run(client, flags, signals::termination()).await,
        Command::Restore(flags) => run::restore(&client, flags).await,
    }
}

fn log(flags: &CommonFlags) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = EnvFilter::try_new(&flags.log)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter);
    match flags.log_format {
        LogFormat::Json => lines.json().flatten_event(true).init(),
        LogFormat::Text => lines.init(),
    }
    Ok(())
}
