//! The figures, the table and the files of a profile. Pure, but for the recording.

use jiff::Timestamp;
use throughput_crds::ObserveProfile;
use throughput_model::profiler::{Ending, Stack};

use super::flame::flame_graph;
use super::memory::{Memory, Subject};
use super::progress::Span;
use super::speedscope::speedscope;
use super::stacks::{Function, folded, functions, percent, samples};
use crate::error::SourceError;
use crate::recording::Recording;

/// How many functions are told.
const TOP: usize = 25;

/// Writes a pod's profile down.
pub(super) fn publish(
    spec: &ObserveProfile,
    subject: &Subject,
    stacks: &[Stack],
    ending: &Ending,
    span: &Span,
    memory: &mut Memory,
    recording: &mut Recording,
) {
    let pod = subject.pod.as_str();
    memory.samples = memory.samples.saturating_add(ending.samples);
    memory.errors = memory.errors.saturating_add(ending.errors);
    memory.from = [memory.from, span.from].into_iter().flatten().min();
    memory.to = [memory.to, span.to].into_iter().flatten().max();
    set_figures(memory, recording);
    set_facts(spec, subject, ending, span, recording);
    if stacks.is_empty() {
        let message =
            format!("no Python code of the pod {pod} ran at any of the instants at which py-spy looked");
        return recording.fall_short(&SourceError::new("NoSamples", message), Timestamp::now());
    }
    let all = samples(stacks);
    let rows = functions(stacks).into_iter().take(TOP).map(|function| row(function, all));
    recording.set_table(&format!("Top functions of {pod}"), &["Function", "File", "Self %", "Total %"], rows);
    recording.add_document(&format!("{pod}.folded"), folded(stacks));
    recording
        .add_document(&format!("{pod}.speedscope.json"), speedscope(pod, stacks, spec.samples_per_second));
    if let Some(picture) = flame_graph(pod, stacks) {
        recording.add_document(&format!("{pod}.svg"), picture);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of samples")]
fn set_figures(memory: &Memory, recording: &mut Recording) {
    recording.set_figure("samples", memory.samples as f64);
    recording.set_figure("errors", memory.errors as f64);
    if let (Some(from), Some(to)) = (memory.from, memory.to) {
        recording.set_fact("profiled", &format!("{from} to {to}"));
    }
}

fn set_facts(
    spec: &ObserveProfile,
    subject: &Subject,
    ending: &Ending,
    span: &Span,
    recording: &mut Recording,
) {
    let pod = subject.pod.as_str();
    let text =
        |instant: Option<Timestamp>| instant.map_or_else(|| "?".to_owned(), |instant| instant.to_string());
    let what = format!(
        "container {}, {} to {}, {} samples a second",
        subject.container,
        text(span.from),
        text(span.to),
        spec.samples_per_second,
    );
    recording.set_fact(pod, &what);
    if ending.left_out_stacks > 0 {
        let left_out = format!(
            "{} rare stacks with {} of {} samples",
            ending.left_out_stacks, ending.left_out_samples, ending.samples
        );
        recording.set_fact(&format!("{pod} left out"), &left_out);
    }
    if !ending.said.is_empty() {
        recording.set_fact(&format!("{pod} remarks"), &ending.said.join(". "));
    }
}

fn row(function: Function<'_>, all: u64) -> Vec<String> {
    let Function { name, file, own, total } = function;
    vec![name.to_owned(), file.to_owned(), percent(own, all), percent(total, all)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::container::User;
    use super::super::target::Target;
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn published(stacks: &[Stack], ending: &Ending) -> Recording {
        let spec: ObserveProfile =
            serde_json::from_value(json!({"selector": {"matchLabels": {"app": "pulp"}}})).unwrap();
        let (pod, container) = ("api-1".to_owned(), "api".to_owned());
        let subject =
            Subject::new(Target { pod, pod_uid: "u".to_owned(), container, user: User::default() }, at(0));
        let span = Span { from: Some(at(0)), to: Some(at(30)), words: String::new() };
        let mut recording = Recording::new("profile", at(0));
        publish(&spec, &subject, stacks, ending, &span, &mut Memory::default(), &mut recording);
        recording
    }

    #[test]
    fn a_profile_is_figures_a_table_and_three_files() {
        let stacks = [
            Stack { frames: "process 1;main (a.py:1);work (a.py:5)".to_owned(), samples: 3 },
            Stack { frames: "process 1;main (a.py:2)".to_owned(), samples: 1 },
        ];
        let ending = Ending {
            exit_code: Some(0),
            samples: 6,
            errors: 2,
            left_out_stacks: 2,
            left_out_samples: 2,
            said: Vec::new(),
        };
        let report = published(&stacks, &ending).report();
        let figures: Vec<(&str, f64)> =
            report.summary.figures.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(figures, [("profile.errors", 2.0), ("profile.samples", 6.0)]);
        assert_eq!(report.summary.facts["profiled"], "1970-01-01T00:00:00Z to 1970-01-01T00:00:30Z");
        assert_eq!(report.summary.facts["api-1 left out"], "2 rare stacks with 2 of 6 samples");
        assert_eq!(
            report.tables[0].rows,
            [["work", "a.py", "75.0", "75.0"], ["main", "a.py", "25.0", "100.0"]]
        );
        let names: Vec<&str> = report.documents.iter().map(|document| document.name.as_str()).collect();
        assert_eq!(names, ["api-1.folded", "api-1.speedscope.json", "api-1.svg"]);
        assert!(report.summary.is_complete());
    }

    #[test]
    fn a_pod_that_ran_no_python_while_it_was_looked_at_is_told() {
        let recording = published(&[], &Ending { exit_code: Some(0), ..Ending::default() });
        assert_eq!(recording.shortfalls()[0].reason, "NoSamples");
        assert_eq!(recording.report().summary.figures["profile.samples"].to_string(), "0");
    }
}
