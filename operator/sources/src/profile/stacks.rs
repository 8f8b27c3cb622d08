//! Stacks and the functions in them. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use throughput_model::profiler::Stack;

/// A frame: `function (file.py:12)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Frame<'a> {
    pub(super) function: &'a str,
    /// Empty where it has none, as a process.
    pub(super) file: &'a str,
    pub(super) line: Option<u32>,
}

/// A function, and in how many samples it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    pub(super) file: &'a str,
    /// In how many it was what ran.
    pub(super) own: u64,
    /// In how many it or what it called ran.
    pub(super) total: u64,
}

/// The frames of a stack, from the outermost.
pub(super) fn frames(stack: &Stack) -> impl Iterator<Item = Frame<'_>> {
    stack.frames.split(';').map(frame)
}

fn frame(text: &str) -> Frame<'_> {
    let bare = Frame { function: text, file: "", line: None };
    let Some((function, place)) = text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")) else {
        return bare;
    };
    let with_line = place.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?)));
    let (file, line) = with_line.map_or((place, None), |(file, line)| (file, Some(line)));
    Frame { function, file, line }
}

/// The functions, those that ran most first. What only stands for a process is left out; a function that called itself
/// counts once in a sample.
pub(super) fn functions(stacks: &[Stack]) -> Vec<Function<'_>> {
    let mut counts: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for stack in stacks {
        let called: Vec<(&str, &str)> = frames(stack)
            .filter(|frame| !frame.file.is_empty())
            .map(|frame| (frame.function, frame.file))
            .collect();
        if let Some(innermost) = called.last() {
            let (own, _) = counts.entry(*innermost).or_default();
            *own = own.saturating_add(stack.samples);
        }
        for function in called.into_iter().collect::<BTreeSet<_>>() {
            let (_, total) = counts.entry(function).or_default();
            *total = total.saturating_add(stack.samples);
        }
    }
    let mut functions: Vec<Function<'_>> =
        counts.into_iter().map(|((name, file), (own, total))| Function { name, file, own, total }).collect();
    functions.sort_by_key(|function| std::cmp::Reverse((function.own, function.total)));
    functions
}

/// The samples of all of them.
pub(super) fn samples(stacks: &[Stack]) -> u64 {
    stacks.iter().fold(0, |all, stack| all.saturating_add(stack.samples))
}

/// The stacks as text, one a line with its count, as tools for flame graphs read them.
pub(super) fn folded(stacks: &[Stack]) -> String {
    let mut text = String::new();
    for stack in stacks {
        // Writing into a text does not fail.
        let _ = writeln!(text, "{} {}", stack.frames, stack.samples);
    }
    text
}

/// A share in percent, with one decimal.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let (part, whole) = (u128::from(part), u128::from(whole));
    let tenths = (part * 1_000 + whole / 2).checked_div(whole).unwrap_or_default();
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(frames: &str, samples: u64) -> Stack {
        Stack { frames: frames.to_owned(), samples }
    }

    #[test]
    fn a_frame_is_a_function_a_file_and_a_line() {
        for (text, function, file, line) in [
            ("wait (threading.py:312)", "wait", "threading.py", Some(312)),
            ("<listcomp> (a b.py:1)", "<listcomp>", "a b.py", Some(1)),
            ("_start (libc.so)", "_start", "libc.so", None),
            ("process 7", "process 7", "", None),
        ] {
            assert_eq!(frame(text), Frame { function, file, line });
        }
    }

    #[test]
    fn functions_are_counted_by_what_ran_and_by_what_was_under_way() {
        let stacks = [
            stack("process 1;main (a.py:1);work (a.py:5)", 6),
            stack("process 1;main (a.py:2)", 1),
            stack("process 2;main (a.py:1);work (a.py:5);work (a.py:6);read (b.py:9)", 3),
        ];
        let function = |name, file, own, total| Function { name, file, own, total };
        assert_eq!(
            functions(&stacks),
            [function("work", "a.py", 6, 9), function("read", "b.py", 3, 3), function("main", "a.py", 1, 10)]
        );
    }

    #[test]
    fn stacks_are_written_as_flame_graph_tools_read_them() {
        assert_eq!(folded(&[stack("a;b", 2), stack("a", 1)]), "a;b 2\na 1\n");
    }

    #[test]
    fn shares_are_rounded() {
        assert_eq!(
            [percent(1, 3), percent(2, 3), percent(1, 1), percent(0, 0)],
            ["33.3", "66.7", "100.0", "0.0"]
        );
    }

    #[test]
    fn more_samples_than_can_be_counted_are_as_many_as_can_be() {
        let stacks = [stack("main (app.py:3)", u64::MAX), stack("main (app.py:4)", u64::MAX)];
        assert_eq!(samples(&stacks), u64::MAX);
        let functions = functions(&stacks);
        assert_eq!((functions[0].own, functions[0].total), (u64::MAX, u64::MAX));
        assert_eq!(percent(u64::MAX, u64::MAX), "100.0");
    }
}
