//! What tests of the sources that ask AWS need: a stand-in for AWS, a Secret, and a source that is asked as a run asks it.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod answers;
pub mod instance;
mod setting;
mod stand_in;

pub use answers::{Minute, metric_answer};
pub use setting::{ACCESS_KEY, Keys, SECRET_KEY, Setting, TOKEN, minutes_ago, settle};
pub use stand_in::{Request, StandIn, shared};
