//! Measures whether the operator keeps within the memory that the chart gives it, while twenty tests run with their sources,
//! the largest report is made, and three hostile servers are asked; and ends with one line per figure:
//! `figure NAME VALUE UNIT goal GOAL met|short`. `--minutes N` says for how long: an hour, unless it is given.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made shall stop")]

use std::time::Duration;

use throughput_bench::memory::{LIMIT_BYTES, Outcome, Size, World};
use throughput_bench::or_short;
use throughput_bench::usage::megabytes;

const SIZE: Size = Size { honest: 20, with_aws: 5, hostile: 4, tasks: 2_000 };

#[tokio::main]
async fn main() {
    let minutes = minutes();
    let mut world = World::start(SIZE).await;
    let mut outcome = Outcome::default();
    for minute in 1..=minutes {
        outcome = world.until(Duration::from_mins(1), |_| false).await;
        println!("after {minute} min: {}", told(&outcome));
    }
    let (honest, largest) = (outcome.ends_of("honest-"), outcome.ends_of("largest"));
    let all = outcome.ends_of("");
    figure(
        "minutes_under_attack",
        outcome.watched.as_secs_f64() / 60.0,
        "min",
        Goal::AtLeast(minutes.into()),
    );
    figure("ended_for_want_of_memory", number(outcome.out_of_memory), "times", Goal::AtMost(0.0));
    figure("operator_ended", outcome.ended.into(), "times", Goal::AtMost(0.0));
    let limit = megabytes(LIMIT_BYTES);
    figure("memory_no_file_most", megabytes(outcome.anonymous_bytes), "MB", Goal::AtMost(limit * 0.75));
    figure("memory_charged_most", megabytes(outcome.charged_bytes), "MB", Goal::AtMost(limit));
    let looks = outcome.looks / outcome.watched.as_secs_f64();
    figure("looks_per_second", looks, "/s", Goal::AtLeast(1.0));
    let measured_once = u32::try_from(outcome.measured_once("honest-")).unwrap();
    let honest_tests = u32::try_from(SIZE.honest).unwrap();
    figure("honest_tests_measured", measured_once.into(), "tests", Goal::AtLeast(honest_tests.into()));
    figure("honest_runs_ended", honest.all.into(), "runs", Goal::AtLeast(honest_tests.into()));
    figure("honest_runs_not_measured", (honest.all - honest.measured).into(), "runs", Goal::AtMost(0.0));
    figure("largest_reports", largest.measured.into(), "reports", Goal::AtLeast(1.0));
    figure("runs_not_restored", all.not_restored.into(), "runs", Goal::AtMost(0.0));
    for (name, asked) in &outcome.asked {
        let asked = u32::try_from(*asked).unwrap();
        figure(&format!("hostile_{name}_asked"), asked.into(), "times", Goal::AtLeast(1.0));
    }
}

/// How long, in minutes: of `--minutes N`.
fn minutes() -> u32 {
    let given = std::env::args().skip_while(|argument| argument != "--minutes").nth(1);
    given.map_or(or_short(60, 3), |text| text.parse().unwrap())
}

fn told(outcome: &Outcome) -> String {
    let (honest, largest) = (outcome.ends_of("honest-"), outcome.ends_of("largest"));
    format!(
        "{:.1} MB no file, {:.1} MB charged, {} out of memory, {} ended, {} looks; honest runs {honest:?}, largest {largest:?}, asked {:?}",
        megabytes(outcome.anonymous_bytes),
        megabytes(outcome.charged_bytes),
        outcome.out_of_memory,
        outcome.ended,
        outcome.looks,
        outcome.asked,
    )
}

#[derive(Clone, Copy)]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

fn figure(name: &str, value: f64, unit: &str, goal: Goal) {
    let (goal, is_met) = match goal {
        Goal::AtMost(most) => (most, value <= most),
        Goal::AtLeast(least) => (least, value >= least),
    };
    println!("figure {name} {value:.2} {unit} goal {goal:.2} {}", if is_met { "met" } else { "short" });
}

#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn number(count: u64) -> f64 {
    count as f64
}
