//! Tasks of others that were there while a cell's tasks were counted, and the workers' time that they took.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::decimal;
use crate::task::TaskRecord;

/// How many names are kept. Those of further tasks are counted together.
pub const MOST_NAMES: usize = 10;

/// A task that is not of the cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignTask {
    /// What it does, in Pulp's words: `pulpcore.app.tasks.purge.purge`.
    pub name: String,
    /// When a worker began it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// The tasks that are not of the cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForeignTasks {
    /// All of them.
    Read(Vec<ForeignTask>),
    /// More than are read: so many.
    TooMany(u64),
}

/// What tasks of others took of the workers' time between the first dispatch and the last end of a cell's tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForeignWork {
    /// How many they were.
    pub count: u64,
    /// The workers' time that they took, in that window; absent where they were more than are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_microseconds: Option<u64>,
    /// The workers' time that the cell's own tasks took.
    pub own_worker_microseconds: u64,
    /// The share of both that theirs may be, in percent, as the test says.
    pub max_percent: String,
    /// What they were: at most [`MOST_NAMES`], those that took the most time first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<NamedWork>,
    /// Those with other names, together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<OtherWork>,
}

/// The tasks of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamedWork {
    /// Their name.
    pub name: String,
    /// How many they were.
    pub count: u64,
    /// The workers' time that they took.
    pub worker_microseconds: u64,
}

/// The tasks of all further names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OtherWork {
    /// How many they were.
    pub count: u64,
    /// The workers' time that they took.
    pub worker_microseconds: u64,
}

impl ForeignWork {
    /// What these tasks took beside the cell's own, of which they may take this share.
    pub fn of(foreign: &ForeignTasks, own: &[TaskRecord], max_percent: &str) -> Self {
        let window = Counted::of(own);
        let at_work =
            |started, finished| window.map_or(0, |window| window.microseconds_at_work(started, finished));
        let own_worker_microseconds =
            own.iter().map(|task| at_work(task.started_at, task.finished_at)).fold(0, u64::saturating_add);
        let unread = |count| Self {
            count,
            worker_microseconds: None,
            own_worker_microseconds,
            max_percent: max_percent.to_owned(),
            names: Vec::new(),
            others: None,
        };
        let tasks = match foreign {
            ForeignTasks::TooMany(count) => return unread(*count),
            ForeignTasks::Read(tasks) => tasks,
        };
        let mut by_name: BTreeMap<&str, OtherWork> = BTreeMap::new();
        for task in tasks {
            by_name.entry(&task.name).or_default().add(1, at_work(task.started_at, task.finished_at));
        }
        let mut names: Vec<NamedWork> = by_name.into_iter().map(named).collect();
        // Equal ones stay in the order of their names.
        names.sort_by_key(|work| std::cmp::Reverse(work.worker_microseconds));
        let mut work = Self { names, ..unread(tasks.len() as u64) };
        work.worker_microseconds =
            Some(work.names.iter().map(|work| work.worker_microseconds).fold(0, u64::saturating_add));
        work.keep_names(MOST_NAMES);
        work
    }

    /// Their part of the workers' time that was spent in that window, in percent with three decimals; `None` where it is
    /// not known, or no time was spent.
    pub fn worker_time_percent(&self) -> Option<String> {
        self.percent_of(self.worker_microseconds?)
    }

    /// This much of the workers' time as a part of all, in percent with three decimals.
    pub fn percent_of(&self, worker_microseconds: u64) -> Option<String> {
        decimal::ratio(u128::from(worker_microseconds) * 100, self.all_worker_microseconds()?, 3)
    }

    /// Whether they took more than they may, or so much that it is not known.
    pub fn exceeds(&self) -> bool {
        let compared = || {
            let (digits, decimals) = decimal::parse(&self.max_percent)?;
            let theirs = u128::from(self.worker_microseconds?).checked_mul(100)?;
            let theirs = theirs.checked_mul(10_u128.checked_pow(decimals)?)?;
            Some(theirs > self.all_worker_microseconds()?.checked_mul(digits)?)
        };
        compared().unwrap_or(true)
    }

    /// Keeps so many names. Those of further tasks are counted together.
    pub fn keep_names(&mut self, most: usize) {
        let most = most.min(self.names.len());
        for work in self.names.drain(most..) {
            self.others.get_or_insert_default().add(work.count, work.worker_microseconds);
        }
    }

    fn all_worker_microseconds(&self) -> Option<u128> {
        Some(u128::from(self.worker_microseconds?) + u128::from(self.own_worker_microseconds))
    }
}

impl OtherWork {
    fn add(&mut self, count: u64, worker_microseconds: u64) {
        self.count += count;
        self.worker_microseconds = self.worker_microseconds.saturating_add(worker_microseconds);
    }
}

fn named((name, work): (&str, OtherWork)) -> NamedWork {
    NamedWork { name: name.to_owned(), count: work.count, worker_microseconds: work.worker_microseconds }
}

/// The time in which a cell's tasks are counted, by Pulp's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The first dispatch.
    pub begin: Timestamp,
    /// The last end.
    pub end: Timestamp,
}

impl Counted {
    /// That of these tasks; `None` where none was dispatched or none has ended.
    pub fn of(own: &[TaskRecord]) -> Option<Self> {
        let begin = own.iter().map(|task| task.pulp_created).min()?;
        let end = own.iter().filter_map(|task| task.finished_at).max()?;
        Some(Self { begin, end })
    }

    /// For how much of it a worker was at a task, which may have begun before it, and need not have ended.
    fn microseconds_at_work(self, started: Option<Timestamp>, finished: Option<Timestamp>) -> u64 {
        let Some(started) = started else { return 0 };
        let from = started.max(self.begin).as_microsecond();
        let to = finished.unwrap_or(self.end).min(self.end).as_microsecond();
        u64::try_from(to.saturating_sub(from)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::TaskState;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millisecond).unwrap()
    }

    /// Two tasks of 4.95 s each, dispatched at second 0, the last of which ends at second 10.
    fn own() -> Vec<TaskRecord> {
        let task = |started, finished| TaskRecord {
            pulp_created: at(0),
            unblocked_at: None,
            started_at: Some(at(started)),
            finished_at: Some(at(finished)),
            state: TaskState::Completed,
            error_description: None,
        };
        vec![task(100, 5_050), task(5_050, 10_000)]
    }

    fn foreign(name: &str, started: Option<i64>, finished: Option<i64>) -> ForeignTask {
        ForeignTask { name: name.to_owned(), started_at: started.map(at), finished_at: finished.map(at) }
    }

    fn work(tasks: Vec<ForeignTask>) -> ForeignWork {
        ForeignWork::of(&ForeignTasks::Read(tasks), &own(), "1")
    }

    #[test]
    fn only_the_work_between_the_first_dispatch_and_the_last_end_counts() {
        for (started, finished, milliseconds) in [
            (Some(1_000), Some(1_100), 100),
            (Some(-5_000), Some(250), 250),
            (Some(9_000), Some(60_000), 1_000),
            (Some(-5_000), None, 10_000),
            (Some(9_500), None, 500),
            (None, None, 0),
            (Some(11_000), Some(12_000), 0),
            (Some(-5_000), Some(-1_000), 0),
            (Some(2_000), Some(1_000), 0),
        ] {
            let work = work(vec![foreign("purge", started, finished)]);
            assert_eq!(work.count, 1);
            assert_eq!(work.worker_microseconds, Some(milliseconds * 1_000), "{started:?} {finished:?}");
        }
    }

    #[test]
    fn the_share_is_of_all_time_that_workers_spent_and_the_bound_is_met_exactly() {
        // 0.1 s beside 9.9 s.
        let mut work = work(vec![foreign("purge", Some(0), Some(100))]);
        assert_eq!(work.own_worker_microseconds, 9_900_000);
        assert_eq!(work.worker_time_percent().as_deref(), Some("1.000"));
        for (bound, exceeds) in [("1", false), ("1.0", false), ("0.999", true), ("100", false), ("0", true)] {
            work.max_percent = bound.to_owned();
            assert_eq!(work.exceeds(), exceeds, "{bound}");
        }
        let more = super::tests::work(vec![foreign("purge", Some(0), Some(101))]);
        assert!(more.exceeds(), "{more:?}");
    }

    #[test]
    fn no_foreign_task_is_no_share_also_where_none_is_allowed() {
        let none = ForeignWork { max_percent: "0".to_owned(), ..work(Vec::new()) };
        assert_eq!((none.count, none.worker_time_percent().as_deref()), (0, Some("0.000")));
        assert!(!none.exceeds());
        let nothing = ForeignWork::of(&ForeignTasks::Read(Vec::new()), &[], "1");
        assert_eq!((nothing.worker_time_percent(), nothing.exceeds()), (None, false));
    }

    #[test]
    fn more_tasks_than_are_read_exceed_every_bound() {
        let work = ForeignWork::of(&ForeignTasks::TooMany(2_001), &own(), "100");
        assert_eq!((work.count, work.worker_microseconds, work.worker_time_percent()), (2_001, None, None));
        assert!(work.exceeds());
    }

    #[test]
    fn tasks_are_named_by_the_time_they_took_and_the_rest_is_counted_together() {
        let tasks = (0..14).flat_map(|name| {
            let task = foreign(&format!("task{name:02}"), Some(0), Some(10 * name));
            [task.clone(), task]
        });
        let work = work(tasks.collect());
        let named: Vec<(&str, u64, u64)> = work
            .names
            .iter()
            .map(|work| (work.name.as_str(), work.count, work.worker_microseconds))
            .collect();
        assert_eq!(named.len(), MOST_NAMES);
        assert_eq!(named[0], ("task13", 2, 260_000));
        assert_eq!(work.others, Some(OtherWork { count: 8, worker_microseconds: 120_000 }));
        let together: u64 = named.iter().map(|(_, _, time)| time).sum();
        assert_eq!(work.worker_microseconds, Some(together + 120_000));
    }
}
