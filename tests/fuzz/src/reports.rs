//! Reports and timelines as they are read back.

use std::sync::OnceLock;

use serde_json::Value;
use throughput_report::data::TestReport;
use throughput_report::fit::{gzip, pictures, report_texts};
use throughput_report::fixture::four_cells;
use throughput_report::render::{csv, markdown};
use throughput_report::timeline::{Detail, Timelines};
use throughput_test_support::mutated;

/// The room for pictures: small, so that they have to be fitted in.
const ROOM_BYTES: usize = 64 << 10;

/// `report.json`: everything is rendered of it again.
pub(crate) fn reports(input: &[u8]) {
    if let Ok(report) = serde_json::from_slice::<TestReport>(input) {
        render(&report);
    }
}

/// A report in which bytes choose what is changed.
pub(crate) fn changed(input: &[u8]) {
    static REPORT: OnceLock<Value> = OnceLock::new();
    let report = REPORT.get_or_init(|| {
        let (mut report, _) = four_cells();
        report.cells.truncate(2);
        serde_json::to_value(report).unwrap_or_default()
    });
    if let Ok(report) = serde_json::from_value::<TestReport>(mutated::chosen_by(report, input)) {
        render(&report);
    }
}

fn render(report: &TestReport) {
    let text = serde_json::to_string(report).unwrap_or_default();
    assert!(serde_json::from_str::<TestReport>(&text).is_ok(), "a report is not read again: {text}");
    let _ = (markdown::render(report), csv::render(report));
    let _ = report_texts(report);
    if let Some(cell) = report.cells.first() {
        let again = report.clone().with(cell.clone());
        assert!(again.cells.len() <= report.cells.len());
        let _ = (cell.figures(), cell.headline());
    }
    let _ = pictures::fit(report, &Timelines::default(), ROOM_BYTES);
}

/// The text of timelines.
pub(crate) fn timelines(input: &[u8]) {
    if let Ok(packed) = gzip(input) {
        packed_timelines(&packed);
    }
}

/// Timelines as they are stored, packed: a page is drawn of them.
pub(crate) fn packed_timelines(input: &[u8]) {
    static REPORT: OnceLock<TestReport> = OnceLock::new();
    let Ok(mut read) = pictures::read_timelines(input) else { return };
    let report = REPORT.get_or_init(|| four_cells().0);
    if let Ok(Some(drawn)) = pictures::fit(report, &read, ROOM_BYTES) {
        assert!(drawn.page.len() + drawn.timelines.len() <= ROOM_BYTES);
        assert!(pictures::read_timelines(&drawn.timelines).is_ok(), "what was written is not read");
    }
    for detail in [Detail::HalfOfThePoints, Detail::OneSeriesPerMetric, Detail::RowOnly] {
        read.cells.iter_mut().for_each(|cell| cell.reduce_to(detail));
    }
}
