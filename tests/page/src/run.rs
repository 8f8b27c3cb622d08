//! Tasks as workers would have done them, and what sources would have seen meanwhile.

use std::f64::consts::TAU;

use jiff::{SignedDuration, Timestamp};
use throughput_model::source_report::{Series, SeriesPoint};
use throughput_model::task::{TaskRecord, TaskState};
use throughput_test_support::dice::Dice;

/// An instant so many seconds after another.
pub fn after(base: Timestamp, seconds: f64) -> Timestamp {
    base + SignedDuration::from_secs_f64(seconds)
}

/// Tasks that are dispatched at a rate and done by so many workers, of which two hinder each other a little.
pub fn tasks(base: Timestamp, count: u32, workers: u32, dice: &mut Dice) -> Vec<TaskRecord> {
    let mut free = vec![0.0_f64; usize::try_from(workers).unwrap_or(1)];
    let service = 0.3 + 0.012 * f64::from(workers);
    let task = |number: u32| {
        let created = f64::from(number) / 60.0;
        let Some(worker) = free.iter_mut().min_by(|one, other| one.total_cmp(other)) else {
            return TaskRecord {
                pulp_created: after(base, created),
                unblocked_at: None,
                started_at: None,
                finished_at: None,
                state: TaskState::Waiting,
                error_description: None,
            };
        };
        let started = worker.max(created + 0.02);
        *worker = started + service * (0.6 + 0.8 * dice.roll());
        TaskRecord {
            pulp_created: after(base, created),
            unblocked_at: None,
            started_at: Some(after(base, started)),
            finished_at: Some(after(base, *worker)),
            state: TaskState::Completed,
            error_description: None,
        }
    };
    (0..count).map(task).collect()
}

/// How a series goes.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Around what.
    pub level: f64,
    /// How far it swings.
    pub swing: f64,
    /// How far its samples lie apart within one point.
    pub spread: f64,
}

/// A series of so many seconds, with a point each `every` of them that lasts `step_milliseconds`.
pub fn series(
    metric: &str,
    subject: &str,
    shape: Shape,
    (seconds, every): (u32, u32),
    dice: &mut Dice,
) -> Series {
    let points = (0..seconds.div_ceil(every)).map(|number| {
        let at = number * every;
        let wave = (TAU * f64::from(at) / f64::from(seconds.max(1)) * 1.5).sin();
        let mean = (shape.level + shape.swing * (wave + dice.roll() - 0.5)).max(0.0);
        let half = shape.spread * dice.roll();
        SeriesPoint {
            at_milliseconds: i64::from(at) * 1_000,
            min: rounded((mean - half).max(0.0)),
            mean: rounded(mean),
            max: rounded(mean + half),
        }
    });
    Series {
        metric: metric.to_owned(),
        subject: subject.to_owned(),
        step_milliseconds: if every >= 60 { 60_000 } else { 1_000 },
        points: points.collect(),
    }
}

/// Six digits, as recordings have them.
pub fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}
