//! The second kind of load, for tests alone: it holds for some seconds, and counts.

use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use throughput_model::decimal;
use uuid::Uuid;

use super::ReportedKind;
use crate::columns::{Align, Column, RepeatColumn, RepeatValue, Table, Value, number, of_repeat};
use crate::figures::{Better, Figure, Figures};
use crate::kind_facts::{Drawing, DrawnFigure, KindFacts};
use crate::unit::Unit;

/// What is kept of a cell that was held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldingReport {
    /// How long each generator was to hold, in seconds.
    pub held_seconds: u32,
    /// What all generators counted.
    pub counted: u64,
}

/// What is the same for all cells that are held.
pub const FACTS: KindFacts = KindFacts {
    figures: &[
        Figure { name: "holding.counted", unit: Unit::COUNT, better: Better::Higher },
        Figure { name: "holding.countedPerSecond", unit: Unit::PER_SECOND, better: Better::Higher },
    ],
    headline: Figure { name: "holding.countedPerSecond", unit: Unit::PER_SECOND, better: Better::Higher },
    headline_words: "counts per second",
    repeats: [
        Figure { name: "repeats.countedPerSecond.median", unit: Unit::PER_SECOND, better: Better::Higher },
        Figure { name: "repeats.countedPerSecond.min", unit: Unit::PER_SECOND, better: Better::Higher },
        Figure { name: "repeats.countedPerSecond.max", unit: Unit::PER_SECOND, better: Better::Higher },
        Figure { name: "repeats.countedPerSecond.spreadRatio", unit: Unit::RATIO, better: Better::Lower },
    ],
    columns: &[
        number("Run", Value::Run),
        number("Counted", Value::Figure("holding.counted")),
        number("Counted/Sec", Value::Figure("holding.countedPerSecond")),
        Column {
            align: Align::Left,
            tables: &[Table::Csv, Table::Page],
            ..number("Verdict", Value::Verdict)
        },
        Column { align: Align::Left, ..number("Observations", Value::Observations) },
    ],
    repeat_columns: &[
        RepeatColumn { title: "Parameters", align: Align::Left, value: RepeatValue::Parameters },
        of_repeat("Median Counted/Sec", "repeats.countedPerSecond.median"),
    ],
    drawings: &[Drawing {
        title: "Counted per second",
        unit: Unit::PER_SECOND,
        figures: &[DrawnFigure { label: "", name: "holding.countedPerSecond" }],
    }],
};

impl ReportedKind for HoldingReport {
    fn facts(&self) -> &'static KindFacts {
        &FACTS
    }

    fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        figures.set("holding.counted", Some(self.counted.to_string()));
        let per_second = decimal::ratio(self.counted.into(), self.held_seconds.into(), 3);
        figures.set("holding.countedPerSecond", per_second);
        figures
    }

    fn section(&self, _: Uuid) -> Markup {
        html! { p { "Held for " (self.held_seconds) " s, and counted " (self.counted) "." } }
    }
}
