//! The profiler's log. Pure.

use throughput_model::profiler::{Ending, Parties, ProfilerLine, Stack};

/// The content of its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) parties: Option<Parties>,
    pub(super) stacks: Vec<Stack>,
    /// None: what it wrote is not whole.
    pub(super) ending: Option<Ending>,
}

/// Reads the profiler's log, without the lines of others in it.
pub(super) fn parse(log: &str) -> Answer {
    let mut answer = Answer::default();
    for line in log.lines().filter_map(|line| serde_json::from_str(line).ok()) {
        match line {
            ProfilerLine::Began(parties) => answer.parties = Some(parties),
            ProfilerLine::Stack(stack) => answer.stacks.push(stack),
            ProfilerLine::Ended(ending) => answer.ending = Some(ending),
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_and_what_is_missing_is_missing() {
        let whole = concat!(
            r#"{"began":{"target":null,"profiler":{"uid":1,"gid":1,"capabilities":0}}}"#,
            "\nsomething else\n",
            r#"{"stack":{"frames":"a;b","samples":3}}"#,
            "\n",
            r#"{"ended":{"exitCode":0,"samples":3,"errors":0,"leftOutStacks":0,"leftOutSamples":0}}"#,
            "\n",
        );
        let answer = parse(whole);
        assert_eq!(answer.stacks, [Stack { frames: "a;b".to_owned(), samples: 3 }]);
        assert_eq!(answer.ending.map(|ending| ending.samples), Some(3));
        let cut = parse(&whole[..whole.len() - 20]);
        assert_eq!((cut.stacks.len(), cut.ending), (1, None));
    }
}
