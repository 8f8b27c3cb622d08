//! The time that a cell's figures are about.

use jiff::Timestamp;

/// The time in which a cell had load, until the last of it was worked off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When the load began.
    pub start: Timestamp,
    /// When the last of it was worked off.
    pub end: Timestamp,
}
