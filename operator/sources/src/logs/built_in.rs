//! The patterns that are known already: what goes wrong with a Pulp and its database, in the words in which they say it.
//!
//! Read from the sources of pulpcore 3.123, gunicorn 20 to 26 and PostgreSQL 13 to 18, and from real logs.

use throughput_crds::BuiltInPatterns;

/// A built-in pattern. Classes such as `\S` and `\b` stand for all of Unicode, which is large: what is ASCII
/// is written so.
pub(super) struct BuiltIn {
    /// How figures call it.
    pub(super) name: &'static str,
    /// The expression that lines match. Its groups, where it has some, tell which lines are samples of the same.
    pub(super) regex: &'static str,
    /// Lines that match this too are left out: a known false alarm.
    pub(super) except: &'static str,
    /// One of these texts is in every line that matches, for services that know no regular expressions.
    pub(super) terms: &'static [&'static str],
    /// Whether somebody waited in vain: such lines make up `timeouts`.
    pub(super) is_timeout: bool,
}

/// Pulp's API, its content app, its workers, and gunicorn.
///
/// Not among them, since it says nothing about a run: `API_APP_TTL … smaller than double the gunicorn timeout` and
/// `Warning: timeout is set to …` (at every start), `was sent SIGTERM` (how gunicorn's workers are stopped), tasks that
/// were canceled because somebody asked for it.
const PULP: &[BuiltIn] = &[
    // A worker has not answered for `--timeout` seconds; whatever request it had is lost.
    timeout("gunicornWorkerTimeout", r"WORKER TIMEOUT \(pid:", &["WORKER TIMEOUT"]),
    // By the kernel when memory is short, or by gunicorn itself when a timed-out worker does not go. The second form is
    // that of gunicorn 20.
    event(
        "gunicornWorkerKilled",
        r"Worker \(pid:[0-9]+\) was sent SIG(?:KILL|SEGV|BUS|ILL|FPE|SYS)|Worker with pid [0-9]+ was terminated due to signal (?:4|7|8|9|11|31)(?:$|[^0-9])",
        &["was sent SIG", "was terminated due to signal"],
    ),
    // Also what follows a WORKER TIMEOUT.
    event(
        "gunicornWorkerFailed",
        r"Worker \(pid:[0-9]+\) exited with code [1-9]|Worker failed to boot|App failed to load|Exception in worker process",
        &["exited with code", "Worker failed to boot", "App failed to load", "Exception in worker process"],
    ),
    // Whatever the cause, also `--max-requests` and an orderly stop.
    event("gunicornWorkerExit", r"Worker exiting \(pid: ?[0-9]+\)", &["Worker exiting"]),
    // The worker or app ends after that.
    event(
        "heartbeatFailed",
        r"Updating the heartbeat of worker [^ ]+ failed|failed to (?:register or )?write a heartbeat to the database|Redis connection check failed for worker",
        &["Updating the heartbeat of worker", "a heartbeat to the database", "Redis connection check failed"],
    ),
    // A process of Pulp has not been heard of for its TTL: it was killed, or is starved. Said by another.
    event(
        "workerMissing",
        r"Cleanup record of missing ([a-z]+) process|Clean offline worker|Worker '?[^ ]+ has gone missing",
        &["Cleanup record of missing", "Clean offline worker", "has gone missing"],
    ),
    // It was taken for missing, and was not: too busy, or the database too slow (before pulpcore 3.85).
    event("workerBackOnline", r"Worker '[^ ]+' is back online", &["is back online"]),
    // A task of a worker that went missing.
    event(
        "taskAbandoned",
        r"marking as failed\. Reason: |Marked task [^ ]+ as FAILED \(was being executed by missing worker",
        &["marking as failed. Reason:", "was being executed by missing worker"],
    ),
    // The process of a task died: out of memory, say.
    event(
        "taskProcessDied",
        r"Task process for [^ ]+ exited with non zero exitcode (-?[0-9]+)",
        &["non zero exitcode"],
    ),
    // The group is the exception's class. The second form is that of pulpcore before 3.40.
    event("taskFailed", r":INFO: Task(?:\[[^\]]*\])? [0-9a-f-]{36} failed \(([A-Za-z_.]+)", &[" failed ("]),
    // An immediate task did not end within its five seconds.
    timeout("immediateTaskTimeout", r"TaskTimeoutException", &["TaskTimeoutException"]),
    // Django's words only: those of the driver, which stand before them, say the same again.
    event(
        "databaseError",
        r"django\.db\.utils\.(OperationalError|InterfaceError)",
        &["django.db.utils.OperationalError", "django.db.utils.InterfaceError"],
    ),
    event(
        "databaseTooManyConnections",
        r"django\.db\.utils\.OperationalError: .*(?:too many clients already|remaining connection slots|too many connections for)",
        &["too many clients already", "remaining connection slots", "too many connections for"],
    ),
    timeout(
        "databaseTimeout",
        r"django\.db\.utils\.OperationalError: .*(?:timeout expired|connection timed out|due to [a-z-]+ timeout)|PoolTimeout: ",
        &["timeout expired", "connection timed out", "canceling statement due to", "PoolTimeout"],
    ),
    event(
        "databaseDeadlock",
        r"django\.db\.utils\.OperationalError: deadlock detected",
        &["deadlock detected"],
    ),
    event(
        "redisError",
        r"redis\.exceptions\.(ConnectionError|TimeoutError|BusyLoadingError)",
        &["redis.exceptions"],
    ),
    // In the access log. The groups are method, path and status.
    event(
        "httpServerError",
        r#""([A-Z]+) ([^ ?"]+)[^"]* HTTP/[0-9.]+" (5[0-9][0-9]) "#,
        &["\" 500 ", "\" 501 ", "\" 502 ", "\" 503 ", "\" 504 "],
    ),
    // A proxy in front of Pulp (nginx) has waited in vain.
    timeout("upstreamTimeout", r"upstream timed out \(110", &["upstream timed out"]),
    // The first line of each; an exception while another one was handled has one of its own.
    event("traceback", r"Traceback \(most recent call last\):", &["Traceback (most recent call last)"]),
    // The last line of a traceback. The group is the exception's class.
    event(
        "exception",
        r"^((?:[A-Za-z_][A-Za-z0-9_]*\.)*[A-Z][A-Za-z0-9_]*(?:Error|Exception|Timeout|Canceled))(?:: |$)",
        &["Error", "Exception", "Timeout", "Canceled"],
    ),
];

/// A PostgreSQL server that writes as text, with the process's number in its `log_line_prefix` (as it is by default, and
/// on RDS). The number tells its own lines from those of clients that quote it; the two spaces tell its levels from
/// those of others.
const POSTGRESQL: &[BuiltIn] = &[
    // Left out: what a Pulp asks while its database is not migrated yet; what Django's get_or_create runs into when
    // two do the same, and then reads instead; what somebody canceled himself.
    BuiltIn {
        except: r#"relation "[^"]*" does not exist|duplicate key value violates unique constraint|due to user request"#,
        ..event("postgresError", r"\[[0-9]+(?:-[0-9]+)?\].*[ :]ERROR:  ", &["ERROR:  "])
    },
    // Left out: what everybody is told while the server starts or is stopped.
    BuiltIn {
        except: r"the database system is (?:starting up|shutting down|not yet accepting connections)|due to administrator command",
        ..event("postgresFatal", r"\[[0-9]+(?:-[0-9]+)?\].*[ :]FATAL:  ", &["FATAL:  "])
    },
    event(
        "postgresTooManyConnections",
        r"\[[0-9]+(?:-[0-9]+)?\].*[ :]FATAL:  .*(?:too many clients already|remaining connection slots|too many connections for)",
        &["too many clients already", "remaining connection slots", "too many connections for"],
    ),
    event(
        "postgresDeadlock",
        r"\[[0-9]+(?:-[0-9]+)?\].*[ :]ERROR:  deadlock detected",
        &["deadlock detected"],
    ),
    // Of a statement, for a lock, of an idle transaction, of a whole one, of a log-in.
    timeout(
        "postgresTimeout",
        r"\[[0-9]+(?:-[0-9]+)?\].*[ :](?:ERROR|FATAL):  (?:canceling statement due to ([a-z-]+) timeout|terminating connection due to ([a-z-]+) timeout|canceling authentication due to timeout)",
        &["canceling statement due to", "terminating connection due to", "canceling authentication due to"],
    ),
    // Written with `log_lock_waits` after `deadlock_timeout`. The group is the lock's mode.
    event(
        "postgresLockWait",
        r"\[[0-9]+(?:-[0-9]+)?\].*[ :]LOG:  process [0-9]+ still waiting for ([A-Za-z]+)",
        &["still waiting for"],
    ),
    // Written with `log_min_duration_statement`. From 100 ms on: `log_duration` writes every statement's.
    event(
        "postgresSlowStatement",
        r"\[[0-9]+(?:-[0-9]+)?\].*[ :]LOG:  duration: [0-9]{3,}\.[0-9]+ ms",
        &["LOG:  duration:"],
    ),
    event(
        "postgresCheckpointsTooFrequent",
        r"[ :]LOG:  checkpoints are occurring too frequently",
        &["checkpoints are occurring too frequently"],
    ),
    event(
        "postgresCrash",
        r"[ :]PANIC:  |[ :]LOG:  server process \(PID [0-9]+\) was terminated by signal",
        &["PANIC:  ", "was terminated by signal"],
    ),
];

const fn event(name: &'static str, regex: &'static str, terms: &'static [&'static str]) -> BuiltIn {
    BuiltIn { name, regex, except: "", terms, is_timeout: false }
}

const fn timeout(name: &'static str, regex: &'static str, terms: &'static [&'static str]) -> BuiltIn {
    BuiltIn { name, regex, except: "", terms, is_timeout: true }
}

/// A set's patterns.
pub(super) fn patterns(set: BuiltInPatterns) -> &'static [BuiltIn] {
    match set {
        BuiltInPatterns::Pulp => PULP,
        BuiltInPatterns::PostgreSql => POSTGRESQL,
    }
}
