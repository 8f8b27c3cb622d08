//! How a cell's details are made to fit into their `ConfigMap`: the order in which detail is dropped.
//!
//! What is dropped is told in the details themselves, in `dropped`. Figures, facts and shortfalls never go.

use throughput_model::source_report::{Document, Series, SeriesPoint};

use super::{PackError, gzip};
use crate::data::CellDetail;

/// The most that a cell's details may have, packed, in bytes: its generators' results, and what sources keep while they
/// are at work, need their room as well.
pub const LARGEST_PACKED: usize = 512 << 10;

/// A cell's details, packed: the details themselves, and its documents, each by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// `cell.json`, compressed.
    pub detail: Vec<u8>,
    /// Each document's name and its text, compressed.
    pub documents: Vec<(String, Vec<u8>)>,
}

/// Something that can be dropped: what it is, and how.
type Step = (&'static str, fn(&mut CellDetail, &mut Vec<Document>));

/// What is dropped, the first of it first, until the rest fits.
const STEPS: [Step; 6] = [
    ("the largest document", |_, documents| drop_largest(documents)),
    ("all other documents", |_, documents| documents.clear()),
    ("every second point of the series", |detail, _| halve(detail)),
    ("every second point of the rest", |detail, _| halve(detail)),
    ("tables", |detail, _| detail.sources.iter_mut().for_each(|source| source.tables.clear())),
    ("series", |detail, _| detail.sources.iter_mut().for_each(|source| source.series.clear())),
];

/// Packs a cell's details into at most this many bytes, as far as dropping can do that.
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
    Ok(packed)
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
        let at_milliseconds = point.at_milliseconds.div_euclid(step) * step;
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
        step_milliseconds: series.step_milliseconds * 2,
        points: points.into_iter().map(|(_, _, point)| point).collect(),
        ..series.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use jiff::Timestamp;
    use throughput_model::source_report::{SourceReport, SourceSummary, Table};

    use super::*;
    use crate::data::SCHEMA_VERSION;
    use crate::fixture;

    /// Numbers that do not compress.
    fn noise(seed: u64) -> f64 {
        let mixed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        #[expect(clippy::cast_precision_loss, reason = "a few digits")]
        let value = (mixed >> 44) as f64;
        value / 16.0
    }

    fn detail(series: u64, document: usize) -> CellDetail {
        let of_one = |number: u64| Series {
            metric: "cpuPercent".to_owned(),
            subject: number.to_string(),
            step_milliseconds: 1_000,
            points: (0..240_i64)
                .map(|at| {
                    let mean = noise(number * 1_000 + at.unsigned_abs());
                    SeriesPoint { at_milliseconds: at * 1_000, min: mean - 1.0, mean, max: mean + 1.0 }
                })
                .collect(),
        };
        let texts = (0..document as u64).map(|at| noise(at).to_string()).collect::<String>();
        let source = SourceReport {
            summary: SourceSummary {
                source: "pods".to_owned(),
                figures: [("pods.api.cpuPercent.max".to_owned(), 1.0)].into(),
                ..SourceSummary::default()
            },
            base: Timestamp::UNIX_EPOCH,
            series: (0..series).map(of_one).collect(),
            tables: vec![Table { title: "t".to_owned(), columns: Vec::new(), rows: Vec::new() }],
            documents: vec![
                Document { name: "large.folded".to_owned(), text: texts },
                Document { name: "small.folded".to_owned(), text: "main 1".to_owned() },
            ],
        };
        CellDetail {
            schema_version: SCHEMA_VERSION,
            figures: fixture::report().cells.swap_remove(0),
            completions: throughput_model::figures::Completions::default(),
            workers_online: Vec::new(),
            queue: Vec::new(),
            sources: vec![source],
            dropped: Vec::new(),
            request_figures: None,
            generators: Vec::new(),
        }
    }

    fn unpacked(packed: &Packed) -> CellDetail {
        let mut text = String::new();
        GzDecoder::new(packed.detail.as_slice()).read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_fits_stays_whole_and_documents_are_files_of_their_own() {
        let packed = pack(&detail(10, 100), LARGEST_PACKED).unwrap();
        let kept = unpacked(&packed);
        assert_eq!((kept.dropped.len(), kept.sources[0].series[0].points.len()), (0, 240));
        let names: Vec<&str> = packed.documents.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names, kept.sources[0].documents.len()), (vec!["large.folded", "small.folded"], 0));
    }

    #[test]
    fn documents_go_first_then_points_then_tables_then_series_and_figures_never() {
        let document_only = pack(&detail(1, 50_000), 20_000).unwrap();
        assert_eq!(unpacked(&document_only).dropped, ["the largest document"]);
        assert_eq!(document_only.documents.len(), 1);
        let points = pack(&detail(100, 100), 200_000).unwrap();
        let kept = unpacked(&points);
        assert_eq!(kept.dropped.last().unwrap(), "every second point of the series");
        assert_eq!(
            (kept.sources[0].series[0].points.len(), kept.sources[0].series[0].step_milliseconds),
            (120, 2_000)
        );
        let nothing = pack(&detail(100, 100), 1).unwrap();
        let kept = unpacked(&nothing);
        assert_eq!(kept.dropped.len(), STEPS.len());
        assert_eq!((kept.sources[0].series.len(), kept.sources[0].summary.figures.len()), (0, 1));
    }

    #[test]
    fn a_cell_with_far_too_much_fits() {
        let packed = pack(&detail(100, 50_000), 50_000).unwrap();
        assert!(packed.bytes() <= 50_000, "{} bytes", packed.bytes());
    }
}
