//! A metric of a source, and the names of its figures.

/// A metric of a source, without the source's name in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// A series: `cpuPercent` has the figures `cpuPercent.min`, `.mean` and `.max`.
    Series(String),
    /// Something that only grows: `commits` has the figures `commits.total` and those of the series `commitsPerSecond`.
    Counter(String),
    /// A figure by itself: `connectTime.p99Milliseconds`.
    Figure(String),
}

impl Metric {
    /// The full names of its figures.
    pub fn figures(&self, source: &str) -> Vec<String> {
        let of_series =
            |metric: &str| ["min", "mean", "max"].map(|statistic| format!("{source}.{metric}.{statistic}"));
        match self {
            Self::Series(metric) => of_series(metric).to_vec(),
            Self::Counter(metric) => {
                let mut figures = of_series(&format!("{metric}PerSecond")).to_vec();
                figures.push(format!("{source}.{metric}.total"));
                figures
            }
            Self::Figure(name) => vec![format!("{source}.{name}")],
        }
    }
}
