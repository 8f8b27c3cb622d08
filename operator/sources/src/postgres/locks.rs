//! The locks that sessions waited for, and behind whom: the evidence for "waiting on locks".

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::recording::Recording;

use super::query_text::shown;

/// The most different waits that are kept.
const MOST_WAITS: usize = 40;
/// How many of them are reported.
const MOST_REPORTED: usize = 20;
/// The table's title.
const TITLE: &str = "Lock waits";
const COLUMNS: [&str; 6] =
    ["Lock", "Longest [s]", "Mode", "Seen", "Waiting statement", "Last statement of the holder"];

/// The question for the sessions that wait for a lock now. Takes what the version has of the instant since when.
pub(super) fn question(version: u32) -> String {
    // Before 14 nobody notes when a wait began: the statement's own beginning is the nearest that is known.
    let since = if version >= 140_000 { "coalesce(l.waitstart, a.query_start)" } else { "a.query_start" };
    format!(
        "WITH /* throughput-operator */ locks AS MATERIALIZED (SELECT * FROM pg_locks),
        sessions AS MATERIALIZED (SELECT pid, datname, query, query_start FROM pg_stat_activity),
        waits AS MATERIALIZED (
          SELECT l.*, left(a.query, 1000) AS waiting,
            extract(epoch FROM clock_timestamp() - {since}) AS seconds,
            (SELECT t.relation FROM locks t
              WHERE t.pid = l.pid AND t.locktype = 'tuple' AND t.granted LIMIT 1) AS row_of
          FROM locks l JOIN sessions a USING (pid)
          WHERE NOT l.granted AND a.datname = current_database()),
        longest AS MATERIALIZED (SELECT * FROM waits ORDER BY seconds DESC NULLS LAST LIMIT 20)
        SELECT json_build_object(
          'sessions', (SELECT count(DISTINCT pid) FROM waits),
          'longestSeconds', (SELECT coalesce(max(seconds), 0) FROM waits),
          'waits', (SELECT coalesce(json_agg(json_build_object(
            'what', CASE locktype
              WHEN 'advisory' THEN 'advisory lock ' || CASE objsubid
                WHEN 1 THEN ((classid::bigint << 32) | objid::bigint)::text
                ELSE classid::text || ', ' || objid::text END
              WHEN 'relation' THEN relation::regclass::text
              WHEN 'tuple' THEN 'a row of ' || relation::regclass::text
              WHEN 'transactionid' THEN coalesce('a row of ' || row_of::regclass::text, 'another transaction')
              ELSE locktype || coalesce(' of ' || relation::regclass::text, '') END,
            'mode', mode, 'seconds', coalesce(seconds, 0), 'waiting', coalesce(waiting, ''),
            'blocking', (SELECT left(b.query, 1000) FROM sessions b
              WHERE b.pid = (pg_blocking_pids(longest.pid))[1]))), '[]') FROM longest))"
    )
}

/// The answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blocked {
    sessions: f64,
    longest_seconds: f64,
    waits: Vec<Wait>,
}

#[derive(Debug, Deserialize)]
struct Wait {
    what: String,
    mode: String,
    seconds: f64,
    waiting: String,
    blocking: Option<String>,
}

impl Blocked {
    /// Nobody waits.
    pub(super) const NOBODY: Self = Self { sessions: 0.0, longest_seconds: 0.0, waits: Vec::new() };
}

/// The waits that were seen so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct LockWaits(Vec<SeenWait>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SeenWait {
    what: String,
    mode: String,
    waiting: String,
    blocking: String,
    seen: u64,
    longest_seconds: f64,
}

impl LockWaits {
    /// Notes who waits at this instant.
    pub(super) fn note(&mut self, now: &Blocked, at: Timestamp, recording: &mut Recording) {
        recording.sample("blockedSessions", "", at, now.sessions);
        recording.sample("longestBlockedSeconds", "", at, now.longest_seconds.max(0.0));
        if !now.waits.is_empty() {
            now.waits.iter().for_each(|wait| self.add(wait));
            let rows = self.0.iter().take(MOST_REPORTED).map(SeenWait::row);
            recording.set_table(TITLE, &COLUMNS, rows.collect::<Vec<_>>());
        }
    }

    /// Adds a wait to those like it. Of too many the shortest is forgotten.
    fn add(&mut self, wait: &Wait) {
        let blocking = wait.blocking.as_deref().map_or_else(|| "-".to_owned(), shown);
        let waiting = shown(&wait.waiting);
        let like = |seen: &&mut SeenWait| {
            seen.what == wait.what
                && seen.mode == wait.mode
                && seen.waiting == waiting
                && seen.blocking == blocking
        };
        if let Some(seen) = self.0.iter_mut().find(like) {
            seen.seen = seen.seen.saturating_add(1);
            seen.longest_seconds = seen.longest_seconds.max(wait.seconds);
        } else {
            self.0.push(SeenWait {
                what: wait.what.clone(),
                mode: wait.mode.clone(),
                waiting,
                blocking,
                seen: 1,
                longest_seconds: wait.seconds,
            });
        }
        self.0.sort_by(|one, other| other.longest_seconds.total_cmp(&one.longest_seconds));
        self.0.truncate(MOST_WAITS);
    }
}

impl SeenWait {
    fn row(&self) -> Vec<String> {
        let Self { what, mode, waiting, blocking, seen, longest_seconds } = self;
        let longest = format!("{longest_seconds:.1}");
        vec![what.clone(), longest, mode.clone(), seen.to_string(), waiting.clone(), blocking.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(what: &str, seconds: f64, waiting: &str) -> Wait {
        Wait {
            what: what.to_owned(),
            mode: "ExclusiveLock".to_owned(),
            seconds,
            waiting: waiting.to_owned(),
            blocking: Some("SELECT pg_advisory_lock(7)".to_owned()),
        }
    }

    #[test]
    fn waits_that_differ_only_in_their_literals_are_one() {
        let mut recording = Recording::new("postgres", Timestamp::UNIX_EPOCH);
        let mut waits = LockWaits::default();
        for (at, seconds) in [1.0, 6.0, 2.0].into_iter().enumerate() {
            let text = format!("SELECT pg_advisory_lock({at})");
            let now =
                Blocked { sessions: 1.0, longest_seconds: seconds, waits: vec![wait("a", seconds, &text)] };
            waits.note(&now, Timestamp::from_second(at.try_into().unwrap()).unwrap(), &mut recording);
        }
        let report = recording.report();
        let expected =
            ["a", "6.0", "ExclusiveLock", "3", "SELECT pg_advisory_lock(?)", "SELECT pg_advisory_lock(?)"];
        assert_eq!(report.tables[0].rows, [expected.map(str::to_owned)]);
        assert_eq!(report.summary.figures.get("postgres.longestBlockedSeconds.max"), Some(&6.0));
    }

    #[test]
    fn the_longest_waits_are_kept() {
        let mut waits = LockWaits::default();
        for number in 0..1_000_u32 {
            waits.add(&wait(&number.to_string(), f64::from(number), "x"));
        }
        assert_eq!((waits.0.len(), waits.0[0].what.as_str()), (MOST_WAITS, "999"));
    }
}
