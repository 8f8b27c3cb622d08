//! What generators deliver, and what they are told.

use throughput_loadgen::sidecar::fuzzing::delivered;
use throughput_model::generator::{GeneratorResult, RequestFigures};
use throughput_model::histogram::{LONGEST_TEXT, LatencyHistogram};
use throughput_model::named::Counts;
use throughput_model::protocol::{LARGEST_BODY_BYTES, Progress, Registration, StartAnswer};
use throughput_model::pulp_load::PulpLoad;
use throughput_model::workload::{Assignment, Workload};

/// A generator's result: it is stored, read again, and merged with itself.
pub(crate) fn results(input: &[u8]) {
    if let Ok(result) = GeneratorResult::from_json(input) {
        check(&result);
    }
}

fn check(result: &GeneratorResult) {
    let text = serde_json::to_string(result).unwrap_or_default();
    assert!(text.len() <= 2 * LARGEST_BODY_BYTES, "{} bytes", text.len());
    assert_eq!(GeneratorResult::from_json(text.as_bytes()).as_ref(), Ok(result));
    let load = PulpLoad::of(result);
    let mut sum = RequestFigures::default();
    sum.merge(&load.requests);
    sum.merge(&load.requests);
    let (one, both) = (&load.requests, &sum);
    assert_eq!(both.latency.count(), 2 * one.latency.count());
    assert_eq!(both.failures.total(), one.failures.total().saturating_mul(2));
    let mut counts = Counts::default();
    counts.add(&result.counts);
    assert_eq!(counts, result.counts);
    counts.add(&load.counts());
    let _ = (counts.to_string(), load.histograms());
}

/// A histogram's text, and the bytes that may stand in one of the right range.
pub(crate) fn histograms(input: &[u8]) {
    let histogram = LatencyHistogram::from_text(&String::from_utf8_lossy(input));
    let framed = LatencyHistogram::from_text(&framed(input));
    for histogram in [histogram, framed].into_iter().flatten() {
        let text = histogram.to_text();
        assert!(text.len() <= LONGEST_TEXT);
        assert!(LatencyHistogram::from_text(&text).is_ok_and(|again| again == histogram));
        let summary = histogram.summary();
        let quoted = [summary.p50_microseconds, summary.p95_microseconds, summary.p99_microseconds];
        assert!(quoted.is_sorted() && summary.p99_microseconds <= summary.max_microseconds, "{summary:?}");
        let mut both = histogram.clone();
        both.merge(&histogram);
        assert_eq!(both.count(), 2 * histogram.count());
    }
}

/// A text whose header is that of an empty histogram, but for the length.
fn framed(payload: &[u8]) -> String {
    let mut bytes = from_base64(&LatencyHistogram::new().to_text());
    bytes.truncate(40);
    bytes[4..8].copy_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(payload);
    to_base64(&bytes)
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn from_base64(text: &str) -> Vec<u8> {
    let values = text.bytes().filter_map(|letter| LETTERS.iter().position(|known| *known == letter));
    let bits: Vec<usize> = values.flat_map(|value| (0..6).rev().map(move |bit| value >> bit & 1)).collect();
    bits.chunks_exact(8)
        .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit == 1)))
        .collect()
}

fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | usize::from(group.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let letter = LETTERS[bits >> (18 - 6 * at) & 63];
            text.push(if at > group.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

/// What a generator and its operator say to each other on the way.
pub(crate) fn protocol(input: &[u8]) {
    if let Ok(registration) = serde_json::from_slice::<Registration>(input) {
        let text = serde_json::to_string(&registration).unwrap_or_default();
        assert!(serde_json::from_str::<Registration>(&text).is_ok_and(|again| again == registration));
    }
    if let Ok(progress) = serde_json::from_slice::<Progress>(input) {
        let text = serde_json::to_string(&progress).unwrap_or_default();
        assert!(serde_json::from_str::<Progress>(&text).is_ok_and(|again| again == progress));
        let mut sum = Counts::default();
        sum.add(&progress.counts);
        sum.add(&progress.counts);
        let _ = sum.to_string();
    }
    if let Ok(answer) = serde_json::from_slice::<StartAnswer>(input) {
        let text = serde_json::to_string(&answer).unwrap_or_default();
        assert!(serde_json::from_str::<StartAnswer>(&text).is_ok_and(|again| again == answer));
    }
}

/// An assignment: each generator has its share, and all of them together have all tasks.
pub(crate) fn assignments(input: &[u8]) {
    let Ok(assignment) = serde_json::from_slice::<Assignment>(input) else { return };
    let text = serde_json::to_string(&assignment).unwrap_or_default();
    assert!(serde_json::from_str::<Assignment>(&text).is_ok_and(|again| again == assignment));
    if let Workload::PulpTasks(tasks) = &assignment.workload
        && (1..=64).contains(&assignment.generators)
    {
        let shares = (0..assignment.generators).map(|index| tasks.share(assignment.generators, index));
        assert_eq!(shares.fold(0, u64::saturating_add), tasks.tasks);
    }
}

/// What the script in Pulp's process has measured.
pub(crate) fn script_results(input: &[u8]) {
    let assignment = serde_json::json!({
        "version": 3, "address": {"testUid": "3f1c", "cell": 0, "attempt": 1}, "generators": 1,
        "workload": {"pulpTasks": {
            "pulp": {"baseUrl": "http://pulp-api:24817", "apiRoot": "/pulp/", "authentication": "None",
                "verifiesCertificate": true},
            "correlationId": "7d444840-9dc0-11d1-b245-5ffdce74fad2", "tasks": 10, "concurrency": 1,
            "dispatch": {"request": {"method": "POST", "path": "/p/", "requestTimeoutMilliseconds": 1000}},
            "dispatchDeadlineMilliseconds": 1000}},
    });
    let assignment = serde_json::from_value::<Assignment>(assignment);
    assert!(assignment.is_ok(), "{assignment:?}");
    if let Some(result) = assignment.ok().and_then(|assignment| delivered(input, assignment)) {
        check(&result);
    }
}
