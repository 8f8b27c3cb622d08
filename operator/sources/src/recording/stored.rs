//! Recordings as they are stored: what comes back is looked at like a stranger's.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use throughput_model::source_report::Table;

use super::{
    LARGEST_DOCUMENTS, MOST_FACTS, MOST_ROWS, MOST_SERIES, MOST_SHARED_SERIES, MOST_TABLES, Recording,
};
use crate::text::is_bounded;

/// The most columns of a table.
const MOST_COLUMNS: usize = 32;

impl Serialize for Recording {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Recording {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Self::deserialize(deserializer)?;
        match read.beyond_bounds() {
            None => Ok(read),
            Some(what) => Err(D::Error::custom(format!("more {what} than a recording has"))),
        }
    }
}

impl Recording {
    /// Of what it has more than one that was made here; `None` where it could be one. Figures, counters and the source's
    /// memory have no bound here but that of all of it together, which is the reader's.
    fn beyond_bounds(&self) -> Option<&'static str> {
        let Self {
            source,
            base: _,
            shortfalls,
            series,
            counters: _,
            figures: _,
            facts,
            tables,
            documents,
            memory: _,
        } = self;
        let bounds = [
            ("of a name", is_bounded(source)),
            ("shortfalls", shortfalls.are_bounded()),
            ("series", self.count_series() <= MOST_SERIES + MOST_SHARED_SERIES),
            (
                "of a subject",
                series.values().flat_map(|subjects| subjects.keys()).all(|name| is_bounded(name)),
            ),
            ("facts", facts.len() <= MOST_FACTS),
            ("of a fact", facts.iter().all(|(name, value)| is_bounded(name) && is_bounded(value))),
            ("tables", tables.len() <= MOST_TABLES && tables.iter().all(fits)),
            (
                "documents",
                documents.iter().map(|document| document.text.len()).sum::<usize>() <= LARGEST_DOCUMENTS
                    && documents.iter().all(|document| is_bounded(&document.name)),
            ),
        ];
        bounds.into_iter().find(|(_, fits)| !fits).map(|(what, _)| what)
    }
}

fn fits(table: &Table) -> bool {
    let Table { title, columns, rows } = table;
    is_bounded(title)
        && columns.len() <= MOST_COLUMNS
        && columns.iter().all(|column| is_bounded(column))
        && rows.len() <= MOST_ROWS
        && rows.iter().all(|row| row.len() <= MOST_COLUMNS && row.iter().all(|text| is_bounded(text)))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;
    use throughput_model::source_report::SourceReport;
    use throughput_test_support::mutated;

    use super::*;
    use crate::error::SourceError;
    use crate::series::Values;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn recording() -> Recording {
        let mut recording = Recording::new("pods", at(0));
        recording.sample("api.cpu", "a", at(1), 1.0);
        recording.sample("api.cpu", "a", at(2), 2.0);
        recording.set_step("rds.cpu", "", at(30), 60_000, Values::one(3.0));
        recording.count("restarts", "", at(1), 1.0);
        recording.count("restarts", "", at(2), 4.0);
        recording.set_figure("kills", 2.0);
        recording.set_fact("version", "16");
        recording.set_table("Waits", &["What"], [vec!["a lock".to_owned()]]);
        recording.add_document("a.folded", "a;b 1".to_owned());
        recording.fall_short(&SourceError::new("Throttled", "slow down").only_of(["api.cpu"]), at(3));
        recording
    }

    /// Goes on with it as an operator that was started again does.
    fn go_on(mut recording: Recording) {
        for second in 0..600 {
            recording.sample("api.cpu", "a", at(7 * second), 1.0);
            recording.sample("api.cpu", "b", at(second), f64::MAX);
            recording.set_step("rds.cpu", "", at(60 * second), 60_000, Values::one(1.0));
        }
        recording.count("restarts", "", at(3), 5.0);
        recording.set_fact("version", "17");
        recording.set_table("Waits", &["What"], [vec!["a lock".to_owned()]]);
        recording.add_document("b.folded", "a;b 1".to_owned());
        recording.fall_short(&SourceError::new("Throttled", "slow down"), at(3));
        let report = serde_json::to_string(&recording.report()).unwrap();
        // Every value is a number.
        serde_json::from_str::<SourceReport>(&report).unwrap();
        // What is stored next can be read again.
        let stored = serde_json::to_string(&recording).unwrap();
        serde_json::from_str::<Recording>(&stored).unwrap();
    }

    #[test]
    fn whatever_was_made_of_a_stored_recording_it_is_refused_or_harmless() {
        let stored = json!(recording());
        let (mut read, mut refused) = (0, 0);
        for changed in mutated::all_of(&stored) {
            match serde_json::from_str::<Recording>(&changed.to_string()) {
                Ok(recording) => {
                    read += 1;
                    go_on(recording);
                }
                Err(_) => refused += 1,
            }
        }
        assert!(read > 100 && refused > 100, "{read} were read, {refused} refused");
    }

    #[test]
    fn a_series_whose_step_is_nought_is_refused() {
        let stored = json!(recording()).to_string();
        for forged in [
            stored.replace("\"step_milliseconds\":1000", "\"step_milliseconds\":0"),
            stored.replace("\"step_milliseconds\":1000", "\"step_milliseconds\":-1000"),
            stored.replace("\"step_milliseconds\":1000", "\"step_milliseconds\":9223372036854775807"),
        ] {
            assert_ne!(forged, stored);
            let error = serde_json::from_str::<Recording>(&forged).unwrap_err();
            assert!(error.to_string().contains("no recorder has"), "{error}");
        }
    }

    #[test]
    fn a_recording_with_more_than_is_ever_kept_is_refused() {
        let mut forged = json!(recording());
        let table = forged["tables"][0].clone();
        forged["tables"] = json!(vec![table; MOST_TABLES + 1]);
        let error = serde_json::from_value::<Recording>(forged).unwrap_err();
        assert_eq!(error.to_string(), "more tables than a recording has");
    }

    #[test]
    fn what_is_no_number_is_not_recorded_since_it_could_not_be_read_again() {
        let mut recording = recording();
        let before = recording.clone();
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            recording.sample("api.cpu", "a", at(1), value);
            recording.set_step("rds.cpu", "", at(30), 60_000, Values::one(value));
            recording.count("restarts", "", at(5), value);
            recording.set_figure("kills", value);
        }
        assert_eq!(recording, before);
    }
}
