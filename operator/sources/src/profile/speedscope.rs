//! A profile in the form that speedscope reads. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use throughput_model::profiler::Stack;

use super::stacks::{Frame, frames, samples};

/// The stacks as a sampled profile: the most frequent first, each as long as all of its samples together. They are
/// counts, so the order in which things happened is not in them.
pub(super) fn speedscope(name: &str, stacks: &[Stack], samples_per_second: u32) -> String {
    let mut index: BTreeMap<Frame<'_>, usize> = BTreeMap::new();
    let mut shared: Vec<Value> = Vec::new();
    let mut sampled: Vec<Vec<usize>> = Vec::new();
    for stack in stacks {
        let numbers = frames(stack).map(|frame| {
            *index.entry(frame).or_insert_with(|| {
                shared.push(described(frame));
                shared.len() - 1
            })
        });
        sampled.push(numbers.collect());
    }
    let weights: Vec<f64> = stacks.iter().map(|stack| seconds(stack.samples, samples_per_second)).collect();
    let all = samples(stacks);
    json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "name": name,
        "exporter": "throughput-operator",
        "shared": {"frames": shared},
        "profiles": [{
            "type": "sampled",
            "name": name,
            "unit": "seconds",
            "startValue": 0,
            "endValue": seconds(all, samples_per_second),
            "samples": sampled,
            "weights": weights,
        }],
    })
    .to_string()
}

fn described(frame: Frame<'_>) -> Value {
    let mut described = json!({"name": frame.function});
    if !frame.file.is_empty() {
        described["file"] = frame.file.into();
    }
    if let Some(line) = frame.line {
        described["line"] = line.into();
    }
    described
}

#[expect(clippy::cast_precision_loss, reason = "a number of samples")]
fn seconds(samples: u64, samples_per_second: u32) -> f64 {
    samples as f64 / f64::from(samples_per_second.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_share_their_frames() {
        let stack = |frames: &str, samples| Stack { frames: frames.to_owned(), samples };
        let stacks = [stack("process 1;f (a.py:1);g (b.py:2)", 50), stack("process 1;f (a.py:1)", 25)];
        let read: Value = serde_json::from_str(&speedscope("api", &stacks, 100)).unwrap();
        assert_eq!(
            read["shared"]["frames"],
            json!([
                {"name": "process 1"},
                {"name": "f", "file": "a.py", "line": 1},
                {"name": "g", "file": "b.py", "line": 2},
            ])
        );
        let profile = &read["profiles"][0];
        assert_eq!(profile["samples"], json!([[0, 1, 2], [0, 1]]));
        assert_eq!((&profile["weights"], &profile["endValue"]), (&json!([0.5, 0.25]), &json!(0.75)));
    }
}
