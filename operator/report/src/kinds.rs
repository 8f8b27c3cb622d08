//! The kinds of load, as reports know them: what is kept of a cell, its figures by name, the columns and drawings that show
//! them, and the section of the page.
//!
//! A new kind is a file or a folder here, and a row of the macro below; everything else of a report asks a [`ReportedKind`].

#[cfg(feature = "example-kind")]
pub mod holding;
pub mod pulp_tasks;

use maud::Markup;
use serde::{Deserialize, Serialize};
use throughput_model::source_report::Table;
use uuid::Uuid;

use crate::figures::Figures;
use crate::kind_facts::KindFacts;

/// Declares the kinds, each with what is kept of a cell.
macro_rules! kinds {
    ($($(#[$attribute:meta])* $kind:ident($report:ty),)*) => {
        /// What a cell's load came to, by its kind.
        // The fields of the kind stand among those of the cell, and tell which it is: each kind has one that no other has.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(untagged)]
        pub enum LoadReport {
            $(
                #[doc = concat!("See [`", stringify!($report), "`].")]
                $(#[$attribute])*
                $kind(Box<$report>),
            )*
        }

        impl LoadReport {
            /// It, as every kind is asked.
            pub fn kind(&self) -> &dyn ReportedKind {
                match self {
                    $($(#[$attribute])* Self::$kind(report) => report.as_ref(),)*
                }
            }

            /// The same, to be changed.
            pub fn kind_mut(&mut self) -> &mut dyn ReportedKind {
                match self {
                    $($(#[$attribute])* Self::$kind(report) => report.as_mut(),)*
                }
            }
        }
    };
}

kinds! {
    PulpTasks(pulp_tasks::PulpTasksReport),
    #[cfg(feature = "example-kind")]
    Holding(holding::HoldingReport),
}

/// What every kind of load has in a report.
pub trait ReportedKind {
    /// What is the same for all cells of the kind.
    fn facts(&self) -> &'static KindFacts;

    /// The figures of the cell, by the names of [`KindFacts::figures`]. What was not measured has none.
    fn figures(&self) -> Figures;

    /// What stands on the page for the cell with this correlation id, before what the sources saw.
    fn section(&self, correlation_id: Uuid) -> Markup;

    /// What else stands in rows for the cell, beside its figures. None as a rule.
    fn tables(&self) -> Vec<Table> {
        Vec::new()
    }

    /// The number that the axis of the report's main target came to in this cell: its workers. `None` where the kind has no
    /// such target.
    fn workers(&self) -> Option<u32> {
        None
    }

    /// A figure of microseconds that has no value, and is drawn as zero all the same: a latency of requests, none of which
    /// succeeded.
    fn is_drawn_as_zero(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// Leaves out what others said, as samples, where room is short. Counts stay.
    fn leave_out_samples(&mut self) {}

    /// It, where the load is Pulp's tasks.
    fn pulp_tasks(&self) -> Option<&pulp_tasks::PulpTasksReport> {
        None
    }

    /// The same, to be changed.
    fn pulp_tasks_mut(&mut self) -> Option<&mut pulp_tasks::PulpTasksReport> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::{RepeatValue, Table, Value};
    use crate::unit::Unit;

    /// The facts of every kind.
    const KINDS: &[&KindFacts] = &[
        &pulp_tasks::FACTS,
        #[cfg(feature = "example-kind")]
        &holding::FACTS,
    ];

    #[test]
    fn every_column_and_every_drawing_shows_a_figure_that_there_is() {
        for facts in KINDS {
            let in_columns = facts.columns.iter().filter_map(|column| match column.value {
                Value::Figure(name) | Value::InSeconds(name) => Some(name),
                Value::Run | Value::Workers | Value::Verdict | Value::Observations => None,
            });
            let drawn = facts.drawings.iter().flat_map(|drawing| drawing.figures).map(|figure| figure.name);
            for name in in_columns.chain(drawn).chain([facts.headline.name]) {
                assert!(facts.figures.iter().any(|figure| figure.name == name), "{name}");
            }
            for column in facts.repeat_columns {
                if let RepeatValue::Figure(name) = column.value {
                    assert!(facts.repeats.iter().any(|figure| figure.name == name), "{name}");
                }
            }
        }
    }

    #[test]
    fn what_is_shown_in_seconds_is_named_in_milliseconds_and_has_its_unit() {
        for column in KINDS.iter().flat_map(|facts| facts.columns) {
            if let Value::InSeconds(name) = column.value {
                assert!(name.ends_with("Milliseconds") && column.unit == Some(Unit::SECONDS), "{name}");
            }
        }
        for drawing in KINDS.iter().flat_map(|facts| facts.drawings) {
            let in_milliseconds = drawing.figures.iter().all(|figure| figure.name.ends_with("Milliseconds"));
            assert_eq!(in_milliseconds, drawing.unit == Unit::SECONDS, "{}", drawing.title);
        }
    }

    #[test]
    fn the_verdict_stands_where_the_observations_do_not_tell_it() {
        for facts in KINDS {
            let titles = |table| facts.columns_of(table).map(|column| column.title).collect::<Vec<_>>();
            assert!(!titles(Table::Markdown).contains(&"Verdict"));
            assert!(titles(Table::Csv).contains(&"Verdict") && titles(Table::Page).contains(&"Verdict"));
        }
    }
}
