//! Checkpoints as they are read back, for tests/fuzz alone.
#![expect(clippy::missing_panics_doc, reason = "stopping at the first surprise is what they are for")]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use throughput_sources::fuzzing::{check, go_on_with};

use super::{Checkpoint, LARGEST_UNPACKED, MOST_SOURCES};

/// The text of a checkpoint.
pub fn checkpoints(input: &[u8]) {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    let packed = encoder.write_all(input).and_then(|()| encoder.finish());
    packed_checkpoints(&packed.unwrap_or_default());
}

/// A checkpoint as it is stored, packed: each source's work goes on with it, and it is stored again.
pub fn packed_checkpoints(input: &[u8]) {
    let Ok(mut kept) = Checkpoint::unpack(input) else { return };
    assert!(kept.sources.len() <= MOST_SOURCES);
    let names: Vec<String> =
        kept.sources.iter().map(|(recording, _)| recording.source().to_owned()).collect();
    let mut again = Checkpoint { at: kept.at, sources: Vec::new() };
    for name in names {
        let taken = kept.take(&name, Timestamp::UNIX_EPOCH);
        assert!(taken.is_some(), "the source {name} is there, and is not found");
        let Some((mut recording, settled)) = taken else { return };
        check(&recording);
        go_on_with(&mut recording);
        again.sources.push((recording, settled));
    }
    if let Ok(packed) = again.pack() {
        assert!(Checkpoint::unpack(&packed).is_ok(), "what was stored is not read");
    } else {
        assert!(input.len() > 1_000, "a small one cannot be stored again, of at most {LARGEST_UNPACKED}");
    }
}
