//! A run without a cluster: nobody to register with, a start at once, progress in the log, the result in a file.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use throughput_model::generator::GeneratorResult;
use throughput_model::protocol::Progress;
use tokio::time::Instant;

use super::start::StartEstimate;
use super::{Attempt, Coordinator};
use crate::ending::{Ending, Failure};
use crate::whole_file::{check_writable, write_whole};

/// The coordinator of a single generator that was started by hand.
#[derive(Debug)]
pub struct LocalCoordinator {
    /// The file for the result; standard output without it.
    result: Option<PathBuf>,
}

impl LocalCoordinator {
    /// A coordinator that puts the result into this file, or else to standard output. A file that cannot be written is
    /// a failure now, not after the load.
    pub fn new(result: Option<PathBuf>) -> Result<Self, Failure> {
        if let Some(path) = &result {
            check_writable(path).map_err(|error| Failure::Result(format!("{}: {error}", path.display())))?;
        }
        Ok(Self { result })
    }
}

impl Coordinator for LocalCoordinator {
    async fn ready(&self, _until: Instant) -> Result<(), Ending> {
        Ok(())
    }

    async fn start(&self, _until: Instant) -> Result<StartEstimate, Ending> {
        Ok(StartEstimate { at: Instant::now(), uncertainty: Duration::ZERO })
    }

    async fn tell(&self, progress: &Progress) -> Attempt {
        let Progress { counts } = progress;
        tracing::info!(%counts, "progress");
        Attempt::Running
    }

    async fn deliver(&self, result: &GeneratorResult) -> Result<(), Ending> {
        let failed = |error: io::Error| Failure::Result(error.to_string());
        let mut text = serde_json::to_vec_pretty(result).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        let written = match &self.result {
            Some(path) => write_whole(path, &text),
            None => io::stdout().write_all(&text).and_then(|()| io::stdout().flush()),
        };
        Ok(written.map_err(failed)?)
    }
}
