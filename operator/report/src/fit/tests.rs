use std::time::Duration;

use jiff::Timestamp;
use throughput_model::failure::{FailureClass, LONGEST_SAMPLE, Phase, SAMPLES_PER_GROUP};
use throughput_model::generator::RequestFigures;
use throughput_model::source_report::{Document, Series, SeriesPoint, SourceReport, SourceSummary, Table};

use super::details::{Packed, pack, unpack};
use super::pictures::room_beside;
use super::*;
use crate::data::{CellDetail, SCHEMA_VERSION};
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
    unpack(&packed.detail).unwrap()
}

#[test]
fn what_fits_stays_whole_and_documents_are_files_of_their_own() {
    let packed = pack(&detail(10, 100), room::DETAILS).unwrap();
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
    let few = pack(&detail(100, 100), 2_000).unwrap();
    let kept = unpacked(&few);
    assert_eq!(kept.dropped.last().unwrap(), "series");
    assert_eq!((kept.sources[0].series.len(), kept.sources[0].summary.figures.len()), (0, 1));
}

#[test]
fn a_report_that_is_too_large_loses_the_facts_of_sources_then_their_figures_and_no_cell() {
    let mut report = fixture::report();
    let mut summary = SourceSummary { source: "pods".to_owned(), ..SourceSummary::default() };
    for number in 0..100 {
        summary.facts.insert(format!("fact {number}"), "x".repeat(100));
        summary.figures.insert(format!("pods.api.figure{number}.max"), 1.0);
    }
    report.cells[0].sources = vec![summary];
    let whole = report_json(&report, room::REPORT_JSON).unwrap();
    let read = |text: &str| serde_json::from_str::<TestReport>(text).unwrap().cells.swap_remove(0);
    assert_eq!(read(&whole).sources[0].facts.len(), 100);
    let kept = read(&report_json(&report, whole.len() - 1).unwrap());
    assert_eq!((kept.sources[0].facts.len(), kept.sources[0].figures.len()), (0, 100));
    let mut kept = read(&report_json(&report, 5_000).unwrap());
    assert_eq!(kept.sources[0].figures.len(), 0);
    assert_eq!(fixture::tasks_of(&mut kept).tasks, fixture::tasks_of(&mut report.cells[0]).tasks);
}

#[test]
fn a_table_that_is_too_long_is_cut_at_the_end_of_a_line() {
    let rows = "\"a\nb\",1\n".repeat(10);
    let table = |limit, end| cut(rows.clone(), limit, end, LineBreaks::MayBeQuoted);
    assert_eq!(table(80, ""), rows);
    assert_eq!(table(79, ""), "\"a\nb\",1\n".repeat(9));
    assert_eq!(table(79, "end\n"), format!("{}end\n", "\"a\nb\",1\n".repeat(9)));
    assert_eq!(table(7, ""), "");
    // Where lines are not quoted, one odd quote hides none of those after it.
    let rows = "| 5\" |\n".repeat(10);
    assert_eq!(cut(rows.clone(), rows.len() - 1, "", LineBreaks::AllEndLines), "| 5\" |\n".repeat(9));
}

/// A report with as many cells as there can be, and in each the largest of everything that others say.
fn largest_report() -> TestReport {
    let mut report = fixture::report();
    let mut cell = report.cells.swap_remove(0);
    let mut seed = 0_u64;
    let mut words = |characters: usize| -> String {
        let mut text = String::new();
        while text.chars().count() < characters {
            seed += 1;
            // Four bytes a character, none of which repeats.
            text.extend(
                noise(seed).to_string().bytes().map(|b| char::from_u32(0x1_F300 + u32::from(b)).unwrap()),
            );
        }
        text.chars().take(characters).collect()
    };
    let requests = fixture::tasks_of(&mut cell).requests.as_mut().unwrap();
    for phase in Phase::ALL {
        for class in FailureClass::ALL {
            (0..SAMPLES_PER_GROUP)
                .for_each(|_| requests.failures.record(phase, class, &words(LONGEST_SAMPLE)));
        }
    }
    let mut summary = SourceSummary { source: "pods".to_owned(), ..SourceSummary::default() };
    for number in 0..1_000 {
        summary.facts.insert(format!("fact {number}"), words(100));
        summary.figures.insert(format!("pods.api.figure{number}.max"), noise(number));
    }
    cell.sources = vec![summary];
    cell.message = Some(words(2_000));
    cell.observations = (0..20).map(|_| words(300)).collect();
    report.cells = (0..64).map(|number| CellReport { cell: number, ..cell.clone() }).collect();
    report
}

#[test]
fn the_largest_report_finds_room_in_one_config_map() {
    let texts = report_texts(&largest_report()).unwrap();
    let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
    assert!(bytes <= room::REPORT_TEXTS, "{bytes} bytes");
    assert!(bytes + room_beside(bytes) <= room::CONFIG_MAP, "{bytes} bytes and the page");
    assert!(texts[0].1.ends_with(CUT_MARKDOWN), "the table was too long");
    assert_eq!(serde_json::from_str::<TestReport>(&texts[2].1).unwrap().cells.len(), 64);
}

#[test]
fn the_largest_details_find_room_beside_the_checkpoint_of_sources() {
    let mut detail = detail(100, 50_000);
    detail.figures = largest_report().cells.swap_remove(0);
    detail.sources[0].summary = detail.figures.sources[0].clone();
    let mut requests = RequestFigures::default();
    requests.failures = fixture::tasks_of(&mut detail.figures).requests.as_ref().unwrap().failures.clone();
    // No two latencies alike, as far as a histogram tells them apart.
    (0..200_000_u32).for_each(|n| requests.latency.record(Duration::from_micros(500) * n));
    requests.failed_latency = requests.latency.clone();
    detail.request_figures = Some(requests);
    let packed = pack(&detail, room::DETAILS).unwrap();
    assert!(packed.bytes() + room::CHECKPOINT < room::CONFIG_MAP, "{} bytes", packed.bytes());
}

#[test]
fn what_finds_no_room_though_everything_was_dropped_is_an_error_that_says_so() {
    let fault = pack(&detail(1, 1), 100).unwrap_err().to_string();
    assert!(fault.starts_with("the report takes ") && fault.ends_with(" and has room for 100"), "{fault}");
    assert!(report_json(&fixture::report(), 100).is_err());
}

#[test]
fn a_cell_with_far_too_much_fits() {
    let packed = pack(&detail(100, 50_000), 50_000).unwrap();
    assert!(packed.bytes() <= 50_000, "{} bytes", packed.bytes());
}

#[test]
fn details_are_read_back_as_they_were_packed() {
    let detail = detail(2, 0);
    let mut kept = detail.clone();
    // Documents are files of their own.
    kept.sources.iter_mut().for_each(|source| source.documents.clear());
    assert_eq!(unpack(&pack(&detail, 1 << 20).unwrap().detail).unwrap(), kept);
}

#[test]
fn details_that_are_too_large_or_of_another_version_are_not_read() {
    let bomb = gzip(&vec![b' '; 64 << 20]).unwrap();
    assert_eq!(unpack(&bomb).unwrap_err().to_string(), "it unpacks to more than 16777216 bytes");
    let other = CellDetail { schema_version: SCHEMA_VERSION + 1, ..detail(1, 0) };
    let packed = pack(&other, 1 << 20).unwrap();
    assert_eq!(unpack(&packed.detail).unwrap_err().to_string(), "details that no cell of this version has");
    assert!(unpack(b"no gzip").is_err());
}
