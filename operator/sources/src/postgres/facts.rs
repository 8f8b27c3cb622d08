//! The facts about a server that are asked for once on each connection.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::recording::Recording;

use super::extension::{self, Extension};

/// Settings that bear on throughput; those that a server or a role does not show are left out.
const SETTINGS: &str =
    "'autovacuum', 'checkpoint_timeout', 'commit_delay', 'deadlock_timeout', 'effective_cache_size',
    'fsync', 'full_page_writes', 'huge_pages', 'idle_in_transaction_session_timeout', 'jit', 'lock_timeout',
    'log_lock_waits', 'log_min_duration_statement', 'maintenance_work_mem', 'max_connections',
    'max_locks_per_transaction', 'max_parallel_workers', 'max_parallel_workers_per_gather', 'max_wal_size',
    'max_worker_processes', 'random_page_cost', 'shared_buffers', 'statement_timeout',
    'superuser_reserved_connections', 'synchronous_commit', 'track_activities', 'track_io_timing',
    'wal_compression', 'wal_level', 'work_mem'";

/// The question for [`ServerFacts`].
pub(super) fn question() -> String {
    format!(
        "SELECT /* throughput-operator */ json_build_object(
          'versionNumber', current_setting('server_version_num')::int,
          'startedAt', pg_postmaster_start_time()::text,
          'usableConnections', current_setting('max_connections')::int
            - current_setting('superuser_reserved_connections')::int
            - coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0)
            - coalesce(nullif(current_setting('rds.rds_superuser_reserved_connections', true), '')::int, 0),
          'statements', (SELECT json_build_object('schema', quote_ident(n.nspname), 'version', e.extversion)
            FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
            WHERE e.extname = 'pg_stat_statements'),
          'facts', json_build_object(
            'version', current_setting('server_version'),
            'database', current_database(),
            'user', current_user,
            'seesOtherUsers', pg_has_role('pg_read_all_stats', 'USAGE')::text,
            'isReplica', pg_is_in_recovery()::text,
            'encryption', coalesce((SELECT version || ' ' || cipher FROM pg_stat_ssl
              WHERE pid = pg_backend_pid() AND ssl), 'none'),
            'startedAt', pg_postmaster_start_time()::text),
          'settings', (SELECT json_object_agg(name, current_setting(name)) FROM pg_settings
            WHERE name IN ({SETTINGS})))"
    )
}

/// The question for the size of the database in bytes, by itself: it reads the folder, which can take long.
pub(super) const SIZE_QUESTION: &str =
    "SELECT /* throughput-operator */ pg_database_size(current_database())::text";

/// The facts about a server.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServerFacts {
    /// 150018 for 15.18.
    pub(super) version_number: u32,
    /// When it was started.
    pub(super) started_at: String,
    /// How many connections ordinary users may have.
    pub(super) usable_connections: f64,
    /// `pg_stat_statements`, where it is installed in this database.
    pub(super) statements: Option<Extension>,
    facts: BTreeMap<String, String>,
    settings: Option<BTreeMap<String, String>>,
}

impl ServerFacts {
    /// Notes them.
    pub(super) fn note(&self, recording: &mut Recording) {
        let settings = self.settings.iter().flatten();
        for (name, value) in self.facts.iter().chain(settings) {
            recording.set_fact(name, value);
        }
        let version = self.statements.as_ref().map_or("not installed", |extension| &extension.version);
        recording.set_fact(extension::NAME, version);
    }
}
