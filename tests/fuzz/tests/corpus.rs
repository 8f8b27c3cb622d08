//! What is kept of fuzzing: every input goes through its target, so that whatever was found stays found.
#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise, in their helpers too")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use throughput_fuzz::TARGETS;

/// Many times what the slowest input takes where nothing is optimized: one that takes longer has no bound.
const LONGEST: Duration = Duration::from_mins(1);

/// The most that is kept of a target: `tests/fuzz/run` keeps less, and what is found comes to it.
const MOST_FILES: usize = 128;
const MOST_BYTES: u64 = 128 << 10;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let named: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let kept = files(&corpus());
    let kept: BTreeSet<String> =
        kept.iter().map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(named, kept);
    assert_eq!(named.len(), TARGETS.len(), "two targets of one name");
    for (name, _) in TARGETS {
        let files = files(&corpus().join(name));
        assert!((2..=MOST_FILES).contains(&files.len()), "{name} has {} inputs", files.len());
        let bytes: u64 = files.iter().map(|file| fs::metadata(file).unwrap().len()).sum();
        assert!(bytes <= MOST_BYTES, "{name} has {bytes} bytes");
    }
}

#[test]
fn what_was_made_up_once_surprises_nobody_any_more() {
    let mut surprising = Vec::new();
    for (name, target) in TARGETS {
        for file in files(&corpus().join(name)) {
            let input = fs::read(&file).unwrap();
            let begun = Instant::now();
            if std::panic::catch_unwind(|| target(&input)).is_err() || begun.elapsed() > LONGEST {
                surprising.push(file);
            }
        }
    }
    assert!(surprising.is_empty(), "{surprising:#?}");
}
