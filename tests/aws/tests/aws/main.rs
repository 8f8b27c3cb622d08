//! Sources that ask AWS, with AWS's own clients, against the stand-in.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod hostile;
mod identity;
mod insights;
mod late;
mod log_patterns;
mod logs;
mod metrics;
mod refusals;
mod secrecy;
