//! Figures by name: what criteria, columns, repeats and the choice of the best look up.
//!
//! A figure is a decimal under a name like `tasks.perSecond`. Those of the load stand in a
//! table of its kind ([`crate::kind_facts::KindFacts::figures`]) with their units and which way is better; those of sources are named by their
//! sources, and have their units at the end of their names.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use throughput_model::decimal;
use throughput_model::source_report::SourceSummary;

use crate::unit::Unit;

/// A figure that a workload or its load generators have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Its name: `tasks.wait.p99Milliseconds`.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Which way is better.
    pub better: Better,
}

/// Which of two values of a figure is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The larger one.
    Higher,
    /// The smaller one.
    Lower,
    /// Neither: the figure says how the cell was measured.
    Neither,
}

impl Better {
    /// Two decimals, the better one being the greater. What is no decimal, or of no direction, is equal to anything.
    pub fn compare(self, one: &str, other: &str) -> Ordering {
        let by_value = decimal::compare(one, other).unwrap_or(Ordering::Equal);
        match self {
            Self::Higher => by_value,
            Self::Lower => by_value.reverse(),
            Self::Neither => Ordering::Equal,
        }
    }
}

/// A cell's figures by their names, each a decimal. What has no figure has no entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures(BTreeMap<String, String>);

impl Figures {
    /// The same with those of sources. Of two with one name the first stands; what is no decimal is none.
    #[must_use]
    pub fn with_sources(mut self, sources: &[SourceSummary]) -> Self {
        for (name, value) in sources.iter().flat_map(|summary| &summary.figures) {
            if !self.0.contains_key(name) {
                self.set(name.clone(), decimal::of_float(*value));
            }
        }
        self
    }

    /// A figure, as a decimal.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A figure of milliseconds in microseconds, which are what it was measured in.
    pub fn microseconds(&self, name: &str) -> Option<u64> {
        let (digits, decimals) = decimal::parse(self.get(name)?)?;
        u64::try_from(digits * 1_000 / 10_u128.pow(decimals)).ok()
    }

    /// The names of all.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn set(&mut self, name: impl Into<String>, value: Option<String>) {
        if let Some(value) = value {
            self.0.insert(name.into(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_figure_is_the_greater_one() {
        assert_eq!(Better::Higher.compare("9.5", "10"), Ordering::Less);
        assert_eq!(Better::Lower.compare("9.5", "10"), Ordering::Greater);
        assert_eq!(Better::Neither.compare("9.5", "10"), Ordering::Equal);
    }

    #[test]
    fn milliseconds_are_microseconds_again_without_loss() {
        let mut figures = Figures::default();
        figures.set("wait", Some("4123.456".to_owned()));
        figures.set("latency", Some("12".to_owned()));
        assert_eq!(
            [figures.microseconds("wait"), figures.microseconds("latency")],
            [Some(4_123_456), Some(12_000)]
        );
        assert_eq!(figures.microseconds("none"), None);
    }

    #[test]
    fn a_source_does_not_take_the_place_of_an_earlier_figure() {
        let summary = |value| SourceSummary {
            source: "rds".to_owned(),
            figures: [("rds.cpuPercent.max".to_owned(), value)].into(),
            ..SourceSummary::default()
        };
        let figures = Figures::default().with_sources(&[summary(93.25), summary(1.0)]);
        assert_eq!(figures.get("rds.cpuPercent.max"), Some("93.25"));
        assert_eq!(Figures::default().with_sources(&[summary(-1.0)]), Figures::default());
    }
}
