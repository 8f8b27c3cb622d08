//! What AWS says of a database, and what is kept of it, for tests/fuzz alone.
#![expect(clippy::missing_panics_doc, reason = "stopping at the first surprise is what they are for")]

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::MetricDataResult;
use serde_json::{Value, json};
use throughput_crds::ObserveRds;

use super::cloudwatch::Collected;
use super::cloudwatch_metric::asked_for;
use super::coverage::coverage;
use super::instance::Instance;
use super::max_connections::{evaluate, memory_gibibytes};
use super::minutes::Minutes;
use super::{failures::Failures, record};
use crate::fuzzing::{check, empty, read, split_last_line, window};

/// The value of a parameter, and an instance class in the last line.
pub fn formulas(input: &[u8]) {
    let (value, class) = split_last_line(input);
    let memory = memory_gibibytes(&String::from_utf8_lossy(class));
    assert!(memory.is_none_or(|memory| memory.is_finite() && memory > 0.0));
    for memory in [None, Some(16.0), memory] {
        let most = evaluate(&String::from_utf8_lossy(value), memory);
        assert!(most.is_none_or(|most| most.is_finite() && most >= 1.0), "{most:?}");
    }
}

/// Results of CloudWatch, one a line, `ID SECOND VALUE SECOND VALUE …`; the window in the last line.
pub fn points(input: &[u8]) {
    let (results, last) = split_last_line(input);
    let Ok(settings) = serde_json::from_value::<ObserveRds>(json!({"instance": "pulp"})) else { return };
    let metrics = asked_for(&settings);
    let minutes = Minutes::of(window(last));
    let mut collected = Collected::of(metrics.len(), minutes.with_before(5));
    for line in String::from_utf8_lossy(results).lines().take(64) {
        let mut words = line.split_whitespace();
        let mut result = MetricDataResult::builder().id(words.next().unwrap_or_default());
        while let (Some(second), Some(value)) = (words.next(), words.next()) {
            let second = DateTime::from_secs(second.parse().unwrap_or_default());
            result = result.timestamps(second).values(value.parse().unwrap_or(f64::NAN));
        }
        collected.add(&result.build());
    }
    let answer = collected.answer(&metrics);
    let (mut recording, mut failures) = (empty("rds"), Failures::default());
    let _ = coverage(&metrics, &answer.points, minutes.with_before(5));
    let found = coverage(&metrics, &answer.points, minutes);
    assert!((0.0..=100.0).contains(&found.percent), "{}", found.percent);
    record::write(&metrics, &answer.points, minutes, Some(100.0), &mut recording);
    record::note_coverage(&found, answer.partial, &mut recording, &mut failures);
    check(&recording);
}

/// What the source keeps for its next life: it goes on with it.
pub fn stored(input: &[u8]) {
    let Some(value) = read::<Value>(input) else { return };
    let mut recording = empty("rds");
    if recording.remember(super::MEMORY, &value).is_err() {
        return;
    }
    let Some(instance) = recording.recall::<Instance>(super::MEMORY) else { return };
    let Ok(settings) = serde_json::from_value::<ObserveRds>(json!({"instance": "pulp"})) else { return };
    let metrics = asked_for(&settings);
    let minutes = Minutes { first: 0, last: 3 };
    let mut collected = Collected::of(metrics.len(), minutes);
    for id in (0..metrics.len()).map(|metric| format!("m{metric}_0")) {
        let result = MetricDataResult::builder().id(id).timestamps(DateTime::from_secs(60)).values(5.0);
        collected.add(&result.build());
    }
    let points = collected.answer(&metrics).points;
    record::write(&metrics, &points, minutes, instance.max_connections, &mut recording);
    assert!(recording.remember(super::MEMORY, &instance).is_ok());
    check(&recording);
}
