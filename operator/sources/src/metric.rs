//! A metric of a source: its figures, their unit, and which way is better. Pure.
//!
//! A metric carries its unit in its name (`cpuMillicores`, `connectTime.p99Milliseconds`, `cpuPercentOfLimit`): the name is
//! all that people write in a criterion and read in a report. [`Unit::of`] reads it from there, so that the two never differ.
//! Only where somebody else chose the name (a pattern's, a query's) its source says the unit.

/// A metric of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name without the source's in front: `commits`.
    pub name: String,
    /// The figures that it has.
    pub shape: Shape,
    /// Its unit; of a counter that of the total.
    pub unit: Unit,
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

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Less is better: errors, latencies.
    Lower,
    /// More is better: free memory.
    Higher,
    /// Neither by itself: how much was read, how many sessions there were, whatever a query of somebody's own asks for.
    Neither,
}

/// The unit of a figure: a quantity, or a quantity in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The quantity that is measured.
    pub quantity: Quantity,
    /// The time of a rate; `None` where it is no rate.
    pub per: Option<Per>,
}

/// A quantity that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// A number of things, or a quantity that the name does not say.
    Number,
    /// Hundredths of a whole.
    Percent,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Thousandths of a processor.
    Millicores,
}

/// The time of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// A second.
    Second,
    /// A minute.
    Minute,
}

/// A figure that a source can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Its full name, `SOURCE.METRIC.STATISTIC`: `postgres.commits.total`.
    pub name: String,
    /// Its unit.
    pub unit: Unit,
    /// Which way it is better.
    pub better: Better,
}

impl Metric {
    /// A metric that is sampled over time, in the unit that its name says.
    pub fn series(name: impl Into<String>, better: Better) -> Self {
        Self::new(name.into(), Shape::Series, better)
    }

    /// A metric that only grows, in the unit that its name says.
    pub fn counter(name: impl Into<String>, better: Better) -> Self {
        Self::new(name.into(), Shape::Counter, better)
    }

    /// A metric that is one figure, in the unit that its name says.
    pub fn figure(name: impl Into<String>, better: Better) -> Self {
        Self::new(name.into(), Shape::Figure, better)
    }

    fn new(name: String, shape: Shape, better: Better) -> Self {
        Self { unit: Unit::of(&name), name, shape, better }
    }

    /// The figures that it has of this source.
    pub fn figures(&self, source: &str) -> Vec<Figure> {
        let Self { name, shape, unit, better } = self;
        let figure =
            |metric: &str, unit: Unit| Figure { name: format!("{source}.{metric}"), unit, better: *better };
        let series = |metric: &str, unit: Unit| {
            ["min", "mean", "max"].map(|statistic| figure(&format!("{metric}.{statistic}"), unit)).to_vec()
        };
        match shape {
            Shape::Series => series(name, *unit),
            Shape::Counter => {
                let mut figures = series(&format!("{name}PerSecond"), unit.per(Per::Second));
                figures.push(figure(&format!("{name}.total"), *unit));
                figures
            }
            Shape::Figure => vec![figure(name, *unit)],
        }
    }
}

impl Unit {
    /// A number of things.
    pub const NUMBER: Self = Self { quantity: Quantity::Number, per: None };

    /// The unit that the last part of a metric's name says; the parts before it are those of groups and the like.
    pub fn of(metric: &str) -> Self {
        let name = metric.rsplit('.').next().unwrap_or_default();
        let rates = [("PerSecond", Per::Second), ("Iops", Per::Second), ("PerMinute", Per::Minute)];
        let rate = rates.into_iter().find_map(|(word, per)| Some((name.strip_suffix(word)?, Some(per))));
        let (name, per) = rate.unwrap_or((name, None));
        let quantities = [
            ("Percent", Quantity::Percent),
            ("Milliseconds", Quantity::Milliseconds),
            ("Millicores", Quantity::Millicores),
            ("Seconds", Quantity::Seconds),
            ("Bytes", Quantity::Bytes),
        ];
        let quantity = quantities.into_iter().find(|(word, _)| name.contains(word));
        Self { quantity: quantity.map_or(Quantity::Number, |(_, quantity)| quantity), per }
    }

    /// The same quantity in a time.
    #[must_use]
    pub fn per(self, per: Per) -> Self {
        Self { per: Some(per), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_grows_has_a_total_and_a_rate_in_units_of_their_own() {
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
        let bytes = Unit { quantity: Quantity::Bytes, per: None };
        assert_eq!((figures[0].unit, figures[3].unit), (bytes.per(Per::Second), bytes));
    }

    #[test]
    fn a_metrics_name_says_its_unit() {
        for (name, quantity, per) in [
            ("api.cpuMillicores", Quantity::Millicores, None),
            ("api.cpuPercentOfLimit", Quantity::Percent, None),
            ("connectTime.p99Milliseconds", Quantity::Milliseconds, None),
            ("longestBlockedSeconds", Quantity::Seconds, None),
            ("api.cpuSecondsPerSecond", Quantity::Seconds, Some(Per::Second)),
            ("readThroughputBytesPerSecond", Quantity::Bytes, Some(Per::Second)),
            ("readIops", Quantity::Number, Some(Per::Second)),
            ("tracebackPerMinute", Quantity::Number, Some(Per::Minute)),
            ("activeSessions", Quantity::Number, None),
            ("groupOfBytes.replicas", Quantity::Number, None),
        ] {
            assert_eq!(Unit::of(name), Unit { quantity, per }, "{name}");
        }
    }
}
