//! Percentiles of exact values, by the nearest-rank method: what SQL's `percentile_disc` gives.

use serde::{Deserialize, Serialize};

/// The distribution of durations that are all known exactly, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Distribution {
    /// How many values.
    pub count: u64,
    /// The mean, rounded half up.
    pub mean_microseconds: u64,
    /// The smallest value that at least half of the values do not exceed.
    pub p50_microseconds: u64,
    /// The same for 95 of 100.
    pub p95_microseconds: u64,
    /// The same for 99 of 100.
    pub p99_microseconds: u64,
    /// The largest value.
    pub max_microseconds: u64,
}

impl Distribution {
    /// The distribution of these values in microseconds; `None` when there are none.
    pub fn of(mut values: Vec<u64>) -> Option<Self> {
        values.sort_unstable();
        let max_microseconds = *values.last()?;
        let count = values.len() as u64;
        let sum: u128 = values.iter().copied().map(u128::from).sum();
        let mean = (2 * sum + u128::from(count)) / (2 * u128::from(count));
        Some(Self {
            count,
            mean_microseconds: u64::try_from(mean).unwrap_or(u64::MAX),
            p50_microseconds: nearest_rank(&values, 50),
            p95_microseconds: nearest_rank(&values, 95),
            p99_microseconds: nearest_rank(&values, 99),
            max_microseconds,
        })
    }
}

/// The nearest-rank percentile of sorted values, of which there is at least one.
fn nearest_rank(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_always_one_of_the_values() {
        let distribution = Distribution::of((1..=10).map(|n| n * 100).rev().collect()).unwrap();
        assert_eq!(
            distribution,
            Distribution {
                count: 10,
                mean_microseconds: 550,
                p50_microseconds: 500,
                p95_microseconds: 1_000,
                p99_microseconds: 1_000,
                max_microseconds: 1_000,
            }
        );
    }

    #[test]
    fn a_single_value_is_every_percentile() {
        let distribution = Distribution::of(vec![7]).unwrap();
        assert_eq!((distribution.p50_microseconds, distribution.p99_microseconds), (7, 7));
    }

    #[test]
    fn the_mean_is_rounded_half_up() {
        assert_eq!(Distribution::of(vec![1, 2]).unwrap().mean_microseconds, 2);
        assert_eq!(Distribution::of(vec![1, 1, 2]).unwrap().mean_microseconds, 1);
    }

    #[test]
    fn nothing_has_no_distribution() {
        assert_eq!(Distribution::of(Vec::new()), None);
    }
}
