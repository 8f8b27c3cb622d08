//! The chaos campaign: one row a fault and a moment, each against the installed operator, the real cluster and the
//! real Pulp.
//!
//! A row creates a test, waits until it is in a stage, does something to it or to what it stands on, and asks what
//! came of it. Whatever was done: the test comes to one of the expected ends, its figures are those of SQL, what was
//! scaled is as it was found, no Lease, finalizer or Job is left, and Pulp's queue is empty or the status says that
//! it is not. A row that fails does not end the campaign.
#![expect(clippy::expect_used, clippy::panic, reason = "this is test code: it stops at the first surprise")]

mod campaign;
mod elsewhere;
mod fault;
mod heal;
mod load;
mod moment;
mod outcome;
mod pods;

pub use campaign::run;
pub use fault::{Daemon, Fault};
pub use load::Load;

use throughput_crds::Stage;

/// The name of the test that a row creates.
const TEST: &str = "chaos";
/// The name of the second one, where there is one.
const SECOND_TEST: &str = "chaos-second";

/// One line of the campaign's table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What is done.
    pub fault: Fault,
    /// The test that it is done to.
    pub load: Load,
    /// The stage in which it is done, as soon as the status shows it.
    pub at: Stage,
    /// What may come of it: any of these.
    pub expected: &'static [Expected],
    /// Whether it belongs to the short campaign.
    pub short: bool,
}

/// What comes of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It passes.
    Completes,
    /// Its cell ends with this reason.
    Ends(&'static str),
    /// The same, and its message has these words.
    EndsSaying(&'static str, &'static str),
    /// It is over before a cell was, for this reason.
    Over(&'static str),
    /// It was deleted, and goes.
    Goes,
}

impl Row {
    /// What is done, when, to what.
    pub fn name(&self) -> String {
        let Self { fault, load, at, expected: _, short: _ } = self;
        format!("{} | {load:?} | {at:?}", fault.name())
    }
}
