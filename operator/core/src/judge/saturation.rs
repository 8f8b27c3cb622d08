//! Whether the generators were what limited a cell: then its figures are theirs, not the target's.
//!
//! Load pods have no processor limit unless the namespace gives them one. A limit is enforced in slices of a
//! tenth of a second: whoever has used its slice up waits for the next, and that wait would be measured as the
//! target's latency. So a generator may use what its node has, and says how much that was.

use throughput_model::counted::{agreeing, counted, counted_as};
use throughput_model::generator::{GeneratorResult, OwnWork};
use throughput_model::pulp_load::latency;
use throughput_report::kinds::pulp_tasks::WorkReport;

/// From this share of its processor time on, a generator has none left to be in time, in thousandths.
const CPU_AT_ITS_LIMIT: u64 = 950;
/// From this share of stopped periods on, latencies hold waits of the generator's own, in thousandths.
const OFTEN_THROTTLED: u64 = 50;
/// From this share of its users' time on, a generator's lag is a part of what was measured, in thousandths.
const MUCH_LAG: u64 = 50;
/// A lag up to this is what timers and schedulers take, in microseconds.
const USUAL_LAG_MICROSECONDS: u64 = 10_000;
/// Of more findings only the number is told.
const MOST_DOUBTS: usize = 3;

/// The shares of a generator's own work, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shares {
    cpu: u64,
    throttled: u64,
    lag: u64,
}

/// The most that any generator of a cell used of itself; `None` where none measured it.
pub fn work_report(generators: &[GeneratorResult]) -> Option<WorkReport> {
    let works: Vec<(&GeneratorResult, OwnWork)> = with_work(generators).collect();
    let most = |value: fn(&GeneratorResult, &OwnWork) -> u64| {
        works.iter().map(|(generator, work)| value(generator, work)).max()
    };
    Some(WorkReport {
        max_cpu_permille: most(|generator, work| shares(generator, work).cpu)?,
        max_throttled_permille: most(|generator, work| shares(generator, work).throttled)?,
        max_lag_permille: most(|generator, work| shares(generator, work).lag)?,
        max_lag_p99_microseconds: most(|_, work| work.lag.p99_microseconds)?,
        max_unsent: most(|_, work| work.most_unsent)?,
    })
}

/// What saturated generators were short of, in a sentence each; of many, the first few.
pub fn doubts(generators: &[GeneratorResult]) -> Vec<String> {
    let mut doubts: Vec<String> =
        with_work(generators).flat_map(|(generator, work)| doubts_of(generator, &work)).collect();
    let further = doubts.len().saturating_sub(MOST_DOUBTS);
    if further > 0 {
        doubts.truncate(MOST_DOUBTS);
        let findings = counted_as(further, "more such finding", "more such findings");
        doubts.push(format!("{findings}, of other load generators"));
    }
    doubts
}

fn with_work(generators: &[GeneratorResult]) -> impl Iterator<Item = (&GeneratorResult, OwnWork)> {
    generators.iter().filter_map(|generator| Some((generator, generator.work?)))
}

fn doubts_of(generator: &GeneratorResult, work: &OwnWork) -> Vec<String> {
    let Shares { cpu, throttled, lag } = shares(generator, work);
    let name = &generator.pod_name;
    let mut doubts = Vec::new();
    if cpu >= CPU_AT_ITS_LIMIT {
        let whose = if work.cpu_limited { "of its limit" } else { "that its node has" };
        doubts.push(format!(
            "the load generator {name} was saturated: it used {} % of the {} {whose}",
            cpu / 10,
            counted(work.cpu_capacity_millicores, "millicore")
        ));
    }
    if throttled >= OFTEN_THROTTLED {
        doubts.push(format!(
            "the load generator {name} was stopped by its processor limit of {} in {} of {}",
            counted(work.cpu_capacity_millicores, "millicore"),
            work.cpu_periods_throttled,
            counted(work.cpu_periods, "period")
        ));
    }
    if lag >= MUCH_LAG && work.lag.p99_microseconds > USUAL_LAG_MICROSECONDS {
        doubts.push(format!(
            "the load generator {name} did not keep up: requests were sent {} ms late on average, {} ms at the 99th percentile, up to {} {} due at once",
            work.lag.mean_microseconds / 1_000,
            work.lag.p99_microseconds / 1_000,
            work.most_unsent,
            agreeing(work.most_unsent, "was", "were")
        ));
    }
    doubts
}

fn shares(generator: &GeneratorResult, work: &OwnWork) -> Shares {
    let latency = latency(generator).summary();
    let time = |summary: &throughput_model::histogram::LatencySummary| {
        summary.mean_microseconds.saturating_mul(summary.count)
    };
    let (answering, late) = (time(&latency), time(&work.lag));
    // Core-microseconds: thousandths of a core, over the time that the dispatch took.
    let capacity = generator.elapsed_microseconds.saturating_mul(work.cpu_capacity_millicores) / 1_000;
    Shares {
        cpu: permille(work.cpu_microseconds, capacity),
        throttled: permille(work.cpu_periods_throttled, work.cpu_periods),
        lag: permille(late, answering.saturating_add(late)),
    }
}

/// A part of a whole in thousandths; 0 of nothing.
fn permille(part: u64, whole: u64) -> u64 {
    part.saturating_mul(1_000).checked_div(whole).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use throughput_model::generator::{RESULT_VERSION, RequestFigures, StopReason};
    use throughput_model::histogram::{LatencyHistogram, LatencySummary};
    use throughput_model::pulp_load::PulpLoad;

    use super::*;

    /// A generator at work for ten seconds, of half a core at most, with 100 answers of 20 ms each.
    fn generator(change: impl FnOnce(&mut OwnWork)) -> GeneratorResult {
        let mut requests = RequestFigures::default();
        (0..100).for_each(|_| requests.latency.record(Duration::from_millis(20)));
        let mut work = OwnWork {
            cpu_microseconds: 1_000_000,
            cpu_capacity_millicores: 500,
            cpu_limited: true,
            cpu_periods: 100,
            cpu_periods_throttled: 0,
            lag: lag(99, 100),
            most_unsent: 1,
        };
        change(&mut work);
        let load = PulpLoad { requests, tasks_dispatched: 100, largest_yield: 1 };
        GeneratorResult {
            version: RESULT_VERSION,
            pod_name: "generator-3".to_owned(),
            pod_uid: "uid".to_owned(),
            started_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
            elapsed_microseconds: 10_000_000,
            stopped: StopReason::AllTasksDispatched,
            counts: load.counts(),
            histograms: load.histograms(),
            failures: load.requests.failures,
            start: None,
            work: Some(work),
        }
    }

    fn lag(count: u64, microseconds: u64) -> LatencySummary {
        let mut lag = LatencyHistogram::default();
        (0..count).for_each(|_| lag.record(Duration::from_micros(microseconds)));
        lag.summary()
    }

    #[test]
    fn a_generator_with_time_to_spare_raises_no_doubt() {
        let idle = generator(|_| {});
        assert_eq!(doubts(std::slice::from_ref(&idle)), Vec::<String>::new());
        let report = work_report(&[idle]).unwrap();
        assert_eq!((report.max_cpu_permille, report.max_throttled_permille), (200, 0));
        assert_eq!((report.max_lag_permille, report.max_lag_p99_microseconds), (4, 100));
    }

    #[test]
    fn a_generator_at_its_processor_limit_is_named_with_its_figures() {
        let busy = generator(|work| work.cpu_microseconds = 4_800_000);
        let said =
            "the load generator generator-3 was saturated: it used 96 % of the 500 millicores of its limit";
        assert_eq!(doubts(&[generator(|_| {}), busy]), [said]);
        let all_of_the_node = generator(|work| {
            work.cpu_microseconds = 19_900_000;
            work.cpu_capacity_millicores = 2_000;
            work.cpu_limited = false;
        });
        let said = "the load generator generator-3 was saturated: it used 99 % of the 2000 millicores that its node has";
        assert_eq!(doubts(&[all_of_the_node]), [said]);
    }

    #[test]
    fn a_generator_that_is_often_stopped_by_its_limit_is_named_with_its_figures() {
        let stopped = |periods| generator(|work| work.cpu_periods_throttled = periods);
        let said = "the load generator generator-3 was stopped by its processor limit of 500 millicores in 5 of 100 periods";
        assert_eq!(doubts(&[stopped(5)]), [said]);
        assert_eq!(doubts(&[stopped(4)]), Vec::<String>::new());
    }

    #[test]
    fn a_lag_is_a_doubt_only_where_it_is_a_part_of_the_latency() {
        let lagging = |microseconds| {
            generator(|work| {
                work.lag = lag(100, microseconds);
                work.most_unsent = 40;
            })
        };
        let said = "the load generator generator-3 did not keep up: requests were sent 25 ms late on average, 25 ms at the 99th percentile, up to 40 were due at once";
        assert_eq!(doubts(&[lagging(25_000)]), [said]);
        // A third of the time, but no more than a timer takes.
        assert_eq!(doubts(&[lagging(9_000)]), Vec::<String>::new());
        // Long now and then, and hardly anything of the whole.
        let now_and_then = generator(|work| work.lag = lag(2, 50_000));
        assert_eq!(doubts(&[now_and_then]), Vec::<String>::new());
    }

    #[test]
    fn of_many_saturated_generators_the_first_few_are_named() {
        let busy = || generator(|work| work.cpu_microseconds = 4_800_000);
        let all: Vec<GeneratorResult> = (0..64).map(|_| busy()).collect();
        let said = doubts(&all);
        assert_eq!((said.len(), said[3].as_str()), (4, "61 more such findings, of other load generators"));
    }

    #[test]
    fn a_generator_that_did_not_measure_itself_raises_no_doubt() {
        let silent = GeneratorResult { work: None, ..generator(|_| {}) };
        assert_eq!((doubts(std::slice::from_ref(&silent)), work_report(&[silent])), (Vec::new(), None));
    }
}
