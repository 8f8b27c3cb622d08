//! When a test is looked at again: after a failure, while its target is polled, and when it is its turn to have its targets;
//! when a look may wait for whom; and the time that a test goes by.

pub mod backoff;
pub mod clock;
pub mod polling;
pub mod queues;
pub mod turns;
pub mod wishes;
