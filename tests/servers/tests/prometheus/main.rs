//! The source `prometheus` against a real Prometheus, and against servers that are none.
#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise, in their helpers too")]

mod hostile;
mod real;
mod watched;
