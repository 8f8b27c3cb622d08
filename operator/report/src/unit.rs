//! The unit of a figure. Sources' figures have it at the end of their names; those of the workload in their table.

/// A figure's unit: a quantity, or as much of it as comes in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// What is counted or measured.
    pub quantity: Quantity,
    /// Whether it is what comes in a second.
    pub per_second: bool,
}

/// What is counted or measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Things, by their plural: `tasks`. Empty where the figure's name says it.
    Count(&'static str),
    /// A part of a whole, from 0 to 1.
    Ratio,
    /// A part of a whole, from 0 to 100 as a rule.
    Percent,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Millionths of a second.
    Microseconds,
}

impl Unit {
    /// What comes in a second, of things that are named elsewhere.
    pub const PER_SECOND: Self = Self { quantity: Quantity::Count(""), per_second: true };
    /// Things that are named elsewhere.
    pub const COUNT: Self = Self::of_quantity(Quantity::Count(""));
    /// Seconds.
    pub const SECONDS: Self = Self::of_quantity(Quantity::Seconds);
    /// Milliseconds.
    pub const MILLISECONDS: Self = Self::of_quantity(Quantity::Milliseconds);
    /// Percent.
    pub const PERCENT: Self = Self::of_quantity(Quantity::Percent);
    /// A part of a whole, from 0 to 1.
    pub const RATIO: Self = Self::of_quantity(Quantity::Ratio);
    /// Tasks of the system under test.
    pub const TASKS: Self = Self::of_quantity(Quantity::Count("tasks"));
    /// The same in a second.
    pub const TASKS_PER_SECOND: Self = Self { per_second: true, ..Self::TASKS };
    /// Requests of the load generators.
    pub const REQUESTS: Self = Self::of_quantity(Quantity::Count("requests"));

    const fn of_quantity(quantity: Quantity) -> Self {
        Self { quantity, per_second: false }
    }

    /// The unit that a source's metric ends with: `memoryBytes`, `commitsPerSecond`, `cpuPercentOfLimit`.
    pub fn of(metric: &str) -> Self {
        let (name, per_second) = match metric.strip_suffix("PerSecond") {
            Some(name) => (name, true),
            None => (metric, false),
        };
        let endings = [
            ("Milliseconds", Quantity::Milliseconds),
            ("Microseconds", Quantity::Microseconds),
            ("Seconds", Quantity::Seconds),
            ("Bytes", Quantity::Bytes),
        ];
        let ending = endings.into_iter().find(|(ending, _)| ends_with_word(name, ending));
        let quantity = match ending {
            Some((_, quantity)) => quantity,
            None if name.to_ascii_lowercase().contains("percent") => Quantity::Percent,
            None => Quantity::Count(""),
        };
        Self { quantity, per_second }
    }

    /// The unit beside a number: `tasks/s`, `ms`, `%`; empty for a bare count and for a ratio.
    pub fn symbol(self) -> String {
        let quantity = match self.quantity {
            Quantity::Count(things) => things,
            Quantity::Ratio => "",
            Quantity::Percent => "%",
            Quantity::Bytes => "B",
            Quantity::Seconds => "s",
            Quantity::Milliseconds => "ms",
            Quantity::Microseconds => "µs",
        };
        if self.per_second { format!("{quantity}/s") } else { quantity.to_owned() }
    }
}

fn ends_with_word(name: &str, ending: &str) -> bool {
    name.ends_with(ending) || name.eq_ignore_ascii_case(ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metrics_unit_is_the_end_of_its_name() {
        let symbol = |metric| Unit::of(metric).symbol();
        let metrics = [
            "memoryBytes",
            "networkReceivedBytesPerSecond",
            "cpuPercentOfLimit",
            "p99Milliseconds",
            "sessions",
        ];
        assert_eq!(metrics.map(symbol), ["B", "B/s", "%", "ms", ""]);
    }

    #[test]
    fn a_unit_of_things_names_them() {
        let units = [Unit::TASKS_PER_SECOND, Unit::TASKS, Unit::PER_SECOND, Unit::RATIO];
        assert_eq!(units.map(Unit::symbol), ["tasks/s", "tasks", "/s", ""]);
    }
}
