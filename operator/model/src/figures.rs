//! From the exact set of a cell's tasks to its figures.
//!
//! Nothing here is estimated: the tasks are those with the cell's correlation id, the instants are Pulp's
//! own, and the same figures can be had from the table `core_task` by SQL.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::decimal;
use crate::percentile::Distribution;
use crate::task::{TaskRecord, TaskState};

/// The longest series that a report holds. More instants are thinned out evenly.
pub const LONGEST_SERIES: usize = 240;
/// How many different error descriptions are kept.
const ERROR_SAMPLES: usize = 5;

/// The figures of a cell's tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskFigures {
    /// Tasks that Pulp knows under the cell's correlation id.
    pub submitted: u64,
    /// Those that completed.
    pub completed: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that were canceled or skipped.
    pub canceled: u64,
    /// Those that had not ended when they were counted.
    pub unfinished: u64,
    /// When the first task was dispatched.
    pub first_created_at: Option<Timestamp>,
    /// When the last task was dispatched.
    pub last_created_at: Option<Timestamp>,
    /// When the first task started.
    pub first_started_at: Option<Timestamp>,
    /// When the last task ended.
    pub last_finished_at: Option<Timestamp>,
    /// `last_finished_at − first_started_at`: the window of the throughput.
    pub window_microseconds: Option<u64>,
    /// `completed / window`, three decimals: the definition of Pulp's own benchmark tool.
    pub tasks_per_second: Option<String>,
    /// `(submitted − 1) / (last_created_at − first_created_at)`, three decimals: how fast tasks arrived.
    pub dispatched_per_second: Option<String>,
    /// `completed / submitted`, four decimals.
    pub success_ratio: Option<String>,
    /// From dispatch to start, of the tasks that started.
    pub wait: Option<Distribution>,
    /// From unblocked to start, of the tasks for which both are known.
    pub unblocked_wait: Option<Distribution>,
    /// From start to end, of the tasks that started and ended.
    pub service: Option<Distribution>,
    /// From dispatch to end, of the tasks that ended.
    pub total: Option<Distribution>,
    /// Tasks whose instants are in the wrong order (a start before the dispatch, an end before the start):
    /// the clocks of two machines differ. They are left out of the distributions, and any of them makes the
    /// cell's figures untrustworthy.
    pub negative_durations: u64,
    /// The first few different error descriptions of failed tasks, in order of their text.
    pub error_samples: Vec<String>,
}

/// The queue at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QueuePoint {
    /// Since the first dispatch, in milliseconds.
    pub at_milliseconds: u64,
    /// Tasks dispatched and not started.
    pub waiting: u64,
    /// Tasks started and not ended.
    pub running: u64,
}

/// Tasks that completed, by steps of equal length.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Completions {
    /// How long a step lasts: whole seconds.
    pub step_milliseconds: u64,
    /// How many completed in each step from the first dispatch on. None completed where it says 0; together they are all
    /// that completed.
    pub counts: Vec<u64>,
}

impl TaskFigures {
    /// The figures of exactly these tasks.
    pub fn of(tasks: &[TaskRecord]) -> Self {
        let count =
            |wanted: &[TaskState]| tasks.iter().filter(|task| wanted.contains(&task.state)).count() as u64;
        let submitted = tasks.len() as u64;
        let completed = count(&[TaskState::Completed]);
        let first_created_at = tasks.iter().map(|task| task.pulp_created).min();
        let last_created_at = tasks.iter().map(|task| task.pulp_created).max();
        let first_started_at = tasks.iter().filter_map(|task| task.started_at).min();
        let last_finished_at = tasks.iter().filter_map(|task| task.finished_at).max();
        let window_microseconds = span(first_started_at, last_finished_at);
        let dispatch_microseconds = span(first_created_at, last_created_at);
        let durations = Durations::of(tasks);
        Self {
            submitted,
            completed,
            failed: count(&[TaskState::Failed]),
            canceled: count(&[TaskState::Canceled, TaskState::Skipped]),
            unfinished: count(&TaskState::UNFINISHED),
            first_created_at,
            last_created_at,
            first_started_at,
            last_finished_at,
            window_microseconds,
            tasks_per_second: window_microseconds.and_then(|window| per_second(completed, window)),
            dispatched_per_second: dispatch_microseconds
                .and_then(|window| per_second(submitted.saturating_sub(1), window)),
            success_ratio: decimal::ratio(completed.into(), submitted.into(), 4),
            wait: Distribution::of(durations.wait),
            unblocked_wait: Distribution::of(durations.unblocked_wait),
            service: Distribution::of(durations.service),
            total: Distribution::of(durations.total),
            negative_durations: durations.negative,
            error_samples: error_samples(tasks),
        }
    }
}

/// Events per second over a window in microseconds, three decimals.
fn per_second(events: u64, window_microseconds: u64) -> Option<String> {
    decimal::ratio(u128::from(events) * 1_000_000, window_microseconds.into(), 3)
}

fn span(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<u64> {
    let microseconds = to?.as_microsecond().checked_sub(from?.as_microsecond())?;
    u64::try_from(microseconds).ok()
}

#[derive(Default)]
struct Durations {
    wait: Vec<u64>,
    unblocked_wait: Vec<u64>,
    service: Vec<u64>,
    total: Vec<u64>,
    negative: u64,
}

impl Durations {
    fn of(tasks: &[TaskRecord]) -> Self {
        let mut durations = Self::default();
        for task in tasks {
            let TaskRecord { pulp_created, unblocked_at, started_at, finished_at, .. } = task;
            let created = Some(*pulp_created);
            // A task can start in the same transaction that notes it as unblocked, a moment later: such an
            // order says nothing of clocks, so it is left out and not counted as negative.
            durations.unblocked_wait.extend(span(*unblocked_at, *started_at));
            let known = [
                (created, *started_at, &mut durations.wait),
                (*started_at, *finished_at, &mut durations.service),
                (created, *finished_at, &mut durations.total),
            ];
            let mut negative = false;
            for (from, to, values) in known {
                match (from.is_some() && to.is_some(), span(from, to)) {
                    (_, Some(microseconds)) => values.push(microseconds),
                    (true, None) => negative = true,
                    (false, None) => {}
                }
            }
            durations.negative += u64::from(negative);
        }
        durations
    }
}

fn error_samples(tasks: &[TaskRecord]) -> Vec<String> {
    let mut samples: Vec<&str> = tasks.iter().filter_map(|task| task.error_description.as_deref()).collect();
    samples.sort_unstable();
    samples.dedup();
    samples.into_iter().take(ERROR_SAMPLES).map(str::to_owned).collect()
}

/// How many tasks waited and ran at each instant, from the first dispatch to the last end.
///
/// The queue is known exactly at every instant; what is kept is its state after each of at most
/// [`LONGEST_SERIES`] evenly spaced instants, the last one included.
pub fn queue_over_time(tasks: &[TaskRecord]) -> Vec<QueuePoint> {
    let Some(begin) = tasks.iter().map(|task| task.pulp_created.as_microsecond()).min() else {
        return Vec::new();
    };
    let mut changes: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for task in tasks {
        let created = task.pulp_created.as_microsecond();
        changes.entry(created).or_default().0 += 1;
        let started = task.started_at.map(Timestamp::as_microsecond);
        let finished = task.finished_at.map(Timestamp::as_microsecond);
        if let Some(left_queue) = started.or(finished) {
            changes.entry(left_queue.max(created)).or_default().0 -= 1;
        }
        if let Some(started) = started {
            let change = changes.entry(started.max(created)).or_default();
            change.1 += 1;
            if let Some(finished) = finished {
                changes.entry(finished.max(started).max(created)).or_default().1 -= 1;
            }
        }
    }
    let end = changes.keys().next_back().copied().unwrap_or(begin);
    sample(&changes, begin, end)
}

/// How many tasks completed in each step, from the first dispatch to the last end: in steps of a second, or of as many
/// whole seconds as make at most [`LONGEST_SERIES`] steps.
pub fn completions_over_time(tasks: &[TaskRecord]) -> Completions {
    let Some(begin) = tasks.iter().map(|task| task.pulp_created.as_microsecond()).min() else {
        return Completions::default();
    };
    let since_begin = |task: &TaskRecord| {
        let finished = task.finished_at.filter(|_| task.state == TaskState::Completed)?;
        // A clock that is behind another one's does not make a task of the time before the first.
        Some((finished.as_microsecond() - begin).max(0).unsigned_abs())
    };
    let ends: Vec<u64> = tasks.iter().filter_map(since_begin).collect();
    let Some(last) = ends.iter().max() else {
        return Completions::default();
    };
    let seconds = last / 1_000_000 / LONGEST_SERIES as u64 + 1;
    let step_of = |end: u64| usize::try_from(end / 1_000_000 / seconds).unwrap_or(usize::MAX);
    let mut counts = vec![0; step_of(*last) + 1];
    for end in ends {
        counts[step_of(end)] += 1;
    }
    Completions { step_milliseconds: seconds * 1_000, counts }
}

fn sample(changes: &BTreeMap<i64, (i64, i64)>, begin: i64, end: i64) -> Vec<QueuePoint> {
    let steps = i64::try_from(LONGEST_SERIES - 1).unwrap_or(i64::MAX);
    let mut points = Vec::new();
    let (mut waiting, mut running) = (0_i64, 0_i64);
    let mut upcoming = changes.iter().peekable();
    let mut previous = None;
    for step in 0..=steps {
        // Instants may be as far apart as there are any: a server's word.
        let since_begin = i128::from(end - begin) * i128::from(step) / i128::from(steps);
        let at = begin + i64::try_from(since_begin).unwrap_or(end - begin);
        if previous == Some(at) {
            continue;
        }
        previous = Some(at);
        while let Some((_, (to_waiting, to_running))) = upcoming.next_if(|(instant, _)| **instant <= at) {
            waiting += to_waiting;
            running += to_running;
        }
        points.push(QueuePoint {
            at_milliseconds: u64::try_from((at - begin) / 1_000).unwrap_or_default(),
            waiting: u64::try_from(waiting).unwrap_or_default(),
            running: u64::try_from(running).unwrap_or_default(),
        });
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A task by its instants in milliseconds.
    fn task(created: i64, started: Option<i64>, finished: Option<i64>, state: TaskState) -> TaskRecord {
        let at = |milliseconds: i64| Timestamp::from_millisecond(milliseconds).unwrap();
        TaskRecord {
            pulp_created: at(created),
            unblocked_at: None,
            started_at: started.map(at),
            finished_at: finished.map(at),
            state,
            error_description: None,
        }
    }

    fn completed(created: i64, started: i64, finished: i64) -> TaskRecord {
        task(created, Some(started), Some(finished), TaskState::Completed)
    }

    #[test]
    fn throughput_is_completed_tasks_over_first_start_to_last_end() {
        let figures = TaskFigures::of(&[
            completed(0, 1_000, 1_300),
            completed(0, 1_300, 2_000),
            completed(0, 2_000, 4_000),
        ]);
        assert_eq!(figures.window_microseconds, Some(3_000_000));
        assert_eq!(figures.tasks_per_second.as_deref(), Some("1.000"));
    }

    #[test]
    fn a_failed_task_widens_the_window_but_does_not_count_as_done() {
        let mut failed = task(0, Some(2_000), Some(5_000), TaskState::Failed);
        failed.error_description = Some("boom".to_owned());
        let figures = TaskFigures::of(&[completed(0, 1_000, 2_000), failed]);
        assert_eq!((figures.submitted, figures.completed, figures.failed), (2, 1, 1));
        assert_eq!(figures.tasks_per_second.as_deref(), Some("0.250"));
        assert_eq!(figures.success_ratio.as_deref(), Some("0.5000"));
        assert_eq!(figures.error_samples, ["boom"]);
    }

    #[test]
    fn waiting_and_service_times_come_from_the_tasks_own_instants() {
        let figures = TaskFigures::of(&[completed(0, 100, 400), completed(50, 450, 850)]);
        assert_eq!(figures.wait.unwrap().max_microseconds, 400_000);
        assert_eq!(figures.service.unwrap().mean_microseconds, 350_000);
        assert_eq!(figures.total.unwrap().p50_microseconds, 400_000);
    }

    #[test]
    fn a_start_before_its_dispatch_is_counted_and_kept_out_of_the_figures() {
        let figures = TaskFigures::of(&[completed(500, 100, 900), completed(0, 100, 200)]);
        assert_eq!(figures.negative_durations, 1);
        assert_eq!(figures.wait.unwrap().count, 1);
    }

    #[test]
    fn no_tasks_give_no_figures_rather_than_zeros() {
        let figures = TaskFigures::of(&[]);
        assert_eq!(figures.submitted, 0);
        assert_eq!((figures.tasks_per_second, figures.success_ratio, figures.wait), (None, None, None));
    }

    #[test]
    fn the_dispatch_rate_counts_the_gaps_between_dispatches() {
        let figures =
            TaskFigures::of(&[completed(0, 1, 2), completed(500, 501, 502), completed(1_000, 1_001, 1_002)]);
        assert_eq!(figures.dispatched_per_second.as_deref(), Some("2.000"));
    }

    #[test]
    fn the_queue_grows_by_dispatches_and_shrinks_by_starts() {
        let points =
            queue_over_time(&[completed(0, 239, 478), completed(0, 478, 478), completed(2, 478, 478)]);
        assert_eq!(points.first().unwrap(), &QueuePoint { at_milliseconds: 0, waiting: 2, running: 0 });
        let middle = points.iter().find(|point| point.at_milliseconds == 240).unwrap();
        assert_eq!((middle.waiting, middle.running), (2, 1));
        assert_eq!(points.last().unwrap(), &QueuePoint { at_milliseconds: 478, waiting: 0, running: 0 });
    }

    #[test]
    fn a_long_run_still_gives_a_short_series_that_ends_empty() {
        let tasks: Vec<TaskRecord> = (0..10_000).map(|n| completed(n, n + 5_000, n + 5_300)).collect();
        let points = queue_over_time(&tasks);
        assert_eq!(points.len(), LONGEST_SERIES);
        assert_eq!(points.last().map(|point| (point.waiting, point.running)), Some((0, 0)));
    }

    #[test]
    fn completed_tasks_are_counted_in_the_second_in_which_they_ended() {
        let mut failed = task(0, Some(100), Some(200), TaskState::Failed);
        failed.error_description = Some("boom".to_owned());
        let tasks = [completed(0, 100, 999), completed(0, 100, 1_000), completed(0, 100, 3_500), failed];
        let expected = Completions { step_milliseconds: 1_000, counts: vec![1, 1, 0, 1] };
        assert_eq!(completions_over_time(&tasks), expected);
    }

    #[test]
    fn a_queue_between_the_first_and_the_last_of_all_instants_is_told_in_order() {
        let first = Timestamp::MIN.as_millisecond() + 1_000;
        let last = Timestamp::MAX.as_millisecond() - 1_000;
        let points = queue_over_time(&[task(first, Some(0), Some(last), TaskState::Completed)]);
        assert_eq!(points.len(), LONGEST_SERIES);
        assert!(points.is_sorted_by_key(|point| point.at_milliseconds));
        assert_eq!(points.last().map(|point| (point.waiting, point.running)), Some((0, 0)));
    }

    #[test]
    fn a_long_run_counts_every_completed_task_in_few_steps() {
        let tasks: Vec<TaskRecord> = (0..10_000).map(|n| completed(0, n * 50, n * 50 + 300)).collect();
        let completions = completions_over_time(&tasks);
        assert_eq!((completions.step_milliseconds, completions.counts.len()), (3_000, 167));
        assert_eq!(completions.counts.iter().sum::<u64>(), 10_000);
    }

    #[test]
    fn where_nothing_completed_there_are_no_steps() {
        assert_eq!(completions_over_time(&[]), Completions::default());
        let canceled = task(0, None, Some(100), TaskState::Canceled);
        assert_eq!(completions_over_time(&[canceled]), Completions::default());
    }

    #[test]
    fn a_task_canceled_before_it_started_leaves_the_queue_when_it_ends() {
        let points = queue_over_time(&[task(0, None, Some(100), TaskState::Canceled)]);
        assert_eq!(points.last().map(|point| (point.waiting, point.running)), Some((0, 0)));
    }
}
