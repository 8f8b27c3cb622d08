//! A metric of a source: its figures, and which way is better. Pure.
//!
//! A metric carries its unit in its name (`cpuMillicores`, `connectTime.p99Milliseconds`, `cpuPercentOfLimit`): the name is
//! all that people write in a criterion and read in a report, which takes the unit from there.

pub use throughput_report::figures::Better;

/// A metric of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name without the source's in front: `commits`.
    pub name: String,
    /// The figures that it has.
    pub shape: Shape,
    /// Which way its figures are better.
    pub better: Better,
}

/// Which figures a metric has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Samples over time: `cpuPercent` has the figures `cpuPercent.min`, `.mean` and `.max`.
    Series,
    /// Something that only grows: `commits` has the figures `commits.total` and those of the series `commitsPerSecond`.
    Counter,
    /// A figure by itself: `connectTime.p99Milliseconds`.
    Figure,
}

/// A figure that a source can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Its full name, `SOURCE.METRIC.STATISTIC`: `postgres.commits.total`.
    pub name: String,
    /// Which way it is better.
    pub better: Better,
}

impl Metric {
    /// A metric that is sampled over time.
    pub fn series(name: impl Into<String>, better: Better) -> Self {
        Self::new(name.into(), Shape::Series, better)
    }

    /// A metric that only grows.
    pub fn counter(name: impl Into<String>, better: Better) -> Self {
        Self::new(name.into(), Shape::Counter, better)
    }

    /// A metric that is one figure.
    pub fn figure(name: impl Into<String>, better: Better) -> Self {
        Self::new(name.into(), Shape::Figure, better)
    }

    fn new(name: String, shape: Shape, better: Better) -> Self {
        Self { name, shape, better }
    }

    /// The figures that it has of this source.
    pub fn figures(&self, source: &str) -> Vec<Figure> {
        let Self { name, shape, better } = self;
        let figure = |metric: &str| Figure { name: format!("{source}.{metric}"), better: *better };
        let series = |metric: &str| {
            ["min", "mean", "max"].map(|statistic| figure(&format!("{metric}.{statistic}"))).to_vec()
        };
        match shape {
            Shape::Series => series(name),
            Shape::Counter => {
                let mut figures = series(&format!("{name}PerSecond"));
                figures.push(figure(&format!("{name}.total")));
                figures
            }
            Shape::Figure => vec![figure(name)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_grows_has_a_total_and_a_rate() {
        let figures = Metric::counter("tempBytes", Better::Lower).figures("postgres");
        let names: Vec<&str> = figures.iter().map(|figure| figure.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "postgres.tempBytesPerSecond.min",
                "postgres.tempBytesPerSecond.mean",
                "postgres.tempBytesPerSecond.max",
                "postgres.tempBytes.total"
            ]
        );
    }
}
