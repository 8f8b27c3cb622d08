//! The operator within the memory that the chart gives it: a process in a control group of its own, with many running tests
//! and their sources, the largest report that there can be, pods with as much metadata as there may be, and servers that
//! answer as no server should.

pub mod group;
pub mod hostile;
mod largest;
mod rounds;
mod sources;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

pub use group::{Group, LIMIT_BYTES};
pub use world::{Size, World};

/// What came of the time under attack so far.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How long it was.
    pub watched: Duration,
    /// The most memory that was no file, in bytes.
    pub anonymous_bytes: u64,
    /// The most that counted against the limit, what the kernel keeps of files included, in bytes; where nothing is
    /// limited, the most that was resident.
    pub charged_bytes: u64,
    /// How often the kernel ended a process for want of memory.
    pub out_of_memory: u64,
    /// How often the operator ended, for want of memory or of something else, and was started again.
    pub ended: u32,
    /// Looks at tests that went well.
    pub looks: f64,
    /// How often each test came to its end, by its name.
    pub ends: BTreeMap<String, Ends>,
    /// How often each hostile server was asked, by its name.
    pub asked: BTreeMap<&'static str, usize>,
}

/// How often a test came to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Whatever came of it.
    pub all: u32,
    /// With all its cells measured.
    pub measured: u32,
    /// With its target not as it was found.
    pub not_restored: u32,
}

impl Outcome {
    /// What became of the tests whose names begin so, together.
    pub fn ends_of(&self, beginning: &str) -> Ends {
        let of = self.ends.iter().filter(|(name, _)| name.starts_with(beginning));
        of.fold(Ends::default(), |sum, (_, ends)| Ends {
            all: sum.all + ends.all,
            measured: sum.measured + ends.measured,
            not_restored: sum.not_restored + ends.not_restored,
        })
    }

    /// How many tests whose names begin so were measured at least once.
    pub fn measured_once(&self, beginning: &str) -> usize {
        let of = self.ends.iter().filter(|(name, _)| name.starts_with(beginning));
        of.filter(|(_, ends)| ends.measured > 0).count()
    }
}
