//! How a cell's details are made to fit into their `ConfigMap`: the order in which detail is dropped.
//!
//! What is dropped is told in the details themselves, in `dropped`. Figures and shortfalls never go.

use std::io;

use throughput_model::source_report::{Document, Series, SeriesPoint};

use super::{PackError, drop_samples, gunzip, gzip, within};
use crate::data::{CellDetail, SCHEMA_VERSION};
use crate::timeline::Timelines;

/// A cell's details, packed: the details themselves, and its documents, each by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// `cell.json`, compressed.
    pub detail: Vec<u8>,
    /// Each document's name and its text, compressed.
    pub documents: Vec<(String, Vec<u8>)>,
}

/// The file of a cell's `ConfigMap` that has its details.
pub const CELL_FILE: &str = "cell.json.gz";
/// The most that a cell's details take once they are unpacked, in bytes. What [`pack`] lets through is far below it.
const MOST_BYTES_OF_DETAILS: usize = 16 << 20;

/// Something that can be dropped: what it is, and how.
type Step = (&'static str, fn(&mut CellDetail, &mut Vec<Document>));

/// What is dropped, the first of it first, until the rest fits.
const STEPS: [Step; 10] = [
    ("the largest document", |_, documents| drop_largest(documents)),
    ("all other documents", |_, documents| documents.clear()),
    ("every second point of the series", |detail, _| halve(detail)),
    ("every second point of the rest", |detail, _| halve(detail)),
    ("tables", |detail, _| detail.sources.iter_mut().for_each(|source| source.tables.clear())),
    ("series", |detail, _| detail.sources.iter_mut().for_each(|source| source.series.clear())),
    ("histograms of requests", |detail, _| detail.request_figures = None),
    ("samples of failures", |detail, _| drop_samples(&mut detail.figures)),
    ("the queue over time", |detail, _| detail.queue.clear()),
    ("facts of sources", |detail, _| drop_facts(detail)),
];

/// Packs a cell's details into at most this many bytes; an error when what is never dropped has more.
pub fn pack(detail: &CellDetail, limit: usize) -> Result<Packed, PackError> {
    let mut detail = detail.clone();
    let mut documents: Vec<Document> =
        detail.sources.iter_mut().flat_map(|source| std::mem::take(&mut source.documents)).collect();
    let mut packed = packed(&detail, &documents)?;
    for (what, drop) in STEPS {
        if packed.bytes() <= limit {
            break;
        }
        drop(&mut detail, &mut documents);
        detail.dropped.push(what.to_owned());
        packed = self::packed(&detail, &documents)?;
    }
    within(packed.bytes(), limit)?;
    Ok(packed)
}

/// Details as [`pack`] packed them, read like a stranger's. Fails where they are larger, or no details of this version.
pub fn unpack(file: &[u8]) -> io::Result<CellDetail> {
    let detail: CellDetail = serde_json::from_slice(&gunzip(file, MOST_BYTES_OF_DETAILS)?)?;
    let timelines = Timelines::default().with(detail.to_timeline());
    if detail.schema_version == SCHEMA_VERSION && timelines.are_possible() {
        Ok(detail)
    } else {
        Err(io::Error::other("details that no cell of this version has"))
    }
}

impl Packed {
    /// All of it, in bytes.
    pub fn bytes(&self) -> usize {
        self.detail.len() + self.documents.iter().map(|(_, packed)| packed.len()).sum::<usize>()
    }
}

fn packed(detail: &CellDetail, documents: &[Document]) -> Result<Packed, PackError> {
    let pack_document = |document: &Document| Ok((document.name.clone(), gzip(document.text.as_bytes())?));
    Ok(Packed {
        detail: gzip(&serde_json::to_vec(detail)?)?,
        documents: documents.iter().map(pack_document).collect::<Result<_, PackError>>()?,
    })
}

/// Leaves out the facts of sources, which stand in the figures as well.
fn drop_facts(detail: &mut CellDetail) {
    let summaries = detail.sources.iter_mut().map(|source| &mut source.summary);
    summaries.chain(&mut detail.figures.sources).for_each(|summary| summary.facts.clear());
}

fn drop_largest(documents: &mut Vec<Document>) {
    let largest = documents.iter().enumerate().max_by_key(|(_, document)| document.text.len());
    if let Some((position, _)) = largest {
        documents.remove(position);
    }
}

/// Makes one point of two, which lasts twice as long.
fn halve(detail: &mut CellDetail) {
    for series in detail.sources.iter_mut().flat_map(|source| &mut source.series) {
        *series = halved(series);
    }
}

fn halved(series: &Series) -> Series {
    let step = i64::try_from(series.step_milliseconds).unwrap_or(i64::MAX).saturating_mul(2);
    let mut points: Vec<(i64, u32, SeriesPoint)> = Vec::new();
    for point in &series.points {
        let at_milliseconds = point.at_milliseconds.div_euclid(step.max(1)) * step.max(1);
        match points.last_mut().filter(|(at, _, _)| *at == at_milliseconds) {
            Some((_, count, wider)) => {
                *count += 1;
                wider.min = wider.min.min(point.min);
                wider.mean += (point.mean - wider.mean) / f64::from(*count);
                wider.max = wider.max.max(point.max);
            }
            None => points.push((at_milliseconds, 1, SeriesPoint { at_milliseconds, ..*point })),
        }
    }
    Series {
        step_milliseconds: series.step_milliseconds.saturating_mul(2),
        points: points.into_iter().map(|(_, _, point)| point).collect(),
        ..series.clone()
    }
}
