//! Targets whose replicas others decide about, against a real API server that has those others' kinds.
//!
//! A program of its own, with a server of its own: with KEDA's kind installed, an operator without the right
//! to it refuses every target.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "../api/actions.rs"]
#[expect(dead_code, reason = "shared with the other tests of this rung")]
mod actions;
mod clowder;
mod controllers;
mod keda;
mod kinds;
#[path = "../api/operator.rs"]
#[expect(dead_code, reason = "shared with the other tests of this rung")]
mod operator;
mod pulp;
mod rights;
mod run;
mod stateful_set;
#[path = "../api/watched.rs"]
#[expect(dead_code, reason = "shared with the other tests of this rung")]
mod watched;
