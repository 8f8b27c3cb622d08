//! The source `postgres` against a real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise, in their helpers too")]

mod connecting;
mod life;
mod locks;
mod log;
mod statements;
mod watched;
