//! From what was seen to what is drawn: one time base, steps, and gaps.

use jiff::Timestamp;
use throughput_model::figures::{Completions, QueuePoint};
use throughput_model::source_report::Series;

use super::chart::{Frame, Mark, Span, StageSpan, Trace};
use crate::timeline::CellTimeline;

/// From here on a series is of steps and not of samples: `CloudWatch`'s minutes.
const LONG_STEP_MILLISECONDS: u64 = 60_000;
/// A pause of more than this many usual distances between points is a gap.
const GAP: f64 = 2.5;
/// How much of the time before the first dispatch is shown, at the least and as a share of what follows.
const LEAD_SECONDS: f64 = 30.0;
const LEAD_SHARE: f64 = 0.25;

/// What all drawings of a cell have in common.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clock {
    /// Where time is zero: the first dispatch, or the first stage where nothing was dispatched.
    pub zero: Timestamp,
    /// What is shown.
    pub frame: Frame,
}

impl Clock {
    /// The clock of a cell; none where nothing is known of it.
    pub(super) fn of(timeline: &CellTimeline) -> Option<Self> {
        let first_stage = timeline.stages.first().map(|entry| entry.since);
        let zero = timeline.first_created_at.or(first_stage)?;
        let finished = seconds_between(zero, timeline.finished_at);
        let queue_end = timeline.queue.last().map(|point| seconds(point.at_milliseconds));
        let end = queue_end.filter(|_| timeline.first_created_at.is_some()).unwrap_or(finished).max(1.0);
        let begin = first_stage.map_or(0.0, |first| seconds_between(zero, first)).min(0.0);
        let begin = begin.max(-LEAD_SECONDS.max(end * LEAD_SHARE));
        let margin = (end - begin) * 0.03;
        let (from, to) = (begin - margin, end + margin);
        let ends = timeline.stages.iter().skip(1).map(|entry| entry.since).chain([timeline.finished_at]);
        let stages = timeline.stages.iter().zip(ends).map(|(entry, ended)| StageSpan {
            name: words(&format!("{:?}", entry.stage)),
            from: seconds_between(zero, entry.since).max(from),
            to: seconds_between(zero, ended).min(to),
        });
        let stages = stages.filter(|stage| stage.to > stage.from).collect();
        Some(Self { zero, frame: Frame { from, to, stages } })
    }

    /// A series as it is drawn.
    pub(super) fn trace(&self, series: &Series, base: Timestamp, colour: usize) -> Trace {
        let shift = seconds_between(self.zero, base);
        let step = seconds(series.step_milliseconds);
        let spans = series.points.iter().map(|point| {
            let from = shift + signed_seconds(point.at_milliseconds);
            Span { from, to: from + step, min: point.min, mean: point.mean, max: point.max }
        });
        let is_long = series.step_milliseconds >= LONG_STEP_MILLISECONDS;
        Trace {
            name: series.subject.clone(),
            colour,
            mark: if is_long { Mark::Steps } else { Mark::Line },
            stretches: stretches(spans.collect(), step),
        }
    }
}

/// Tasks that wait, or tasks that run.
pub(super) fn queue(points: &[QueuePoint], colour: usize, value: fn(&QueuePoint) -> u64) -> Trace {
    let spans = points.iter().map(|point| {
        let (at, value) = (seconds(point.at_milliseconds), count(value(point)));
        Span { from: at, to: at, min: value, mean: value, max: value }
    });
    Trace { name: String::new(), colour, mark: Mark::Line, stretches: vec![spans.collect()] }
}

/// Workers online in Pulp. How many there were lasts until there were others, or until nobody asked any more.
pub(super) fn workers(timeline: &CellTimeline, clock: &Clock) -> Trace {
    let seen = &timeline.workers_online;
    let ends = seen.iter().skip(1).map(|entry| entry.since).chain([timeline.finished_at]);
    let spans = seen.iter().zip(ends).map(|(entry, ended)| {
        let value = f64::from(entry.workers);
        let (from, to) = (seconds_between(clock.zero, entry.since), seconds_between(clock.zero, ended));
        Span { from, to, min: value, mean: value, max: value }
    });
    Trace { name: String::new(), colour: 3, mark: Mark::Steps, stretches: vec![spans.collect()] }
}

/// Tasks per second.
pub(super) fn completions(completions: &Completions) -> Trace {
    let step = seconds(completions.step_milliseconds);
    let mut from = 0.0;
    let spans = completions.counts.iter().map(|completed| {
        let value = count(*completed) / step;
        let span = Span { from, to: from + step, min: value, mean: value, max: value };
        from = span.to;
        span
    });
    Trace { name: String::new(), colour: 2, mark: Mark::Area, stretches: vec![spans.collect()] }
}

/// Cuts a series where nothing was seen for longer than usual.
fn stretches(spans: Vec<Span>, step: f64) -> Vec<Vec<Span>> {
    let mut distances: Vec<f64> = spans.windows(2).map(|pair| pair[1].from - pair[0].from).collect();
    distances.sort_by(f64::total_cmp);
    let usual = distances.get(distances.len() / 2).copied().unwrap_or(step).max(step);
    let mut stretches: Vec<Vec<Span>> = Vec::new();
    for span in spans {
        match stretches.last_mut() {
            Some(stretch)
                if stretch.last().is_some_and(|last| span.from - last.from <= usual * allowed(step)) =>
            {
                stretch.push(span);
            }
            _ => stretches.push(vec![span]),
        }
    }
    stretches
}

/// A minute that is missing among minutes is a gap. Samples are taken as time allows.
fn allowed(step: f64) -> f64 {
    if step * 1_000.0 >= count(LONG_STEP_MILLISECONDS) { 1.5 } else { GAP }
}

/// A name in Pascal's way as words: `ScalingDown` is `Scaling down`.
pub(super) fn words(name: &str) -> String {
    let mut words = String::new();
    for (position, character) in name.chars().enumerate() {
        if character.is_uppercase() && position > 0 {
            words.push(' ');
            words.extend(character.to_lowercase());
        } else {
            words.push(character);
        }
    }
    words
}

/// Seconds from one instant to another.
pub(super) fn seconds_between(one: Timestamp, other: Timestamp) -> f64 {
    signed_seconds(other.as_millisecond().saturating_sub(one.as_millisecond()))
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run")]
fn signed_seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1_000.0
}

fn seconds(milliseconds: u64) -> f64 {
    count(milliseconds) / 1_000.0
}

/// A count as a drawing needs it.
#[expect(clippy::cast_precision_loss, reason = "no picture shows more digits")]
pub(super) fn count(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(at: &[f64], step: f64) -> Vec<Span> {
        at.iter().map(|at| Span { from: *at, to: at + step, min: 1.0, mean: 1.0, max: 1.0 }).collect()
    }

    fn lengths(at: &[f64], step: f64) -> Vec<usize> {
        stretches(spans(at, step), step).iter().map(Vec::len).collect()
    }

    #[test]
    fn samples_every_ten_seconds_have_no_gaps_but_where_some_are_missing() {
        assert_eq!(lengths(&[0.0, 10.0, 21.0, 30.0, 70.0, 80.0], 1.0), [4, 2]);
    }

    #[test]
    fn a_minute_that_did_not_come_is_a_gap() {
        assert_eq!(lengths(&[0.0, 60.0, 180.0, 240.0], 60.0), [2, 2]);
    }

    #[test]
    fn stages_are_told_in_words() {
        assert_eq!(words("AwaitingFirstTask"), "Awaiting first task");
    }
}
