//! The folder that this program and the script share.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use throughput_model::protocol::Progress;
use tokio::time::{Instant, sleep, timeout};

use super::script::ScriptResult;
use crate::ending::{Ending, Failure};
use crate::session::progress::TELL_EVERY;
use crate::session::start::StartEstimate;
use crate::session::{Attempt, Coordinator};
use crate::whole_file::write_whole;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// The longest file of the script that is read, in bytes: 200,000 times of some digits each.
const LARGEST_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// The instant of the start, as the script reads it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Start {
    /// Nanoseconds since 1970.
    at: i64,
}

/// The folder that both share.
pub(super) struct Exchange {
    folder: PathBuf,
}

impl Exchange {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Whether a file is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.folder.join(name).exists()
    }

    /// Puts a file there, whole or not at all.
    pub(super) fn put(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        write_whole(&self.folder.join(name), content)
            .map_err(|error| Failure::Exchange(format!("cannot write {name}: {error}")))
    }

    /// Puts a value there, as JSON.
    pub(super) fn put_json(&self, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_vec(value).map_err(|error| Failure::Exchange(error.to_string()))?;
        self.put(name, &text)
    }

    /// The value that a file holds, if it is there.
    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Failure> {
        let path = self.folder.join(name);
        let wrong = |error: String| Failure::Exchange(format!("cannot read {name}: {error}"));
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error.to_string())),
            Ok(found) if found.len() > LARGEST_FILE_BYTES => return Err(wrong("it is too large".to_owned())),
            Ok(_) => {}
        }
        let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| wrong(error.to_string()))
    }

    /// Waits until the script has written a file.
    pub(super) async fn await_file(&self, name: &'static str, until: Instant) -> Result<(), Ending> {
        while !self.has(name) {
            if Instant::now() >= until {
                let last = "the script did not write it".to_owned();
                return Err(Failure::GaveUp { what: name, last }.into());
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Tells the script the start, unless an earlier life of this program did; returns it by this node's clock.
    pub(super) fn announce_start(&self, start: &StartEstimate) -> Result<Timestamp, Failure> {
        let announced: Option<Start> = self.read("start.json")?;
        let now = (Instant::now(), Timestamp::now().as_nanosecond());
        let ahead = i128::try_from(start.at.saturating_duration_since(now.0).as_nanos()).unwrap_or_default();
        let behind = i128::try_from(now.0.saturating_duration_since(start.at).as_nanos()).unwrap_or_default();
        let at = announced.map_or(now.1 + ahead - behind, |announced| i128::from(announced.at));
        if announced.is_none() {
            let at = i64::try_from(at).unwrap_or(i64::MAX);
            self.put_json("start.json", &Start { at })?;
        }
        Ok(Timestamp::from_nanosecond(at).unwrap_or_default())
    }

    /// Awaits the script's result, while the coordinator is told each second how far it is.
    pub(super) async fn await_result(&self, coordinator: &impl Coordinator) -> Result<ScriptResult, Ending> {
        let mut told = Instant::now();
        loop {
            if let Some(result) = self.read("result.json")? {
                return Ok(result);
            }
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                let progress: Progress = self.read("progress.json")?.unwrap_or_default();
                if let Ok(Attempt::Over) = timeout(TELL_EVERY, coordinator.tell(&progress)).await {
                    return Err(Ending::AttemptOver);
                }
            }
            sleep(LOOK).await;
        }
    }
}
