//! Profiles the processes of the container that this one was put beside.

use std::process::ExitCode;

use clap::Parser;
use throughput_profiler::run::{Flags, run};

fn main() -> ExitCode {
    match run(&Flags::parse(), &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
