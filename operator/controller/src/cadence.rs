//! When a test is looked at again: after a failure, and while its target is polled. And the time that it goes by.

pub mod backoff;
pub mod clock;
pub mod polling;
