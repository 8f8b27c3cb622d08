//! When a test is looked at again: after a failure, and while its target is polled; when a look may wait for whom; and the
//! time that a test goes by.

pub mod backoff;
pub mod clock;
pub mod polling;
pub mod turns;
pub mod wishes;
