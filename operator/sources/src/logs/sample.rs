//! Samples of lines: a few distinct ones, short, and without secrets.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::masks::Masks;
use super::patterns::Pattern;
use crate::text::bounded;

/// The most distinct samples of one pattern.
pub(super) const MOST_SAMPLES: usize = 3;
/// How much of a line tells it from others, in characters.
const LONGEST_SHAPE: usize = 160;

/// A line that matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sample {
    /// When it was written.
    pub(super) at: Timestamp,
    /// By whom.
    pub(super) by: String,
    /// The line, bounded.
    pub(super) text: String,
    /// The part that lines of its kind have in common.
    shape: String,
}

/// Keeps a line as a sample if there is none like it. Those from before `measured_since` give way to later ones.
pub(super) fn keep(
    samples: &mut Vec<Sample>,
    measured_since: Option<Timestamp>,
    (at, by, line): (Timestamp, &str, &str),
    (pattern, masks): (&Pattern, &Masks),
) {
    let is_early = |sample: &Sample| measured_since.is_some_and(|since| sample.at < since);
    let shape = shape(line, pattern);
    let same = samples.iter().position(|sample| sample.shape == shape);
    let place = match same {
        Some(place) if is_early(&samples[place]) => Some(place),
        Some(_) => return,
        None if samples.len() < MOST_SAMPLES => None,
        None => match samples.iter().position(is_early) {
            None => return,
            early => early,
        },
    };
    let sample = Sample { at, by: by.to_owned(), text: bounded(&masks.masked(line)), shape };
    match place {
        Some(place) => samples[place] = sample,
        None => samples.push(sample),
    }
}

/// Adds samples that are unlike those that are there, while there is room.
pub(super) fn absorb(samples: &mut Vec<Sample>, others: &[Sample]) {
    for other in others {
        if samples.len() < MOST_SAMPLES && samples.iter().all(|sample| sample.shape != other.shape) {
            samples.push(other.clone());
        }
    }
}

/// The part that lines of a kind have in common: the texts that the pattern's groups caught; without groups the line itself.
/// Words with digits in them (numbers, ids, addresses) are all the same, but for a group that is a number.
fn shape(line: &str, pattern: &Pattern) -> String {
    let caught = pattern.caught(line);
    if caught.is_empty() {
        return without_numbers(line);
    }
    let parts = caught.into_iter().map(|text| {
        let is_number = text.chars().all(|character| character.is_ascii_digit());
        if is_number { text.to_owned() } else { without_numbers(text) }
    });
    parts.collect::<Vec<_>>().join(" ").chars().take(LONGEST_SHAPE).collect()
}

fn without_numbers(text: &str) -> String {
    let mut shape = String::new();
    for word in text.split_inclusive(|character: char| !character.is_alphanumeric()) {
        let end = word.char_indices().last().filter(|(_, last)| !last.is_alphanumeric());
        let (word, mark) = word.split_at(end.map_or(word.len(), |(end, _)| end));
        shape.push_str(if word.chars().any(|character| character.is_ascii_digit()) { "#" } else { word });
        shape.push_str(mark);
        if shape.len() > LONGEST_SHAPE {
            break;
        }
    }
    shape.chars().take(LONGEST_SHAPE).collect()
}

#[cfg(test)]
mod tests {
    use throughput_crds::{LogPattern, ObserveLogs};

    use super::super::patterns::Patterns;
    use super::*;

    fn patterns(regex: &str) -> Patterns {
        let pattern = LogPattern { name: "own".to_owned(), regex: regex.to_owned() };
        Patterns::of(&ObserveLogs {
            pods: Vec::new(),
            cloud_watch: Vec::new(),
            built_in: Vec::new(),
            patterns: vec![pattern],
        })
        .unwrap()
    }

    fn kept(regex: &str, measured_since: Option<i64>, lines: &[(i64, &str)]) -> Vec<(i64, String)> {
        let patterns = patterns(regex);
        let pattern = patterns.iter().next().unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut samples = Vec::new();
        for (second, line) in lines {
            let line = (at(*second), "pod", *line);
            keep(&mut samples, measured_since.map(at), line, (pattern, patterns.masks()));
        }
        samples.into_iter().map(|sample| (sample.at.as_second(), sample.text)).collect()
    }

    #[test]
    fn lines_that_differ_only_in_numbers_and_ids_are_one_sample() {
        let lines = [
            (1, "[2026-11-22 09:00:00] [12] WORKER TIMEOUT (pid:111)"),
            (2, "[2026-11-22 09:01:07] [12] WORKER TIMEOUT (pid:97)"),
            (3, "task 01a20280-619d-797a-b1b6-798c20a80746 failed"),
            (4, "task 01a20280-5efc-74e8-a5a8-c6a21d8f3af5 failed"),
        ];
        let seconds: Vec<i64> = kept("", None, &lines).into_iter().map(|(second, _)| second).collect();
        assert_eq!(seconds, [1, 3]);
    }

    #[test]
    fn groups_tell_what_is_distinct() {
        let lines = [
            (1, r#"1.2.3.4 "GET /tasks/01a20280/ HTTP/1.1" 500 7"#),
            (2, r#"1.2.3.5 "GET /tasks/01a20281/ HTTP/1.1" 500 9"#),
            (3, r#"1.2.3.5 "GET /tasks/01a20281/ HTTP/1.1" 503 9"#),
            (4, r#"1.2.3.5 "GET /status/ HTTP/1.1" 503 9"#),
        ];
        let kept = kept(r#""GET (\S+) [^"]*" (5[0-9]+)"#, None, &lines);
        assert_eq!(kept.into_iter().map(|(second, _)| second).collect::<Vec<_>>(), [1, 3, 4]);
    }

    #[test]
    fn what_came_before_the_measuring_gives_way() {
        let lines = [(1, "a"), (2, "b"), (3, "c"), (11, "b"), (12, "d"), (13, "e"), (14, "f")];
        let kept = kept("", Some(10), &lines);
        let seconds: Vec<i64> = kept.into_iter().map(|(second, _)| second).collect();
        assert_eq!(seconds, [12, 11, 13]);
    }

    #[test]
    fn a_sample_is_short_and_has_no_secret_in_it() {
        for (line, expected) in [
            ("postgresql://pulp:hun/ter2@db:5432/pulp", "postgresql://pulp:***@db:5432/pulp"),
            ("login with password=hunter2, user=pulp", "login with password=***, user=pulp"),
            (r#"{"token": "abc.def", "a": 1}"#, r#"{"token": "***", "a": 1}"#),
            ("Authorization: Basic YWRtaW46cGFzcw==", "Authorization: Basic ***"),
            ("ALTER ROLE pulp PASSWORD 'hunter2'", "ALTER ROLE pulp PASSWORD '***'"),
            ("Cookie: sessionid=abcdef; csrftoken=123", "Cookie: ***; csrftoken=***"),
            ("password authentication failed for user", "password authentication failed for user"),
        ] {
            assert_eq!(kept("", None, &[(1, line)]), [(1, expected.to_owned())]);
        }
        let long = format!("{} password=hunter2", "x".repeat(400));
        assert_eq!(kept("", None, &[(1, &long)])[0].1.chars().count(), 300);
    }
}
