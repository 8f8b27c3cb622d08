//! The controller's parts against a real API server.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod examples;
mod rules;
