//! What tests on all rungs stand on: [`wait`] for a condition, a [`daemon`] that does not outlive the tests, a [`flood`] of
//! connections, a server that is [`silent`], [`dice`] that fall the same way each time, a [`spec`] for Pulp, what somebody might
//! have made of what was stored ([`mutated`]), the [`program`]s of the checkout, kubectl and Helm among them, and what is
//! [`recorded`]. Only with the feature `sources`: sources of figures, called as the operator calls them.
#![expect(clippy::missing_panics_doc, clippy::panic, reason = "a test stops at the first surprise")]

pub mod daemon;
pub mod dice;
pub mod flood;
pub mod mutated;
pub mod program;
pub mod recorded;
pub mod silent;
#[cfg(feature = "sources")]
pub mod sources;
pub mod spec;
pub mod wait;

use throughput_model::cell::CellAddress;

/// The first attempt at the first cell of the test with this UID.
pub fn first_cell(test_uid: &str) -> CellAddress {
    CellAddress { test_uid: test_uid.to_owned(), cell: 0, attempt: 1 }
}
