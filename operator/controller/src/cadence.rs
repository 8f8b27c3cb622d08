//! When a test is looked at again: after a failure, and while its target is polled.

pub mod backoff;
pub mod polling;
