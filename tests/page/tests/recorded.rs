//! Reports as they are written, compared byte for byte with recordings: a change of the code that is meant to change
//! nothing that people see keeps them; one that is meant to records them anew (`RECORD=1`), and the difference shows in
//! its commit.
#![expect(clippy::unwrap_used, reason = "this is test code: it stops at the first surprise")]

use std::path::PathBuf;

use sha2::{Digest, Sha256};
use throughput_page_tests::fixture;
use throughput_report::render::{csv, markdown, page};

/// Compares with what is recorded, or records it.
fn compare(file: &str, now: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("recorded").join(file);
    if std::env::var_os("RECORD").is_some() {
        std::fs::write(&path, now).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == now, "{file} differs (RECORD=1 writes it anew)");
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
