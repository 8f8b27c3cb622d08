//! A profile as a flame graph. Pure.

use inferno::flamegraph::{Options, from_lines};
use throughput_model::profiler::Stack;

/// The most bytes of a flame graph.
const MOST_BYTES: usize = 384 << 10;
/// The narrowest frames that are drawn, in percent of the width; where the picture would be too large, the next.
const NARROWEST_PERCENT: [f64; 5] = [0.05, 0.1, 0.3, 1.0, 3.0];

/// The stacks as a flame graph: one SVG file, which needs nothing else. None where there is nothing to draw.
pub(super) fn flame_graph(title: &str, stacks: &[Stack]) -> Option<String> {
    NARROWEST_PERCENT
        .iter()
        .find_map(|narrowest| drawn(title, stacks, *narrowest).filter(|picture| picture.len() <= MOST_BYTES))
}

fn drawn(title: &str, stacks: &[Stack], narrowest_percent: f64) -> Option<String> {
    let mut lines: Vec<String> =
        stacks.iter().map(|stack| format!("{} {}", stack.frames, stack.samples)).collect();
    lines.sort_unstable();
    let mut options = Options::default();
    title.clone_into(&mut options.title);
    // The same profile is the same picture.
    options.deterministic = true;
    options.min_width = narrowest_percent;
    let mut picture = Vec::new();
    from_lines(&mut options, lines.iter().map(String::as_str), &mut picture).ok()?;
    String::from_utf8(picture).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(frames: String, samples: u64) -> Stack {
        Stack { frames, samples }
    }

    #[test]
    fn a_flame_graph_has_the_functions_and_is_the_same_each_time() {
        let stacks = [stack("process 1;f (a.py:1);<lambda> (b.py:2)".to_owned(), 5)];
        let picture = flame_graph("pulp-api", &stacks).unwrap();
        assert!(picture.contains("pulp-api") && picture.contains("&lt;lambda&gt; (b.py:2)"));
        assert_eq!(flame_graph("pulp-api", &stacks), Some(picture));
    }

    #[test]
    fn without_samples_there_is_no_picture() {
        assert_eq!(flame_graph("pulp-api", &[]), None);
    }

    #[test]
    fn a_picture_that_would_be_too_large_leaves_the_narrowest_frames_out() {
        let many = (0..3_000).map(|number| {
            let frames: Vec<String> =
                (0..10).map(|depth| format!("f{number}_{depth} (a.py:{depth})")).collect();
            stack(frames.join(";"), 1)
        });
        let stacks: Vec<Stack> = many.chain([stack("main (a.py:1)".to_owned(), 3_000)]).collect();
        let picture = flame_graph("large", &stacks).unwrap();
        assert!(picture.len() <= MOST_BYTES && picture.contains("main (a.py:1)"));
    }
}
