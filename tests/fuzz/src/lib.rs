//! What comes from elsewhere, made up: one target for each thing that is read of servers, of people, and of what was stored.
//!
//! A target is a plain function of bytes. It stops at the first surprise: not only where something panics, takes memory or
//! time, but also where what was read cannot be written and read again, or is used by the code that uses it and comes to
//! nothing possible. `make fuzz` calls them with what libFuzzer makes up; a test of this crate calls them with what is kept in
//! `corpus/`, so that whatever was found stays found.

mod delivered;
mod plans;
mod pulp;
mod reports;
mod statuses;

use throughput_controller::fuzzing as controller;
use throughput_sources::fuzzing as sources;

/// Takes an input, and stops at the first surprise.
pub type Target = fn(&[u8]);

/// All targets, by their names.
pub const TARGETS: &[(&str, Target)] = &[
    ("assignments", delivered::assignments),
    ("checkpoints", controller::checkpoints),
    ("checkpoints-packed", controller::packed_checkpoints),
    ("claims", controller::claims),
    ("cloudwatch-instants", sources::instants),
    ("durations", plans::durations),
    ("generator-results", delivered::results),
    ("histograms", delivered::histograms),
    ("kubelet-counters", sources::kubelet_counters),
    ("log-lines", sources::log_lines),
    ("log-patterns", sources::log_patterns),
    ("masking", pulp::masking),
    ("permissions", plans::permissions),
    ("pod-usages", sources::pod_usages),
    ("pods", sources::pods),
    ("postgres-answers", sources::postgres_answers),
    ("postgres-connections", sources::connection_strings),
    ("postgres-statements", sources::postgres_statements),
    ("profiler-logs", sources::profiler_logs),
    ("prometheus-answers", sources::prometheus_answers),
    ("protocol", delivered::protocol),
    ("pulp-answers", pulp::answers),
    ("pulp-tasks", pulp::tasks),
    ("quantities", sources::quantities),
    ("rds-formulas", sources::rds_formulas),
    ("rds-points", sources::rds_points),
    ("recordings", sources::recordings),
    ("reports", reports::reports),
    ("reports-changed", reports::changed),
    ("script-results", delivered::script_results),
    ("specs", plans::specs),
    ("specs-changed", plans::changed),
    ("statuses", statuses::statuses),
    ("statuses-changed", statuses::changed),
    ("stored-logs", sources::stored_logs),
    ("stored-pods", sources::stored_pods),
    ("stored-postgres", sources::stored_postgres),
    ("stored-profile", sources::stored_profile),
    ("stored-rds", sources::stored_rds),
    ("timelines", reports::timelines),
    ("timelines-packed", reports::packed_timelines),
    ("workloads", sources::workloads),
];

/// The target of this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}
