//! The second kind of load, for tests alone: it holds for some seconds, and counts.

use serde::{Deserialize, Serialize};

/// The name of what a generator counted, in its result and in its progress.
pub const COUNTED: &str = "holding.counted";

/// To hold for some seconds, and to count in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Holding {
    /// How long each generator holds, in seconds.
    pub seconds: u32,
}
