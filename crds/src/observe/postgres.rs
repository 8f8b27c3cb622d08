//! A PostgreSQL database.

use serde::{Deserialize, Serialize};

use crate::target::CaBundle;
#[cfg(feature = "kube")]
use crate::target::NAME;

/// A PostgreSQL database: sessions, waits, counters and statements by one light connection that reads only, and the time
/// that a new connection takes. `pg_monitor` is enough; with less, what remains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ObservePostgres {
    /// A Secret of the test's namespace with a connection string.
    pub secret_ref: ConnectionStringReference,
    /// Whom the server's certificate has to be from, where it encrypts; else those that the operator's image trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<CaBundle>,
    /// How many of the statements that took longest are reported, where `pg_stat_statements` is there.
    #[serde(default = "default_statements")]
    #[cfg_attr(feature = "kube", schemars(range(min = 0, max = 50)))]
    pub statements: u32,
    /// Whether a new connection is made and used at each interval, and its time kept: connect, encrypt, authenticate,
    /// `SELECT 1`.
    #[serde(default = "default_probe")]
    pub connection_probe: bool,
}

/// A connection string in a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConnectionStringReference {
    /// The Secret's name. It must carry the annotation `perf.pulpproject.org/for` with the database's host.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 253), regex(pattern = NAME)))]
    pub name: String,
    /// The key: `postgresql://user:password@host:5432/database?sslmode=require`.
    #[serde(default = "default_key")]
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$")))]
    pub key: String,
}

fn default_key() -> String {
    "url".to_owned()
}

fn default_statements() -> u32 {
    10
}

fn default_probe() -> bool {
    true
}
