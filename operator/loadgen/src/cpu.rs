//! The processor time of this container: what it used, and what it may use.
//!
//! The kernel counts for each control group: version 2 keeps all in one folder, version 1 in one a matter.
//! Without a limit there is nothing to be stopped by, and the process's own time is read instead.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, thread};

use throughput_model::generator::OwnWork;
use throughput_model::histogram::LatencySummary;

use crate::durations::microseconds;

/// The ticks in which `/proc` counts: the same on every architecture that this program is built for.
const TICKS_PER_SECOND: u64 = 100;

/// Processor time up to one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuReading {
    /// Processor time used, of all cores together.
    pub used: Duration,
    /// The limit in thousandths of a core, where there is one.
    pub limit_millicores: Option<u64>,
    /// Periods of the scheduler in which something wanted to run; only counted under a limit.
    pub periods: u64,
    /// Periods in which the limit stopped it.
    pub throttled: u64,
}

impl CpuReading {
    /// Reads what this process and its container have used.
    pub fn now() -> Self {
        Self::below(Path::new("/"))
    }

    /// Reads it from a file system whose root is here.
    fn below(root: &Path) -> Self {
        limited_v2(root).or_else(|| limited_v1(root)).unwrap_or_else(|| Self {
            used: own_time(&text(&root.join("proc/self/stat"))).unwrap_or_default(),
            ..Self::default()
        })
    }

    /// The work since an earlier reading.
    pub fn since(&self, before: &Self, lag: LatencySummary, most_unsent: u64) -> OwnWork {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let all_cores = u64::try_from(cores).unwrap_or(u64::MAX).saturating_mul(1_000);
        let used = self.used.saturating_sub(before.used);
        OwnWork {
            cpu_microseconds: microseconds(used),
            cpu_capacity_millicores: self.limit_millicores.unwrap_or(all_cores),
            cpu_limited: self.limit_millicores.is_some(),
            cpu_periods: self.periods.saturating_sub(before.periods),
            cpu_periods_throttled: self.throttled.saturating_sub(before.throttled),
            lag,
            most_unsent,
        }
    }
}

/// A limit of version 2: `cpu.max` holds quota and period, or `max` and the period.
fn limited_v2(root: &Path) -> Option<CpuReading> {
    let folder = folders(root, "sys/fs/cgroup", "").into_iter().find(|folder| has(folder, "cpu.max"))?;
    let limit = fs::read_to_string(folder.join("cpu.max")).ok()?;
    let (quota, period) = limit.trim().split_once(' ')?;
    let stat = text(&folder.join("cpu.stat"));
    Some(CpuReading {
        used: Duration::from_micros(field(&stat, "usage_usec")?),
        limit_millicores: Some(millicores(quota.parse().ok()?, period.parse().ok()?)?),
        periods: field(&stat, "nr_periods").unwrap_or_default(),
        throttled: field(&stat, "nr_throttled").unwrap_or_default(),
    })
}

/// A limit of version 1: a quota of -1 is none.
fn limited_v1(root: &Path) -> Option<CpuReading> {
    let folder = folders(root, "sys/fs/cgroup/cpu", "cpu")
        .into_iter()
        .find(|folder| has(folder, "cpu.cfs_quota_us") && has(folder, "cpuacct.usage"))?;
    let number = |file: &str| text(&folder.join(file)).trim().parse::<u64>().ok();
    let stat = text(&folder.join("cpu.stat"));
    Some(CpuReading {
        used: Duration::from_nanos(number("cpuacct.usage")?),
        limit_millicores: Some(millicores(number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?)?),
        periods: field(&stat, "nr_periods").unwrap_or_default(),
        throttled: field(&stat, "nr_throttled").unwrap_or_default(),
    })
}

/// Where our own group may be found: a container sees its own as the root, other processes a path below it.
fn folders(root: &Path, mount: &str, controller: &str) -> Vec<PathBuf> {
    let mount = root.join(mount);
    let groups = text(&root.join("proc/self/cgroup"));
    let own = groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let controllers = parts.next()?;
        let path = parts.next()?;
        controllers.split(',').any(|name| name == controller).then(|| path.trim_start_matches('/').to_owned())
    });
    let own = own.map(|path| mount.join(path)).filter(|folder| folder.is_dir());
    own.into_iter().chain([mount]).collect()
}

/// User and system time of a line of `/proc/self/stat`. The program's name, in parentheses, may hold anything.
fn own_time(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

fn millicores(quota: u64, period: u64) -> Option<u64> {
    quota.checked_mul(1_000)?.checked_div(period).filter(|millicores| *millicores > 0)
}

fn field(stat: &str, name: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

fn has(folder: &Path, file: &str) -> bool {
    folder.join(file).is_file()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    const OWN_TIME: &str = "7 (a (b) c) S 1 7 7 0 -1 4194560 1 0 0 0 150 25 0 0 20 0 4 0 1 1 1";

    /// The reading of a file system with these files.
    fn read(name: &str, files: &[(&str, &str)]) -> CpuReading {
        let root = env::temp_dir().join(format!("throughput-cpu-{}-{name}", process::id()));
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let reading = CpuReading::below(&root);
        fs::remove_dir_all(root).unwrap();
        reading
    }

    #[test]
    fn the_limit_of_a_container_is_read_in_both_versions() {
        let expected = CpuReading {
            used: Duration::from_millis(1_500),
            limit_millicores: Some(500),
            periods: 40,
            throttled: 3,
        };
        let stat = "usage_usec 1500000\nuser_usec 1\nnr_periods 40\nnr_throttled 3\nthrottled_usec 9\n";
        let v2 = [("sys/fs/cgroup/cpu.max", "50000 100000\n"), ("sys/fs/cgroup/cpu.stat", stat)];
        assert_eq!(read("v2", &v2), expected);
        let v1 = [
            ("sys/fs/cgroup/cpu/pods/one/cpu.cfs_quota_us", "50000\n"),
            ("sys/fs/cgroup/cpu/pods/one/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/cpu/pods/one/cpuacct.usage", "1500000000\n"),
            ("sys/fs/cgroup/cpu/pods/one/cpu.stat", "nr_periods 40\nnr_throttled 3\nthrottled_time 9\n"),
            ("proc/self/cgroup", "12:memory:/elsewhere\n5:cpu,cpuacct:/pods/one\n"),
        ];
        assert_eq!(read("v1", &v1), expected);
    }

    #[test]
    fn without_a_limit_the_process_s_own_time_is_read() {
        let expected = CpuReading { used: Duration::from_millis(1_750), ..CpuReading::default() };
        let stat = ("proc/self/stat", OWN_TIME);
        assert_eq!(read("none", &[stat]), expected);
        let v2 =
            [("sys/fs/cgroup/cpu.max", "max 100000\n"), ("sys/fs/cgroup/cpu.stat", "usage_usec 9\n"), stat];
        assert_eq!(read("v2-max", &v2), expected);
        let v1 = [
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/cpu/cpuacct.usage", "9\n"),
            stat,
        ];
        assert_eq!(read("v1-none", &v1), expected);
    }

    #[test]
    fn what_was_used_in_between_is_the_difference() {
        let reading = |used, periods, throttled| CpuReading {
            used: Duration::from_millis(used),
            limit_millicores: Some(250),
            periods,
            throttled,
        };
        let work = reading(900, 12, 4).since(&reading(400, 2, 1), LatencySummary::default(), 5);
        assert_eq!(
            (work.cpu_microseconds, work.cpu_capacity_millicores, work.cpu_limited),
            (500_000, 250, true)
        );
        assert_eq!((work.cpu_periods, work.cpu_periods_throttled, work.most_unsent), (10, 3, 5));
    }

    #[test]
    fn this_process_has_used_something_and_may_use_more() {
        let before = CpuReading::default();
        let work = CpuReading::now().since(&before, LatencySummary::default(), 0);
        assert!(work.cpu_capacity_millicores > 0);
    }
}
