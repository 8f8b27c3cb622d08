//! Files that are written whole or not at all: whoever reads one finds the old content until the new one is complete.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Writes a file in the place of one that may be there.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let part = part_of(path);
    fs::write(&part, content)?;
    fs::rename(part, path)
}

/// Checks that a file can be written there, and leaves nothing.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let part = part_of(path);
    drop(File::create(&part)?);
    fs::remove_file(part)
}

/// Where the content lies before it is complete.
fn part_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".part");
    name.into()
}
