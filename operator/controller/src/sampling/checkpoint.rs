//! What the sources of a cell saw, as it is stored with the cell, so that it outlives the operator.

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use serde::{Deserialize, Serialize};
use serde_json::json;
use throughput_report::{fit, room};
use throughput_sources::access::Access;
use throughput_sources::recording::Recording;
use throughput_sources::source::SourceError;

use crate::objects::deadline::{RequestError, within};
use crate::objects::names::{self, SAMPLING_FIELD_MANAGER};

/// Where it is stored.
const KEY: &str = "sources.json.gz";
/// The most that is stored, and so the most that is read, in bytes, unpacked: a small text may unpack to anything, and what is
/// read of it takes more room than the text.
const LARGEST_UNPACKED: usize = 8 << 20;
/// The most sources of a cell.
const MOST_SOURCES: usize = 32;

/// What the sources of a cell saw up to an instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// When it was stored.
    pub(super) at: Timestamp,
    /// Each source's recording, and whether it has all that it was to see.
    pub(super) sources: Vec<(Recording, bool)>,
}

/// Why it was not stored, or not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckpointError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("it has {0} bytes, more than are kept")]
    TooLarge(usize),
    #[error("it is of {0} sources, more than a cell has")]
    TooManySources(usize),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Compress(#[from] std::io::Error),
}

impl Checkpoint {
    /// Takes one source's recording out; with a word on what was missed since, where its work was not done.
    pub(super) fn take(&mut self, source: &str, now: Timestamp) -> Option<(Recording, bool)> {
        let position = self.sources.iter().position(|(recording, _)| recording.source() == source)?;
        let (mut recording, settled) = self.sources.swap_remove(position);
        if !settled {
            let missed =
                format!("the operator was started again: nothing was seen from {} to {now}", self.at);
            recording.fall_short(&SourceError::new("OperatorRestarted", missed), now);
        }
        Some((recording, settled))
    }

    fn pack(&self) -> Result<Vec<u8>, CheckpointError> {
        let text = serde_json::to_vec(self)?;
        if text.len() > LARGEST_UNPACKED {
            return Err(CheckpointError::TooLarge(text.len()));
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&text)?;
        let packed = encoder.finish()?;
        if packed.len() > room::CHECKPOINT {
            Err(CheckpointError::TooLarge(packed.len()))
        } else {
            Ok(packed)
        }
    }

    /// Reads what was stored like a stranger's: whoever may write `ConfigMap`s may have changed it.
    fn unpack(packed: &[u8]) -> Result<Self, CheckpointError> {
        let read: Self = serde_json::from_slice(&fit::gunzip(packed, LARGEST_UNPACKED)?)?;
        if read.sources.len() > MOST_SOURCES {
            return Err(CheckpointError::TooManySources(read.sources.len()));
        }
        Ok(read)
    }

    /// Stores it with the cell.
    pub(super) async fn store(&self, access: &Access) -> Result<(), CheckpointError> {
        patch(access, json!({KEY: ByteString(self.pack()?)})).await?;
        Ok(())
    }

    /// What was stored with the cell. What cannot be read is as if it were not there, and said in the log.
    pub(super) async fn load(access: &Access) -> Option<Self> {
        let map = own_config_map(access).await;
        let map =
            map.inspect_err(|error| tracing::warn!(test = access.test, %error, "begun anew")).ok()??;
        let packed = map.binary_data?.remove(KEY)?;
        let kept = Self::unpack(&packed.0);
        kept.inspect_err(|error| tracing::warn!(test = access.test, %error, "begun anew")).ok()
    }
}

/// Takes it away, once the cell's report has it all.
pub(super) async fn remove(access: &Access) -> Result<(), RequestError> {
    patch(access, json!({KEY: null})).await
}

/// Writes into the cell's `ConfigMap`, if it is there.
async fn patch(access: &Access, data: serde_json::Value) -> Result<(), RequestError> {
    let Some(map) = own_config_map(access).await? else {
        return Ok(());
    };
    let params =
        PatchParams { field_manager: Some(SAMPLING_FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    // The one that was looked at, and not another that has its name by now.
    let patch = Patch::Merge(json!({"metadata": {"uid": map.uid()}, "binaryData": data}));
    within("store what the sources saw", config_maps(access).patch(&map.name_any(), &params, &patch)).await?;
    Ok(())
}

/// The cell's `ConfigMap`, if there is one and it is the test's.
async fn own_config_map(access: &Access) -> Result<Option<ConfigMap>, RequestError> {
    let name = names::cell(&access.test, &access.cell);
    let map = within("read what the sources saw", config_maps(access).get_opt(&name)).await?;
    Ok(map.filter(|map| map.owner_references().iter().any(|owner| owner.uid == access.cell.test_uid)))
}

fn config_maps(access: &Access) -> Api<ConfigMap> {
    Api::namespaced(access.client.clone(), &access.namespace)
}

#[cfg(test)]
mod tests {
    use throughput_test_support::mutated;

    use super::*;

    fn recording() -> Recording {
        let mut recording = Recording::new("rds", Timestamp::UNIX_EPOCH);
        recording.sample("cpuPercent", "", Timestamp::UNIX_EPOCH, 12.5);
        recording
    }

    #[test]
    fn what_was_stored_is_what_comes_back() {
        let kept = Checkpoint { at: Timestamp::UNIX_EPOCH, sources: vec![(recording(), false)] };
        assert_eq!(Checkpoint::unpack(&kept.pack().unwrap()).unwrap(), kept);
    }

    #[test]
    fn what_was_missed_meanwhile_is_said_unless_all_was_seen() {
        let now: Timestamp = "2026-01-01T00:00:40Z".parse().unwrap();
        let kept = |settled| Checkpoint {
            at: "2026-01-01T00:00:10Z".parse().unwrap(),
            sources: vec![(recording(), settled)],
        };
        assert_eq!(kept(true).take("rds", now), Some((recording(), true)));
        let (missed, settled) = kept(false).take("rds", now).unwrap();
        let words = "the operator was started again: nothing was seen from 2026-01-01T00:00:10Z to 2026-01-01T00:00:40Z";
        assert_eq!((missed.shortfalls()[0].message.as_str(), settled), (words, false));
        assert_eq!(kept(true).take("pods", now), None);
    }

    #[test]
    fn what_unpacks_to_more_than_is_ever_stored_is_not_read() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let megabyte = vec![b' '; 1 << 20];
        for _ in 0..64 {
            encoder.write_all(&megabyte).unwrap();
        }
        encoder
            .write_all(&serde_json::to_vec(&json!({"at": "1970-01-01T00:00:00Z", "sources": []})).unwrap())
            .unwrap();
        let packed = encoder.finish().unwrap();
        assert!(packed.len() < 100_000, "{}", packed.len());
        let error = Checkpoint::unpack(&packed).unwrap_err();
        assert_eq!(error.to_string(), "it unpacks to more than 8388608 bytes");
    }

    #[test]
    fn whatever_was_made_of_a_checkpoint_it_is_refused_or_harmless() {
        let kept = Checkpoint { at: Timestamp::UNIX_EPOCH, sources: vec![(recording(), false)] };
        let now: Timestamp = "2026-01-01T00:00:40Z".parse().unwrap();
        let (mut read, mut refused) = (0, 0);
        for changed in mutated::all_of(&json!(kept)) {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(changed.to_string().as_bytes()).unwrap();
            let Ok(mut kept) = Checkpoint::unpack(&encoder.finish().unwrap()) else {
                refused += 1;
                continue;
            };
            read += 1;
            if let Some((mut recording, _)) = kept.take("rds", now) {
                for second in 0..600 {
                    recording.sample("cpuPercent", "", Timestamp::from_second(second).unwrap(), 1.0);
                }
                recording.report();
            }
            kept.pack().unwrap();
        }
        assert!(read > 50 && refused > 50, "{read} were read, {refused} refused");
    }
}
