//! py-spy's raw output: its own remarks, and stacks with their counts.

use std::collections::BTreeMap;

use throughput_model::profiler::Stack;

/// What py-spy says itself begins so; a stack begins with its process.
const REMARK: &str = "py-spy> ";
const PROCESS: &str = "process ";

/// What was read of py-spy's output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw {
    /// The stacks without command lines, the most frequent first.
    pub stacks: Vec<Stack>,
    /// How often a stack could not be read, as py-spy says.
    pub errors: u64,
    /// How many samples py-spy says it took; none when it did not come that far.
    pub samples: Option<u64>,
    /// Remarks that it does not always make: that it is late, that the process ended.
    pub remarks: Vec<String>,
}

/// What of the stacks fits, and what does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounded {
    /// The most frequent ones, as many as fit.
    pub stacks: Vec<Stack>,
    /// How many are left out.
    pub left_out_stacks: u64,
    /// How many samples those have.
    pub left_out_samples: u64,
}

/// Reads py-spy's output.
///
/// A stack's first frame is `process 7:"COMMAND LINE"`, one for each process down to the sampled one. Of these only the
/// last number is kept. A command line may hold anything, also newlines, semicolons and secrets; so lines that do not
/// begin a stack belong to the one before.
pub fn parse(output: &str) -> Raw {
    let mut raw = Raw::default();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut record = String::new();
    for line in output.lines() {
        if let Some(remark) = line.strip_prefix(REMARK) {
            raw.note(remark);
        } else if begins_stack(line) {
            count(&record, &mut counts);
            line.clone_into(&mut record);
        } else if !record.is_empty() {
            record.push(' ');
            record.push_str(line);
        }
    }
    count(&record, &mut counts);
    raw.stacks = counts.into_iter().map(|(frames, samples)| Stack { frames, samples }).collect();
    // Stable: those that were seen as often stay in the order of their names.
    raw.stacks.sort_by_key(|stack| std::cmp::Reverse(stack.samples));
    raw
}

impl Raw {
    fn note(&mut self, remark: &str) {
        let number_after = |text: &str| {
            let digits = remark.split_once(text)?.1.split_whitespace().next()?;
            digits.parse::<u64>().ok()
        };
        if let Some(samples) = number_after("Samples: ") {
            self.samples = Some(samples);
            self.errors = number_after("Errors: ").unwrap_or_default();
        } else if remark.contains("behind in sampling") || remark.starts_with("Stopped sampling") {
            self.remarks.push(remark.to_owned());
        }
    }
}

/// As many of the most frequent stacks as fit into so many bytes of text.
pub fn bound(stacks: Vec<Stack>, most_bytes: usize) -> Bounded {
    let mut bounded = Bounded::default();
    let mut bytes = 0;
    for stack in stacks {
        bytes += stack.frames.len() + 12;
        if bytes <= most_bytes {
            bounded.stacks.push(stack);
        } else {
            bounded.left_out_stacks += 1;
            bounded.left_out_samples += stack.samples;
        }
    }
    bounded
}

fn begins_stack(line: &str) -> bool {
    process_of(line).is_some()
}

/// The number of the process that a text begins with, as in `process 7:"…`.
fn process_of(text: &str) -> Option<&str> {
    let (number, _) = text.strip_prefix(PROCESS)?.split_once(":\"")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(number)
}

/// Counts a stack under its frames without command lines. What has no number at its end, or no frames, is no stack.
fn count(record: &str, counts: &mut BTreeMap<String, u64>) {
    let Some((frames, samples)) = record.rsplit_once(' ') else { return };
    let Ok(samples) = samples.parse::<u64>() else { return };
    // No function's name holds a quotation mark, so the last one ends the last command line.
    let Some((processes, frames)) = frames.rsplit_once("\";") else { return };
    let starts = processes.match_indices(PROCESS).filter_map(|(at, _)| process_of(&processes[at..]));
    let number = starts.last().unwrap_or_default();
    *counts.entry(format!("{PROCESS}{number};{frames}")).or_default() += samples;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(frames: &str, samples: u64) -> Stack {
        Stack { frames: frames.to_owned(), samples }
    }

    #[test]
    fn stacks_are_kept_without_the_command_lines() {
        let output = concat!(
            "py-spy> Sampling process 100 times a second for 3 seconds. Press Control-C to exit.\n\n",
            "process 1:\"gunicorn --password=hidden; process 9:\"\";process 12:\"gunicorn: worker\";main (app.py:3);f (app.py:9) 2\n",
            "process 1:\"python -c \nimport time # hidden\nprocess()\n\";main (app.py:3);f (app.py:9) 7\n",
            "process 1:\"python -c \nimport time # other\n\";main (app.py:3);f (app.py:9) 1\n",
            "py-spy> Wrote raw flamegraph data to '/dev/stdout'. Samples: 10 Errors: 4\n",
            "py-spy> You can use the flamegraph.pl script\n",
        );
        let raw = parse(output);
        assert_eq!(
            raw,
            Raw {
                stacks: vec![
                    stack("process 1;main (app.py:3);f (app.py:9)", 8),
                    stack("process 12;main (app.py:3);f (app.py:9)", 2),
                ],
                errors: 4,
                samples: Some(10),
                remarks: Vec::new(),
            }
        );
    }

    #[test]
    fn what_is_cut_off_or_no_stack_is_left_out() {
        for output in ["", "process 1:\"python\";main (app.py", "process 1:\"python\" 3", "main (app.py:1) 3"]
        {
            assert_eq!(parse(output), Raw::default(), "{output}");
        }
    }

    #[test]
    fn remarks_that_are_not_always_made_are_kept() {
        let output = "py-spy> 1.20s behind in sampling, results may be inaccurate. Try reducing the sampling rate\npy-spy> Stopped sampling because process exited\n";
        assert_eq!(parse(output).remarks.len(), 2);
    }

    #[test]
    fn the_rarest_stacks_are_left_out_when_there_are_too_many() {
        let stacks = vec![stack("a", 9), stack("b", 2), stack("c", 1)];
        let bounded = bound(stacks, 26);
        assert_eq!(
            bounded,
            Bounded { stacks: vec![stack("a", 9), stack("b", 2)], left_out_stacks: 1, left_out_samples: 1 }
        );
    }
}
