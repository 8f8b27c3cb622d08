//! Fewer points and fewer series, which still have the extremes of those they stand for.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use throughput_model::figures::{Completions, QueuePoint};
use throughput_model::source_report::{Series, SeriesPoint};

/// The digits of a value that a picture can show.
const DIGITS: i32 = 4;

/// Points that become one.
struct Merged {
    points: u32,
    sum_of_means: f64,
    min: f64,
    max: f64,
}

impl Merged {
    fn none() -> Self {
        Self { points: 0, sum_of_means: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }

    fn add(&mut self, point: &SeriesPoint) {
        self.points += 1;
        self.sum_of_means += point.mean;
        self.min = self.min.min(point.min);
        self.max = self.max.max(point.max);
    }

    fn point(&self, at_milliseconds: i64) -> SeriesPoint {
        SeriesPoint {
            at_milliseconds,
            min: rounded(self.min),
            mean: rounded(self.sum_of_means / f64::from(self.points.max(1))),
            max: rounded(self.max),
        }
    }
}

/// Of each metric at most this many series: those with the largest peaks, and one of all others. Where that is one, it is
/// of all.
pub(super) fn subjects(series: &[Series], most: usize) -> Vec<Series> {
    let mut metrics: BTreeMap<&str, Vec<&Series>> = BTreeMap::new();
    for series in series {
        metrics.entry(&series.metric).or_default().push(series);
    }
    let mut kept = Vec::new();
    for mut of_metric in metrics.into_values() {
        if of_metric.len() <= most {
            kept.extend(of_metric.into_iter().map(with_fewer_digits));
            continue;
        }
        of_metric.sort_by(|one, other| peak(other).partial_cmp(&peak(one)).unwrap_or(Ordering::Equal));
        let (alone, together) = of_metric.split_at(most - 1);
        let subject = if alone.is_empty() {
            format!("all {}", together.len())
        } else {
            format!("all {} others", together.len())
        };
        kept.extend(alone.iter().copied().map(with_fewer_digits));
        kept.extend(as_one(together, subject));
    }
    kept
}

fn peak(series: &Series) -> f64 {
    series.points.iter().map(|point| point.max).fold(f64::NEG_INFINITY, f64::max)
}

fn with_fewer_digits(series: &Series) -> Series {
    let points = series.points.iter().map(|point| SeriesPoint {
        at_milliseconds: point.at_milliseconds,
        min: rounded(point.min),
        mean: rounded(point.mean),
        max: rounded(point.max),
    });
    Series { points: points.collect(), ..series.clone() }
}

/// Several subjects as one, in steps of the longest.
fn as_one(series: &[&Series], subject: String) -> Option<Series> {
    let step_milliseconds = series.iter().map(|series| series.step_milliseconds).max()?.max(1);
    let points = series.iter().flat_map(|series| &series.points);
    let points = in_steps(points, step_milliseconds);
    Some(Series { metric: series.first()?.metric.clone(), subject, step_milliseconds, points })
}

/// At most this many points: two steps become one until it is so.
pub(super) fn points(series: &mut Series, most: usize) {
    while series.points.len() > most {
        series.step_milliseconds = series.step_milliseconds.saturating_mul(2).max(2);
        series.points = in_steps(&series.points, series.step_milliseconds);
    }
}

fn in_steps<'a>(
    points: impl IntoIterator<Item = &'a SeriesPoint>,
    step_milliseconds: u64,
) -> Vec<SeriesPoint> {
    let step = i64::try_from(step_milliseconds).unwrap_or(i64::MAX);
    let mut steps: BTreeMap<i64, Merged> = BTreeMap::new();
    for point in points {
        let begin = point.at_milliseconds.div_euclid(step).saturating_mul(step);
        steps.entry(begin).or_insert_with(Merged::none).add(point);
    }
    steps.into_iter().map(|(begin, merged)| merged.point(begin)).collect()
}

/// At most this many states of the queue, evenly chosen, the last one among them.
pub(super) fn queue(queue: &mut Vec<QueuePoint>, most: usize) {
    if queue.len() <= most {
        return;
    }
    let last = queue.len() - 1;
    *queue = (0..most).map(|step| queue[last * step / (most - 1)]).collect();
}

/// At most this many steps, with all completed tasks.
pub(super) fn completions(completions: &mut Completions, most: usize) {
    while completions.counts.len() > most {
        completions.step_milliseconds = completions.step_milliseconds.saturating_mul(2);
        completions.counts = completions.counts.chunks(2).map(|pair| pair.iter().sum()).collect();
    }
}

/// As many digits as a picture can show: more take room, and compress badly.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let text = format!("{value:.*e}", usize::try_from(DIGITS - 1).unwrap_or_default());
    text.parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(subject: &str, points: &[(i64, f64)]) -> Series {
        let points = points.iter().map(|(at_milliseconds, value)| SeriesPoint {
            at_milliseconds: *at_milliseconds,
            min: *value,
            mean: *value,
            max: *value,
        });
        let (metric, subject) = ("cpuPercent".to_owned(), subject.to_owned());
        Series { metric, subject, step_milliseconds: 1_000, points: points.collect() }
    }

    fn numbers(series: &Series) -> Vec<(i64, f64, f64, f64)> {
        series.points.iter().copied().map(Into::into).collect()
    }

    #[test]
    fn merged_points_have_the_extremes_and_the_mean_of_those_they_stand_for() {
        let mut three = series("", &[(-1_000, 1.0), (0, 3.0), (1_000, 8.0)]);
        points(&mut three, 2);
        assert_eq!(numbers(&three), [(-2_000, 1.0, 1.0, 1.0), (0, 3.0, 5.5, 8.0)]);
        assert_eq!(three.step_milliseconds, 2_000);
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let mut gap = series("", &[(0, 1.0), (1_000, 1.0), (60_000, 1.0), (61_000, 1.0)]);
        points(&mut gap, 2);
        assert_eq!(numbers(&gap).iter().map(|point| point.0).collect::<Vec<_>>(), [0, 60_000]);
    }

    #[test]
    fn all_subjects_as_one_have_the_smallest_the_mean_and_the_largest_of_all() {
        let folded = subjects(&[series("a", &[(0, 1.0)]), series("b", &[(0, 4.0)])], 1);
        assert_eq!(numbers(&folded[0]), [(0, 1.0, 2.5, 4.0)]);
        assert_eq!(folded[0].subject, "all 2");
    }

    #[test]
    fn folding_once_more_changes_nothing() {
        let folded = subjects(&[series("a", &[(0, 1.0)]), series("b", &[(0, 4.0)])], 1);
        assert_eq!(subjects(&folded, 1), folded);
    }

    #[test]
    fn no_completed_task_is_lost() {
        let mut counts = Completions { step_milliseconds: 1_000, counts: vec![1, 2, 3, 4, 5] };
        completions(&mut counts, 3);
        assert_eq!(counts, Completions { step_milliseconds: 2_000, counts: vec![3, 7, 5] });
    }

    #[test]
    fn values_have_four_digits() {
        let texts = [1_234_567.0, 0.001_234_567, -98.765_43, 0.0].map(|value| rounded(value).to_string());
        assert_eq!(texts, ["1235000", "0.001235", "-98.77", "0"]);
    }
}
