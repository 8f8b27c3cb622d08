//! One look at the server: its sessions, and what the database has done so far.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::SourceError;
use crate::metric::Better;
use crate::recording::Recording;

/// The counters of the database: PostgreSQL's name, ours, and which way is better.
pub(super) const COUNTERS: [(&str, &str, Better); 12] = [
    ("xact_commit", "commits", Better::Neither),
    ("xact_rollback", "rollbacks", Better::Lower),
    ("deadlocks", "deadlocks", Better::Lower),
    ("temp_files", "tempFiles", Better::Lower),
    ("temp_bytes", "tempBytes", Better::Lower),
    ("blks_read", "blocksRead", Better::Neither),
    ("blks_hit", "blocksHit", Better::Neither),
    ("tup_returned", "rowsReturned", Better::Neither),
    ("tup_fetched", "rowsFetched", Better::Neither),
    ("tup_inserted", "rowsInserted", Better::Neither),
    ("tup_updated", "rowsUpdated", Better::Neither),
    ("tup_deleted", "rowsDeleted", Better::Neither),
];
/// The most different states or wait events that have a series each.
const MOST_SUBJECTS: usize = 40;
/// The state of sessions whose state may not be seen.
const HIDDEN: &str = "hidden";

/// The question for [`Look`]. All connections count, those of this database are told apart.
pub(super) fn question() -> String {
    let counters = COUNTERS.map(|(theirs, ours, _)| format!("'{ours}', {theirs}")).join(", ");
    format!(
        "WITH /* throughput-operator */ backends AS MATERIALIZED (
          SELECT pid, datname, state, wait_event_type, wait_event, xact_start,
            query = '<insufficient privilege>' AS hidden
          FROM pg_stat_activity
          WHERE backend_type = 'client backend' OR (backend_type IS NULL AND datid IS NOT NULL)),
        ours AS MATERIALIZED (
          SELECT * FROM backends WHERE datname = current_database() AND pid <> pg_backend_pid())
        SELECT json_build_object(
          'startedAt', pg_postmaster_start_time()::text,
          'connections', (SELECT count(*) FROM backends),
          'hidden', (SELECT count(*) FROM ours WHERE hidden),
          'waitingForLocks', (SELECT count(*) FROM ours WHERE wait_event_type = 'Lock'),
          'longestTransactionSeconds', (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)
            FROM ours),
          'states', (SELECT coalesce(json_object_agg(name, sessions), '{{}}') FROM (
            SELECT CASE WHEN hidden THEN '{HIDDEN}' ELSE coalesce(state, 'starting') END AS name,
              count(*) AS sessions FROM ours GROUP BY 1) states),
          'waits', (SELECT coalesce(json_object_agg(name, sessions), '{{}}') FROM (
            SELECT wait_event_type || ':' || wait_event AS name, count(*) AS sessions FROM ours
            WHERE state = 'active' AND wait_event IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 40) waits),
          'counters', (SELECT json_build_object({counters}) FROM pg_stat_database
            WHERE datname = current_database()))"
    )
}

/// The answer to one look.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Look {
    /// When the server was started.
    pub(super) started_at: String,
    connections: f64,
    hidden: f64,
    waiting_for_locks: f64,
    longest_transaction_seconds: f64,
    states: BTreeMap<String, f64>,
    waits: BTreeMap<String, f64>,
    counters: Option<BTreeMap<String, Option<f64>>>,
}

/// The metrics that count only sessions that are not hidden. That one waits for a lock is seen of all; since when, before
/// PostgreSQL 14, only of these.
const OF_SESSIONS: [&str; 6] = [
    "sessions",
    "activeSessions",
    "idleInTransactionSessions",
    "longestTransactionSeconds",
    "waitingSessions",
    "longestBlockedSeconds",
];

/// The states and wait events that were seen so far: once seen, that there is none is a zero, and not a gap.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Subjects {
    states: BTreeSet<String>,
    waits: BTreeSet<String>,
}

impl Look {
    /// Whether it is worth asking who waits for locks: only then, since that question holds all locks for a moment.
    pub(super) fn may_have_blocked(&self) -> bool {
        self.waiting_for_locks > 0.0 || self.hidden > 0.0
    }

    /// Notes it.
    pub(super) fn note(
        &self,
        usable_connections: f64,
        subjects: &mut Subjects,
        at: Timestamp,
        recording: &mut Recording,
    ) {
        recording.sample("connections", "", at, self.connections);
        if usable_connections > 0.0 {
            recording.sample(
                "connectionsPercentOfMax",
                "",
                at,
                100.0 * self.connections / usable_connections,
            );
        }
        note_each("sessions", &self.states, &mut subjects.states, at, recording);
        if self.hidden > 0.0 {
            recording.fall_short(&hidden_sessions(), at);
        } else {
            let state = |name: &str| self.states.get(name).copied().unwrap_or_default();
            let idle_in_transaction = state("idle in transaction") + state("idle in transaction (aborted)");
            recording.sample("activeSessions", "", at, state("active"));
            recording.sample("idleInTransactionSessions", "", at, idle_in_transaction);
            recording.sample("longestTransactionSeconds", "", at, self.longest_transaction_seconds.max(0.0));
            note_each("waitingSessions", &self.waits, &mut subjects.waits, at, recording);
        }
        for (name, value) in self.counters.iter().flatten() {
            if let Some(value) = value {
                recording.count(name, "", at, *value);
            }
        }
    }
}

/// A sample for each subject of now and of before.
fn note_each(
    metric: &str,
    now: &BTreeMap<String, f64>,
    known: &mut BTreeSet<String>,
    at: Timestamp,
    recording: &mut Recording,
) {
    let mut others = 0.0;
    for (subject, value) in now {
        if known.len() < MOST_SUBJECTS {
            known.insert(subject.clone());
        } else if !known.contains(subject) {
            others += value;
        }
    }
    for subject in known.iter() {
        recording.sample(metric, subject, at, now.get(subject).copied().unwrap_or_default());
    }
    if others > 0.0 {
        recording.sample(metric, "others", at, others);
    }
}

fn hidden_sessions() -> SourceError {
    SourceError::new(
        "RightsMissing",
        "the states, waits and transactions of other users' sessions are hidden from this role: GRANT pg_monitor TO it",
    )
    .only_of(OF_SESSIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(states: &[(&str, f64)], hidden: f64) -> Look {
        Look {
            started_at: String::new(),
            connections: 40.0,
            hidden,
            waiting_for_locks: 0.0,
            longest_transaction_seconds: 3.0,
            states: states.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
            waits: BTreeMap::new(),
            counters: Some([("commits".to_owned(), Some(7.0)), ("deadlocks".to_owned(), None)].into()),
        }
    }

    fn figures(looks: &[Look]) -> BTreeMap<String, f64> {
        let mut recording = Recording::new("postgres", Timestamp::UNIX_EPOCH);
        let mut subjects = Subjects::default();
        for (second, look) in looks.iter().enumerate() {
            let at = Timestamp::from_second(second.try_into().unwrap()).unwrap();
            look.note(80.0, &mut subjects, at, &mut recording);
        }
        recording.report().summary.figures
    }

    #[test]
    fn a_state_that_nobody_is_in_any_more_is_a_zero() {
        let figures = figures(&[look(&[("active", 4.0)], 0.0), look(&[("idle", 6.0)], 0.0)]);
        assert_eq!(figures.get("postgres.connectionsPercentOfMax.max"), Some(&50.0));
        assert_eq!((figures["postgres.sessions.min"], figures["postgres.sessions.max"]), (0.0, 6.0));
        assert_eq!(figures.get("postgres.activeSessions.mean"), Some(&2.0));
        assert_eq!(figures.get("postgres.commits.total"), Some(&0.0));
        assert!(!figures.contains_key("postgres.deadlocks.total"));
    }

    #[test]
    fn what_is_hidden_is_a_gap_and_not_a_zero() {
        let figures = figures(&[look(&[(HIDDEN, 4.0)], 4.0)]);
        assert_eq!(figures.get("postgres.sessions.max"), Some(&4.0));
        assert!(!figures.contains_key("postgres.activeSessions.max"));
        assert!(!figures.contains_key("postgres.longestTransactionSeconds.max"));
    }

    #[test]
    fn states_are_bounded() {
        let names: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
        let states: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 1.0)).collect();
        assert_eq!(figures(&[look(&states, 0.0)]).get("postgres.sessions.max"), Some(&960.0));
    }
}
