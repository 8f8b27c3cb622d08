//! Amazon's services: whose rights are used there, where they are, and what their refusals mean.

mod bounded;
mod clients;
mod failure;
mod login;
mod permission;

pub(crate) use clients::{cloud_watch, logs, performance_insights, rds};
pub(crate) use failure::{CALL_REASONS, failure, is_final};
pub(crate) use login::login;
pub(crate) use permission::{check_access, check_instance, check_log_groups};
