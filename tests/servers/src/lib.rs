//! Real servers for the tests of the sources of figures: each with a folder, a port and a life of its own.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "test code stops at the first surprise"
)]

mod nginx;
mod postgres;
mod prometheus;

pub use nginx::NginxServer;
pub use postgres::{ANOTHER_AUTHORITY, AUTHORITY, PASSWORD, PostgresServer};
pub use prometheus::{Exporter, PrometheusServer};
