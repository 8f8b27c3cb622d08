//! Texts compared byte for byte with recordings. A change of the code that is meant to change nothing keeps them; one that
//! is meant to records them anew, with `RECORD=1`, and the difference shows in its commit.

use std::path::Path;

/// Compares a text with the recording in this file, or writes the recording where `RECORD` is set. Panics with the number
/// of the first line that differs.
pub fn compare(file: &Path, now: &str) {
    let name = file.display();
    if std::env::var_os("RECORD").is_some() {
        std::fs::write(file, now).unwrap_or_else(|error| panic!("cannot record {name}: {error}"));
    }
    let recorded =
        std::fs::read_to_string(file).unwrap_or_else(|error| panic!("there is no recording {name}: {error}"));
    let differs = recorded.lines().zip(now.lines()).position(|(before, now)| before != now);
    assert!(
        recorded == now,
        "{name} differs from line {} on (RECORD=1 writes it anew)",
        differs.map_or_else(|| recorded.lines().count().min(now.lines().count()) + 1, |line| line + 1)
    );
}
