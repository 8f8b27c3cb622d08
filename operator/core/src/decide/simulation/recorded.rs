//! Recordings of simulated runs: every status of the undisturbed ones, a digest of those of each disturbed one, and the
//! reports that they end with. A change of the code that is meant to change nothing keeps them byte for byte; one that
//! is meant to records them anew (`RECORD=1 cargo test --package throughput-core recorded`), and the difference
//! shows in its commit.

use std::fmt::Write;
use std::path::Path;

use sha2::{Digest, Sha256};
use throughput_crds::ThroughputTestStatus;
use throughput_report::render::{csv, markdown, page};
use throughput_report::timeline::Timelines;
use throughput_test_support::recorded;

use super::runs::four_cells;
use super::world::World;
use super::{Disturbance, Walked, walk};
use crate::decide::fixture::backlog;
use crate::plan::Plan;

/// The plans that are recorded, by the name of their files.
fn plans() -> [(&'static str, Plan); 2] {
    [("sustained", four_cells()), ("backlog", backlog())]
}

/// Compares with what is recorded.
fn compare(file: &str, now: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/decide/simulation/recorded");
    recorded::compare(&folder.join(file), now);
}

/// One status a line.
fn lines(statuses: &[ThroughputTestStatus]) -> String {
    statuses.iter().fold(String::new(), |mut lines, status| {
        writeln!(lines, "{}", serde_json::to_string(status).unwrap()).unwrap();
        lines
    })
}

fn digest(walked: &Walked) -> String {
    let digest = Sha256::digest(lines(&walked.world.published));
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// A kind of disturbance, by the effect before which it comes, with its word in the recording.
type Named = (&'static str, fn(u32) -> Disturbance);

#[test]
fn every_status_of_an_undisturbed_run_is_as_recorded() {
    for (name, plan) in plans() {
        compare(&format!("{name}.jsonl"), &lines(&walk(&plan, World::new(), &[]).world.published));
    }
}

#[test]
fn every_status_of_a_run_disturbed_at_any_point_is_as_recorded() {
    let disturbances: [Named; 6] = [
        ("killed", Disturbance::KilledBefore),
        ("deleted", Disturbance::DeletedBefore),
        ("claimed", Disturbance::ClaimedBefore),
        ("aborted", Disturbance::AbortedBefore),
        ("suspended", Disturbance::SuspendedBefore),
        ("generator-lost", Disturbance::GeneratorLostBefore),
    ];
    for (name, plan) in plans() {
        let effects = walk(&plan, World::new(), &[]).effects;
        let mut digests = String::new();
        for (word, disturbance) in disturbances {
            for number in 0..effects {
                let walked = walk(&plan, World::new(), &[disturbance(number)]);
                writeln!(digests, "{word} {number} {}", digest(&walked)).unwrap();
            }
        }
        compare(&format!("{name}-disturbed.txt"), &digests);
    }
}

#[test]
fn the_report_of_an_undisturbed_run_is_as_recorded() {
    for (name, plan) in plans() {
        let walked = walk(&plan, World::new(), &[]);
        let report = walked.world.report().unwrap();
        compare(&format!("{name}.report.json"), &serde_json::to_string_pretty(report).unwrap());
        compare(&format!("{name}.report.md"), &markdown::render(report));
        compare(&format!("{name}.report.csv"), &csv::render(report));
        compare(&format!("{name}.report.html"), &page::render(report, &Timelines::default()));
    }
}
