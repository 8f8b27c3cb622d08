//! What the cells of a run came to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CellParameter, Verdict};

/// What a cell came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CellResult {
    /// The cell's position in the matrix, from 0.
    pub cell: u32,
    /// Which repeat of the matrix it belongs to, from 1.
    pub repeat: u32,
    /// The attempt that the figures are from, from 1.
    pub attempt: u32,
    /// The cell's parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<CellParameter>,
    /// How the cell ended.
    pub outcome: CellOutcome,
    /// What the figures amount to.
    pub verdict: Verdict,
    /// Why the verdict is not Passed, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the verdict is not Passed, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Requests that were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Requests that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_failed: Option<u64>,
    /// Tasks that Pulp knows under the cell's correlation id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_submitted: Option<u64>,
    /// Those that completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_completed: Option<u64>,
    /// Those that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_failed: Option<u64>,
    /// Completed tasks over the time from the first start to the last end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_per_second: Option<String>,
    /// Completed of submitted tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_ratio: Option<String>,
    /// From dispatch to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<DurationsMilliseconds>,
    /// From dispatch to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<DurationsMilliseconds>,
    /// When the cell began.
    pub started_at: Timestamp,
    /// When its figures were complete.
    pub finished_at: Timestamp,
    /// What the sources of `observe` saw, as far as they are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<CellObserved>,
    /// What the operator saw, each with its evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<String>,
}

/// The few figures of the sources that matter most; the report has them all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CellObserved {
    /// The use of the database's processors at their busiest, in percent, as a decimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_cpu_percent_max: Option<String>,
    /// The most connections that the database had at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_connections_max: Option<u64>,
    /// The most sessions of the database that waited for a lock at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_sessions_max: Option<u64>,
    /// Time-outs in the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<u64>,
    /// Restarts of containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<u64>,
    /// What the busiest container used of its processor limit, in percent, as a decimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_cpu_percent_of_limit_max: Option<String>,
    /// Whether processes were profiled meanwhile: then the cell's figures are not to be compared with others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub profiled: bool,
    /// The sources that did not see all that they were to see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<String>,
}

/// How a cell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum CellOutcome {
    /// It was followed to its end.
    Completed,
    /// It could not be; the reason says why.
    Incomplete,
}

/// A distribution of durations in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DurationsMilliseconds {
    /// The mean.
    pub mean: u64,
    /// The median.
    pub p50: u64,
    /// The 95th percentile.
    pub p95: u64,
    /// The 99th percentile.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

/// The best cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Best {
    /// The cell's position in the matrix, from 0.
    pub cell: u32,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<CellParameter>,
    /// Its tasks per second.
    pub tasks_per_second: String,
}

/// What the repeats of one combination came to. Cells without a trusted figure are not among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RepeatedCells {
    /// The combination's parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<CellParameter>,
    /// The positions of the cells that the figures are from.
    pub cells: Vec<u32>,
    /// Their tasks per second.
    pub tasks_per_second: TasksPerSecondSpread,
}

/// Tasks per second over the repeats of a combination, as decimals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TasksPerSecondSpread {
    /// The median; between two, their mean.
    pub median: String,
    /// The smallest.
    pub min: String,
    /// The largest.
    pub max: String,
    /// The difference of largest and smallest, as a share of the median: `0.035`.
    pub spread_ratio: String,
}

/// Where the report is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReportReference {
    /// The `ConfigMap` with the keys `report.md`, `report.csv`, `report.json` and, compressed, `report.html.gz`.
    pub config_map_name: String,
    /// The report's size in bytes, all keys together.
    pub bytes: u64,
}
