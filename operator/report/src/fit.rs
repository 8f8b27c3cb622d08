//! How a report is made to fit into its `ConfigMap`s: the order in which detail is left out.
//!
//! Whatever is left out is told where it would have stood, and each cell's own `ConfigMap` keeps the most.

pub mod details;
pub mod pictures;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use throughput_model::source_report::SourceSummary;

use crate::data::TestReport;

/// The most that `report.json` may have, in bytes: a `ConfigMap` has a mebibyte for everything.
pub const LARGEST_REPORT: usize = 512 << 10;

/// `report.json`, in at most this many bytes as far as leaving out can do that: first the facts of sources go, then their
/// figures. Each cell's own details keep them.
pub fn report_json(report: &TestReport, limit: usize) -> Result<String, PackError> {
    let mut text = serde_json::to_string(report)?;
    let steps: [fn(&mut SourceSummary); 2] =
        [|summary| summary.facts.clear(), |summary| summary.figures.clear()];
    let mut report = report.clone();
    for leave_out in steps {
        if text.len() <= limit {
            break;
        }
        report.cells.iter_mut().flat_map(|cell| &mut cell.sources).for_each(leave_out);
        text = serde_json::to_string(&report)?;
    }
    Ok(text)
}

/// Why something was not packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Something was not written as JSON.
    #[error("cannot write the report: {0}")]
    Json(#[from] serde_json::Error),
    /// Something was not compressed.
    #[error("cannot compress the report: {0}")]
    Compress(#[from] std::io::Error),
}

/// As the files of a `ConfigMap` are compressed.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>, std::io::Error> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_report_that_is_too_large_loses_the_facts_of_sources_then_their_figures_and_no_cell() {
        let mut report = fixture::report();
        let mut summary = SourceSummary { source: "pods".to_owned(), ..SourceSummary::default() };
        for number in 0..100 {
            summary.facts.insert(format!("fact {number}"), "x".repeat(100));
            summary.figures.insert(format!("pods.api.figure{number}.max"), 1.0);
        }
        report.cells[0].sources = vec![summary];
        let whole = report_json(&report, LARGEST_REPORT).unwrap();
        let read = |text: &str| serde_json::from_str::<TestReport>(text).unwrap().cells.swap_remove(0);
        assert_eq!(read(&whole).sources[0].facts.len(), 100);
        let kept = read(&report_json(&report, whole.len() - 1).unwrap());
        assert_eq!((kept.sources[0].facts.len(), kept.sources[0].figures.len()), (0, 100));
        let kept = read(&report_json(&report, 5_000).unwrap());
        assert_eq!((kept.sources[0].figures.len(), kept.tasks), (0, report.cells[0].tasks.clone()));
    }
}
