//! Numbers as a page shows them: with a unit in the size that fits them.

use crate::unit::{Quantity, Unit};

/// A unit in the size that fits the values: `GiB` instead of bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    /// How many of the metric's own units make one.
    pub divisor: f64,
    /// The unit's symbol; empty for a count.
    pub symbol: &'static str,
    /// Whether it is what comes in a second.
    pub per_second: bool,
    /// Whether there is a natural end at 100.
    pub is_percent: bool,
}

const KIBI: f64 = 1_024.0;

impl Scale {
    /// The size in which values up to this one read well.
    pub(super) fn of(unit: Unit, largest: f64) -> Self {
        let sizes: &[(f64, &'static str)] = match unit.quantity {
            Quantity::Count(_) | Quantity::Ratio => &[(1.0, "")],
            Quantity::Percent => &[(1.0, "%")],
            Quantity::Bytes => &[
                (1.0, "B"),
                (KIBI, "KiB"),
                (KIBI * KIBI, "MiB"),
                (KIBI * KIBI * KIBI, "GiB"),
                (KIBI * KIBI * KIBI * KIBI, "TiB"),
            ],
            Quantity::Seconds => &[(0.001, "ms"), (1.0, "s")],
            Quantity::Milliseconds => &[(1.0, "ms"), (1_000.0, "s")],
            Quantity::Microseconds => &[(1.0, "µs"), (1_000.0, "ms"), (1_000_000.0, "s")],
        };
        let fitting = sizes.iter().rev().find(|(divisor, _)| largest >= *divisor).or(sizes.first());
        let (divisor, symbol) = fitting.copied().unwrap_or((1.0, ""));
        let divisor = if largest == 0.0 && unit.quantity == Quantity::Seconds { 1.0 } else { divisor };
        let symbol = if largest == 0.0 && unit.quantity == Quantity::Seconds { "s" } else { symbol };
        Self {
            divisor,
            symbol,
            per_second: unit.per_second,
            is_percent: unit.quantity == Quantity::Percent && !unit.per_second,
        }
    }
    /// The unit as it stands beside a number: ` MiB/s`, or nothing.
    pub(super) fn suffix(&self) -> String {
        match (self.symbol, self.per_second) {
            ("", false) => String::new(),
            ("", true) => " /s".to_owned(),
            (symbol, false) => format!(" {symbol}"),
            // Processor seconds in a second, say, are a number of their own.
            (symbol, true) => format!(" {symbol}/s"),
        }
    }

    /// A value of the metric with its unit.
    pub(super) fn text(&self, value: f64) -> String {
        format!("{}{}", number(value / self.divisor), self.suffix())
    }
}

/// A number in at most four digits, or as many as it has before its point.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let size = value.abs();
    let decimals = match size {
        size if size >= 1_000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metrics_unit_is_what_its_name_ends_with() {
        let text = |metric: &str, value: f64| Scale::of(Unit::of(metric), value).text(value);
        assert_eq!(text("memoryBytes", 1_610_612_736.0), "1.5 GiB");
        assert_eq!(text("networkReceivedBytesPerSecond", 2_048.0), "2 KiB/s");
        assert_eq!(text("cpuPercentOfLimit", 93.456), "93.46 %");
        assert_eq!(text("connectTime.p99Milliseconds", 12.0), "12 ms");
        assert_eq!(text("latencySeconds", 0.012), "12 ms");
        assert_eq!(text("commitsPerSecond", 1_234.5), "1234 /s");
        assert_eq!(text("sessions", 17.0), "17");
    }

    #[test]
    fn zero_has_the_plain_unit() {
        assert_eq!(Scale::of(Unit::of("memoryBytes"), 0.0).text(0.0), "0 B");
        assert_eq!(Scale::of(Unit::SECONDS, 0.0).text(0.0), "0 s");
    }
}
