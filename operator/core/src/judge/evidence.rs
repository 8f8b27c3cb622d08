//! What a cell left behind, and what its kind of load makes of it.

use throughput_model::figures::{Completions, QueuePoint};
use throughput_model::generator::{GeneratorResult, RequestFigures};
use throughput_model::source_report::SourceReport;
use throughput_report::data::CellReport;
use throughput_report::kinds::LoadReport;

use crate::kinds::pulp_tasks::observed::PulpSeen;
use crate::reason::Why;

/// What a cell left behind.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// What was seen of Pulp, where it is the target.
    pub pulp: &'a PulpSeen,
    /// What the generators delivered.
    pub generators: &'a [GeneratorResult],
    /// The replicas that the load's main target has in this cell.
    pub workers: u32,
    /// What the sources saw.
    pub sources: &'a [SourceReport],
    /// The cells that were measured before.
    pub earlier: &'a [CellReport],
}

/// What a cell came to, before anything is judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Its figures, as the report keeps them.
    pub load: LoadReport,
    /// Why they cannot be trusted, in a sentence each.
    pub doubts: Vec<String>,
    /// How the load fell short of what was wanted, if it did: then the cell has failed, whatever its figures.
    pub short: Option<Why>,
    /// Counts and histograms of requests, ready to be merged with those of other runs; `None` where there were none.
    pub request_figures: Option<RequestFigures>,
    /// The queue of the target over time; empty where it has none.
    pub queue: Vec<QueuePoint>,
    /// What the target completed over time; empty where it says nothing of that.
    pub completions: Completions,
}
