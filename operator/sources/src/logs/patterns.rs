//! Patterns: which of them a line matches, in one pass.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use throughput_core::source_catalog::Mistake;
use throughput_crds::{BuiltInPatterns, ObserveLogs};

use super::built_in;
use super::masks::Masks;

/// The name of the sum of all patterns that are time-outs.
pub const TIMEOUTS: &str = "timeouts";
/// The name of all lines that were read.
pub const LINES: &str = "lines";
/// The largest that one expression may become, in bytes.
const LARGEST_EXPRESSION: usize = 1 << 20;
/// The largest that all of one's own together may become; with what is built in there is always room for them.
const LARGEST_OWN_SET: usize = 16 << 20;
const LARGEST_SET: usize = 2 * LARGEST_OWN_SET;
/// The longest of the regular expression crate's words that are quoted, in characters.
const LONGEST_QUOTE: usize = 120;

/// The patterns that lines are searched for.
#[derive(Debug)]
pub struct Patterns {
    all: Vec<Pattern>,
    set: RegexSet,
    masks: Masks,
}

/// A pattern.
#[derive(Debug)]
pub struct Pattern {
    name: String,
    regex: Regex,
    except: Option<Regex>,
    terms: &'static [&'static str],
    is_timeout: bool,
}

/// A pattern before it is compiled.
struct Text<'a> {
    name: &'a str,
    regex: &'a str,
    except: &'a str,
    terms: &'static [&'static str],
    is_timeout: bool,
}

impl Patterns {
    /// The patterns that a spec names.
    pub fn of(logs: &ObserveLogs) -> Result<Self, Mistake> {
        Self::compiled(&built_in(logs).chain(own(logs)).collect::<Vec<_>>(), LARGEST_SET)
    }

    /// Whether a spec's own patterns can be used. Those that are built in can.
    pub fn check(logs: &ObserveLogs) -> Result<(), Mistake> {
        let mut names: BTreeSet<&str> =
            built_in(logs).map(|text| text.name).chain([TIMEOUTS, LINES]).collect();
        if let Some(twice) = own(logs).find(|text| !names.insert(text.name)) {
            return Err(Mistake(format!(
                "observe.logs.patterns: the name {} is taken by what is built in: choose another",
                twice.name
            )));
        }
        Self::compiled(&own(logs).collect::<Vec<_>>(), LARGEST_OWN_SET).map(|_| ())
    }

    fn compiled(texts: &[Text<'_>], largest: usize) -> Result<Self, Mistake> {
        let all: Vec<Pattern> = texts.iter().map(Pattern::of).collect::<Result<_, _>>()?;
        let set = RegexSetBuilder::new(all.iter().map(|pattern| pattern.regex.as_str()))
            .size_limit(largest)
            .build()
            .map_err(|_| Mistake("observe.logs.patterns: together they are too large: write fewer, or smaller counts in braces".to_owned()))?;
        Ok(Self { all, set, masks: Masks::new()? })
    }

    /// The patterns that a line matches.
    pub fn matching<'a>(&'a self, line: &'a str) -> impl Iterator<Item = &'a Pattern> {
        let matching = self.set.matches(line).into_iter().filter_map(|index| self.all.get(index));
        matching.filter(move |pattern| !pattern.except.as_ref().is_some_and(|except| except.is_match(line)))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.all.iter()
    }

    /// The masks for lines that are shown.
    pub(super) fn masks(&self) -> &Masks {
        &self.masks
    }
}

impl Pattern {
    /// How figures call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Texts of which one is in every line that matches; none when that is not known.
    pub fn terms(&self) -> &'static [&'static str] {
        self.terms
    }

    /// Its regular expression, as it was written.
    pub fn expression(&self) -> &str {
        self.regex.as_str()
    }

    /// Whether its lines tell of somebody who waited in vain.
    pub fn is_timeout(&self) -> bool {
        self.is_timeout
    }

    /// The texts that its groups caught of a line; none if it has no group.
    pub(super) fn caught<'a>(&self, line: &'a str) -> Vec<&'a str> {
        if self.regex.captures_len() < 2 {
            return Vec::new();
        }
        let captures = self.regex.captures(line);
        let groups = captures.iter().flat_map(|captures| captures.iter().skip(1).flatten());
        groups.map(|group| group.as_str()).collect()
    }

    fn of(text: &Text) -> Result<Self, Mistake> {
        let compiled = |expression: &str| {
            RegexBuilder::new(expression)
                .size_limit(LARGEST_EXPRESSION)
                .dfa_size_limit(LARGEST_EXPRESSION)
                .build()
                .map_err(|error| mistake(text.name, &error))
        };
        let except = (!text.except.is_empty()).then(|| compiled(text.except)).transpose()?;
        let (terms, is_timeout) = (text.terms, text.is_timeout);
        Ok(Self { name: text.name.to_owned(), regex: compiled(text.regex)?, except, terms, is_timeout })
    }
}

/// The names of all patterns that a spec names, and of their sums.
pub(super) fn names(logs: &ObserveLogs) -> BTreeSet<&str> {
    built_in(logs).chain(own(logs)).map(|text| text.name).chain([TIMEOUTS, LINES]).collect()
}

fn built_in(logs: &ObserveLogs) -> impl Iterator<Item = Text<'_>> {
    let sets = [BuiltInPatterns::Pulp, BuiltInPatterns::PostgreSql];
    let named = sets.into_iter().filter(|set| logs.built_in.contains(set));
    named.flat_map(built_in::patterns).map(|known| Text {
        name: known.name,
        regex: known.regex,
        except: known.except,
        terms: known.terms,
        is_timeout: known.is_timeout,
    })
}

fn own(logs: &ObserveLogs) -> impl Iterator<Item = Text<'_>> {
    logs.patterns.iter().map(|pattern| Text {
        name: &pattern.name,
        regex: &pattern.regex,
        except: "",
        terms: &[],
        is_timeout: false,
    })
}

fn mistake(name: &str, error: &regex::Error) -> Mistake {
    let regex::Error::Syntax(said) = error else {
        return Mistake(format!(
            "observe.logs.patterns: {name} is too large a regular expression: write smaller counts in braces"
        ));
    };
    // The words stand in the last line, after a drawing of where it is.
    let words = said.lines().last().unwrap_or_default();
    let words: String = words.trim_start_matches("error: ").chars().take(LONGEST_QUOTE).collect();
    Mistake(format!(
        r"observe.logs.patterns: {name} is no regular expression: {words}. Write a backslash before what is meant literally, as in \( and \[, and do without look-around and back-references"
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use throughput_crds::LogPattern;

    use super::*;

    /// Lines of real logs, and the one pattern that they match.
    const REAL_LINES: &[(&str, &str)] = &[
        ("[2026-11-22 09:00:00 +0000] [12] [CRITICAL] WORKER TIMEOUT (pid:111)", "gunicornWorkerTimeout"),
        (
            "[2026-11-22 09:00:01 +0000] [12] [ERROR] Worker (pid:111) was sent SIGKILL! Perhaps out of memory?",
            "gunicornWorkerKilled",
        ),
        (
            "[2023-05-11 18:13:57 +0000] [7] [WARNING] Worker with pid 14824 was terminated due to signal 9",
            "gunicornWorkerKilled",
        ),
        (
            "[2026-11-22 09:00:00 +0000] [12] [ERROR] Worker (pid:111) exited with code 1.",
            "gunicornWorkerFailed",
        ),
        ("[2026-11-22 09:00:00 +0000] [111] [INFO] Worker exiting (pid: 111)", "gunicornWorkerExit"),
        (
            "pulp [None]: pulpcore.tasking.worker:ERROR: Updating the heartbeat of worker 1@pulp-worker-5877d4cbcb-bvdvz failed.",
            "heartbeatFailed",
        ),
        (
            "pulp [None]: pulpcore.content:ERROR: Content App '12@x' failed to register or write a heartbeat to the database. Exception: gone",
            "heartbeatFailed",
        ),
        (
            "pulp [None]: pulpcore.tasking.worker:WARNING: Cleanup record of missing worker process 1@pulp-worker-1.",
            "workerMissing",
        ),
        (
            "pulp [None]: pulpcore.tasking.worker:INFO: Worker '1@pulp-worker-648b7974bc-hfpzn' is back online.",
            "workerBackOnline",
        ),
        (
            "pulp [a]: pulpcore.tasking.worker:INFO: Cleaning up task 01a20280-619d-797a-b1b6-798c20a80746 in domain: default and marking as failed. Reason: Worker has gone missing.",
            "taskAbandoned",
        ),
        (
            "pulp [a]: pulpcore.tasking.worker:WARNING: Task process for 01a20280-619d-797a-b1b6-798c20a80746 exited with non zero exitcode -9.",
            "taskProcessDied",
        ),
        (
            "pulp [a]: pulpcore.tasking.tasks:INFO: Task[pulp_perf.app.tasks.sleep] 01a20280-619d-797a-b1b6-798c20a80746 failed (ValueError: no) in domain: default",
            "taskFailed",
        ),
        (
            "pulp [a]: pulpcore.tasking.pulpcore_worker:INFO: Task 01a20280-619d-797a-b1b6-798c20a80746 failed (no)",
            "taskFailed",
        ),
        ("ValueError: on purpose", "exception"),
        ("asyncio.exceptions.CancelledError", "exception"),
        ("psycopg.OperationalError: connection failed: FATAL:  sorry, too many clients already", "exception"),
        (
            r#"('pulp [a1]: 198.18.64.25 - - [22/Nov/2026:09:04:56 +0000] "GET /pulp/test/tasks/?sleep=0 HTTP/1.1" 503 21 "-" "throughput-pulp/0.1.0"',)"#,
            "httpServerError",
        ),
        (
            "2026/11/22 09:00:00 [error] 7#7: *1 upstream timed out (110: Connection timed out) while reading",
            "upstreamTimeout",
        ),
        ("Traceback (most recent call last):", "traceback"),
        ("2026-11-22 08:42:48.514 UTC [47] ERROR:  division by zero", "postgresError"),
        ("2026-11-22 08:42:48 UTC:10.0.0.1(5432):pulp@pulp:[47]:ERROR:  division by zero", "postgresError"),
        (
            "2026-11-22 08:42:48.514 UTC [47] LOG:  process 47 still waiting for ShareLock on transaction 812 after 1000.1 ms",
            "postgresLockWait",
        ),
        (
            "2026-11-22 08:42:48.514 UTC [47] LOG:  duration: 1234.567 ms  statement: SELECT 1",
            "postgresSlowStatement",
        ),
        (
            "2026-11-22 08:42:48.514 UTC [26] LOG:  checkpoints are occurring too frequently (9 seconds apart)",
            "postgresCheckpointsTooFrequent",
        ),
        (
            "2026-11-22 08:42:48.514 UTC [1] LOG:  server process (PID 47) was terminated by signal 9: Killed",
            "postgresCrash",
        ),
    ];

    fn logs(own: &[(&str, &str)]) -> ObserveLogs {
        let own = own
            .iter()
            .map(|(name, regex)| LogPattern { name: (*name).to_owned(), regex: (*regex).to_owned() });
        ObserveLogs {
            pods: Vec::new(),
            cloud_watch: Vec::new(),
            built_in: vec![BuiltInPatterns::Pulp, BuiltInPatterns::PostgreSql],
            patterns: own.collect(),
        }
    }

    fn found(line: &str) -> Vec<String> {
        static KNOWN: LazyLock<Patterns> = LazyLock::new(|| Patterns::of(&logs(&[])).unwrap());
        KNOWN.matching(line).map(|pattern| pattern.name().to_owned()).collect()
    }

    #[test]
    fn lines_of_real_logs_are_known() {
        for (line, expected) in REAL_LINES {
            assert_eq!(found(line), [*expected], "{line}");
            let logs = logs(&[]);
            let known = built_in(&logs).find(|known| known.name == *expected).unwrap();
            assert!(known.terms.iter().any(|term| line.contains(term)), "{line}");
        }
    }

    #[test]
    fn a_line_can_tell_of_two_things() {
        let line = "2026-11-22 08:42:48.514 UTC [47] FATAL:  sorry, too many clients already";
        assert_eq!(found(line), ["postgresFatal", "postgresTooManyConnections"]);
        let line = "2026-11-22 08:42:48.514 UTC [47] ERROR:  canceling statement due to statement timeout";
        assert_eq!(found(line), ["postgresError", "postgresTimeout"]);
        let line = r#"django.db.utils.OperationalError: connection failed: connection to server at "10.0.0.1", port 5432 failed: FATAL:  sorry, too many clients already"#;
        assert_eq!(found(line), ["databaseError", "databaseTooManyConnections", "exception"]);
        let line = "django.db.utils.OperationalError: canceling statement due to statement timeout";
        assert_eq!(found(line), ["databaseError", "databaseTimeout", "exception"]);
        let line =
            "redis.exceptions.ConnectionError: Error 111 connecting to redis:6379. Connection refused.";
        assert_eq!(found(line), ["redisError", "exception"]);
        let line = "django.db.utils.OperationalError: deadlock detected";
        assert_eq!(found(line), ["databaseError", "databaseDeadlock", "exception"]);
    }

    #[test]
    fn what_is_nothing_is_left_out() {
        for line in [
            "pulp [None]: pulpcore.app.entrypoint:WARNING: API_APP_TTL (120) is smaller than double the gunicorn timeout (90). You may experience workers wrongly reporting as missing",
            "Warning: timeout is set to 30 in gunicorn.conf.py but is overridden to 90 by init script!",
            "[2026-11-22 08:43:12 +0000] [111] [INFO] Booting worker with pid: 111",
            "[2026-11-22 08:43:12 +0000] [12] [INFO] Worker (pid:111) was sent SIGTERM!",
            "pulp [a]: pulpcore.tasking.tasks:INFO: Task completed 01a20280-619d-797a-b1b6-798c20a80746 in domain: default, task_type: pulp_perf.app.tasks.select_and_sleep, immediate: False, deferred: True, execution_time: 503 μs",
            r#"('pulp [d8]: 198.18.64.19 - - [22/Nov/2026:09:04:54 +0000] "GET /pulp/api/v3/tasks/?limit=500 HTTP/1.1" 200 503 "-" "throughput-pulp/0.1.0"',)"#,
            r#"2026-11-22 08:42:49.829 UTC [55] ERROR:  relation "core_artifact" does not exist at character 22"#,
            r#"2026-11-22 08:42:49.829 UTC [55] ERROR:  duplicate key value violates unique constraint "core_artifact_sha256_key""#,
            "2026-11-22 08:42:49.829 UTC [55] STATEMENT:  SELECT true FROM auth_user",
            "2026-11-22 08:42:49.829 UTC [55] FATAL:  the database system is starting up",
            "2026-11-22 08:42:49.829 UTC [55] LOG:  duration: 0.042 ms",
            "2026-11-22 09:02:45.787 UTC [26] LOG:  checkpoint starting: time",
            "ERROR: this is no exception",
        ] {
            assert_eq!(found(line), [] as [String; 0], "{line}");
        }
    }

    #[test]
    fn a_mistake_says_what_is_wrong_and_what_to_write() {
        for (regex, words) in [
            ("(slow", "slow is no regular expression: unclosed group. Write a backslash"),
            ("(?=slow)", "look-around, including look-ahead and look-behind, is not supported"),
            (r"\w{1000}{1000}", "slow is too large a regular expression"),
        ] {
            let mistake = Patterns::check(&logs(&[("slow", regex)])).unwrap_err();
            assert!(mistake.0.contains(words), "{mistake}");
        }
        let mistake = Patterns::check(&logs(&[("traceback", "x")])).unwrap_err();
        assert!(mistake.0.contains("the name traceback is taken"), "{mistake}");
    }

    #[test]
    #[ignore = "a measurement, for people: run it by its name with --nocapture"]
    fn how_many_lines_are_looked_at_each_second() {
        let patterns = Patterns::of(&logs(&[])).unwrap();
        let line = r#"('pulp [d8205478dd5f4b8ab702aa4997ed056b]: 198.18.64.19 - - [22/Nov/2026:09:04:54 +0000] "GET /pulp/api/v3/tasks/?state__in=waiting%2Crunning%2Ccanceling&fields=pulp_href&limit=1 HTTP/1.1" 200 52 "http://pulp-api.pulp-perf.svc:24817/" "throughput-pulp/0.1.0"',)"#;
        let (begun, count) = (std::time::Instant::now(), 100_000);
        let matches: usize = (0..count).map(|_| patterns.matching(line).count()).sum();
        println!("{:.0} lines of {} bytes/s", f64::from(count) / begun.elapsed().as_secs_f64(), line.len());
        assert_eq!(matches, 0);
    }
}
