//! Lines of a log group of CloudWatch, asked for afterwards.
//!
//! Small groups are read with `FilterLogEvents`, page by page; large ones by a query of Logs Insights, which is started,
//! asked for, and stopped when nobody waits for it any more. Both hold what CloudWatch can sort out by itself to a
//! minimum: whether a line matches is for the caller to say. Lines come into CloudWatch some seconds late, so a search of a
//! window that has only just ended misses some; [`LogGroups`] waits for that, and searches all groups of a spec.

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod groups;
mod question;
mod search;

pub(crate) use self::groups::lasts;
pub use self::groups::{LogGroups, Proceeded};
pub use self::search::{Line, Progress, Search, connect};
