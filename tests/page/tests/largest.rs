//! The largest test that there can be: 64 runs, all kinds of sources, many subjects.
#![expect(clippy::unwrap_used, reason = "this is test code: it stops at the first surprise")]

use std::time::Instant;

use throughput_page_tests::fixture;
use throughput_report::data::TestReport;
use throughput_report::fit::pictures::{Pictures, fit, read_timelines, room_beside};
use throughput_report::render::{csv, markdown};
use throughput_report::timeline::{Detail, Timelines};

fn drawn(report: &TestReport, timelines: &Timelines, room_bytes: usize) -> Pictures {
    let begin = Instant::now();
    let pictures = fit(report, timelines, room_bytes).unwrap().unwrap();
    println!(
        "figure {} runs: page {} bytes, timelines {} bytes, in {} ms",
        report.cells.len(),
        pictures.page.len(),
        pictures.timelines.len(),
        begin.elapsed().as_millis()
    );
    let bytes = pictures.page.len() + pictures.timelines.len();
    assert!(bytes <= room_bytes, "{bytes} in {room_bytes}");
    pictures
}

#[test]
fn the_pictures_of_the_largest_test_fit_beside_its_report_and_the_best_run_keeps_the_most() {
    let (report, timelines) = fixture::largest();
    let plain = serde_json::to_vec(&report).unwrap().len()
        + markdown::render(&report).len()
        + csv::render(&report).len();
    let room_bytes = room_beside(plain);
    println!("figure 64 runs: report.json, report.md and report.csv {plain} bytes, room {room_bytes} bytes");
    // As the operator does it: a run is added to what was kept of those before.
    let (last, mut before) = (timelines.cells.last().unwrap().clone(), timelines.cells[..63].to_vec());
    before[..62].iter_mut().for_each(|cell| cell.reduce_to(Detail::OneSeriesPerMetric));
    let sixty_three = TestReport { cells: report.cells[..63].to_vec(), ..report.clone() };
    let first = drawn(&sixty_three, &Timelines { cells: before, ..timelines }, room_bytes);
    let kept = read_timelines(&first.timelines).unwrap();
    let second = drawn(&report, &kept.with(last), room_bytes);
    let kept = read_timelines(&second.timelines).unwrap();
    assert_eq!(kept.cells.len(), 64);
    let details: Vec<Detail> = kept.cells.iter().map(|cell| cell.detail).collect();
    assert!(*details.iter().min().unwrap() < Detail::TasksOnly, "{details:?}");
    assert!(
        kept.cells.iter().all(|cell| !cell.queue.is_empty()),
        "each run has at least its tasks: {details:?}"
    );
}
