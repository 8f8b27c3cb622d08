//! The generator in-process: its loop in virtual time, its life against a collector and a target on loopback.
#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise, in their helpers too")]

mod closed_loop;
mod collector;
mod life;
mod local;
mod sidecar;
mod target;
