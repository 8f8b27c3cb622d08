//! The calls that a generator makes to the operator's collector.
//!
//! Plain HTTP with JSON bodies and a bearer token of the cell's attempt. Every call can be repeated with the
//! same effect. The operator answers only after it has stored what must outlive it.
//!
//! | call | body | answer |
//! | --- | --- | --- |
//! | `POST {prefix}/register` | [`Registration`] | 204, or 409 when another pod holds the index |
//! | `GET {prefix}/start` | – | [`StartAnswer`]; held back for some seconds while there is nothing to say |
//! | `POST {prefix}/progress` | [`Progress`] | 204 |
//! | `PUT {prefix}/result` | [`GeneratorResult`](crate::generator::GeneratorResult) | 204 once it is stored |
//!
//! `{prefix}` is [`prefix`]. Any call answers 401 to a wrong token and 410 when the attempt is over and the
//! generator shall end.

use serde::{Deserialize, Serialize};

use crate::cell::CellAddress;
use crate::named::Counts;

/// The longest body that the collector takes, in bytes. A result is a few histograms of some kB each.
pub const LARGEST_BODY_BYTES: usize = 512 * 1024;

/// The longest registration that the collector takes, in bytes: two names and a version.
pub const LARGEST_REGISTRATION_BYTES: usize = 4 * 1024;

/// The path before each call's last segment, as a text that both a format and a router read.
macro_rules! prefix_template {
    () => {
        "/v1/namespaces/{namespace}/tests/{test}/uid/{uid}/cells/{cell}/attempts/{attempt}/generators/{index}"
    };
}

/// The path before each call's last segment, with the names of its variable segments in braces.
pub const PREFIX_TEMPLATE: &str = prefix_template!();

/// The path before each call's last segment.
pub fn prefix(namespace: &str, test: &str, address: &CellAddress, index: u32) -> String {
    let CellAddress { test_uid, cell, attempt } = address;
    format!(
        prefix_template!(),
        namespace = namespace,
        test = test,
        uid = test_uid,
        cell = cell,
        attempt = attempt,
        index = index
    )
}

/// A generator says that it is there and ready to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registration {
    /// The name of the generator's pod.
    pub pod_name: String,
    /// `metadata.uid` of the generator's pod.
    pub pod_uid: String,
    /// The version of the generator's program.
    pub version: String,
}

/// Whether a registered generator may start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum StartAnswer {
    /// Not yet: ask again.
    Wait,
    /// Start this long after the answer was sent; at once when it has passed. Time remaining, not a time of day:
    /// the clocks of two nodes need not agree.
    #[serde(rename_all = "camelCase")]
    Start {
        /// Nanoseconds from the answer to the start; 0 when it has passed.
        in_nanoseconds: u64,
        /// Nanoseconds from the start to the answer; 0 when it has not passed.
        #[serde(default)]
        past_nanoseconds: u64,
    },
}

/// How far a generator is. The newest one counts; a lost one is not missed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Progress {
    /// What was counted so far, by names of the kind of load.
    pub counts: Counts,
}
