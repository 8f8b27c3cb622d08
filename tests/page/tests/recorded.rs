//! Reports as they are written, compared with recordings.

use std::path::Path;

use sha2::{Digest, Sha256};
use throughput_page_tests::fixture;
use throughput_report::render::{csv, markdown, page};
use throughput_test_support::recorded;

/// Compares with what is recorded.
fn compare(file: &str, now: &str) {
    recorded::compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded").join(file), now);
}

#[test]
fn a_report_with_all_kinds_of_sources_is_as_recorded() {
    let (report, timelines) = fixture::usual();
    compare("usual.json", &serde_json::to_string_pretty(&report).unwrap());
    compare("usual.md", &markdown::render(&report));
    compare("usual.csv", &csv::render(&report));
    // The page is a megabyte: its digest is enough to know that it is the same. Smaller ones are recorded whole, with the
    // simulated runs of the controller.
    let page = Sha256::digest(page::render(&report, &timelines));
    let digest = page.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    compare("usual.html.sha256", &digest);
}
