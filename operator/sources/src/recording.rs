//! The recording of a source: bounded, and serialized whole, so that it outlives the operator that wrote it.

mod shortfalls;
mod stored;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use throughput_model::source_report::{Document, Shortfall, SourceReport, SourceSummary, Table};

use crate::error::SourceError;
use crate::recording::shortfalls::Shortfalls;
use crate::series::{SeriesRecorder, Values, milliseconds_since, rounded};
use crate::text::bounded;

/// The first step of series that the operator samples itself.
const SAMPLED_STEP_MILLISECONDS: u32 = 1_000;
/// The most series of subjects of their own. Samples of further subjects share one series a metric, so that the figures
/// are those of all.
const MOST_SERIES: usize = 256;
/// How many such shared series there may be; of more only that there are more is told.
const MOST_SHARED_SERIES: usize = 128;
/// The subject of shared series.
const OTHERS: &str = "others";
const MOST_FACTS: usize = 128;
const MOST_TABLES: usize = 16;
const MOST_ROWS: usize = 50;
/// All documents together, in bytes.
const LARGEST_DOCUMENTS: usize = 4 << 20;

/// A source's recording of one cell. One that is read has been looked at: it has no more than one that was made here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Recording {
    source: String,
    base: Timestamp,
    shortfalls: Shortfalls,
    series: BTreeMap<String, BTreeMap<String, SeriesRecorder>>,
    counters: BTreeMap<String, BTreeMap<String, Counter>>,
    figures: BTreeMap<String, f64>,
    facts: BTreeMap<String, String>,
    tables: Vec<Table>,
    documents: Vec<Document>,
    /// The source's own state, which outlives a restart of the operator. Not reported.
    memory: Map<String, Value>,
}

/// Something that only grows, but for restarts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Counter {
    at: Timestamp,
    value: f64,
    increase: f64,
}

impl Recording {
    /// An empty recording, whose series count from `base`.
    pub fn new(source: &str, base: Timestamp) -> Self {
        Self {
            source: source.to_owned(),
            base,
            shortfalls: Shortfalls::default(),
            series: BTreeMap::new(),
            counters: BTreeMap::new(),
            figures: BTreeMap::new(),
            facts: BTreeMap::new(),
            tables: Vec::new(),
            documents: Vec::new(),
            memory: Map::new(),
        }
    }

    /// The name of the source.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The instant that series count from.
    pub fn base(&self) -> Timestamp {
        self.base
    }

    /// Adds a sample of a metric. `subject` is empty where there is only one.
    pub fn sample(&mut self, metric: &str, subject: &str, at: Timestamp, value: f64) {
        // What is no number could not be stored.
        if !value.is_finite() {
            return;
        }
        let since = milliseconds_since(self.base, at);
        let subject = if self.has_room_for(metric, subject) || subject.is_empty() { subject } else { OTHERS };
        if let Some(recorder) = self.recorder(metric, subject, SAMPLED_STEP_MILLISECONDS, at) {
            recorder.record(since, value);
        }
    }

    /// Sets the values of a whole step of a metric, as CloudWatch has them of a minute, in place of those that were set for
    /// this step before.
    pub fn set_step(
        &mut self,
        metric: &str,
        subject: &str,
        at: Timestamp,
        step_milliseconds: u32,
        values: Values,
    ) {
        if !values.are_finite() {
            return;
        }
        let since = milliseconds_since(self.base, at);
        if let Some(recorder) = self.recorder(metric, subject, step_milliseconds, at) {
            recorder.set(since, values);
        }
    }

    /// Notes the state of something that only grows (processor seconds, commits): its rate becomes the series
    /// `METRICPerSecond`, its increase since it was first noted the figure `METRIC.total`. Where it shrank, it began
    /// again.
    pub fn count(&mut self, metric: &str, subject: &str, at: Timestamp, value: f64) {
        if !value.is_finite() {
            return;
        }
        let counters = self.counters.entry(metric.to_owned()).or_default();
        let Some(before) = counters.get(subject).copied() else {
            counters.insert(subject.to_owned(), Counter { at, value, increase: 0.0 });
            return;
        };
        let milliseconds = milliseconds_since(before.at, at);
        if milliseconds <= 0 {
            return;
        }
        let increase = if value < before.value { value } else { value - before.value };
        counters.insert(
            subject.to_owned(),
            Counter { at, value, increase: (before.increase + increase).min(f64::MAX) },
        );
        #[expect(clippy::cast_precision_loss, reason = "a few seconds in milliseconds")]
        let seconds = milliseconds as f64 / 1_000.0;
        self.sample(&format!("{metric}PerSecond"), subject, at, increase / seconds);
    }

    /// Sets a figure that is not that of a series. `name` is what follows the source: `connectTime.p99Milliseconds`.
    pub fn set_figure(&mut self, name: &str, value: f64) {
        if value.is_finite() {
            self.figures.insert(name.to_owned(), value);
        }
    }

    /// Notes something that does not change while a cell is measured.
    pub fn set_fact(&mut self, name: &str, value: &str) {
        if self.facts.len() < MOST_FACTS || self.facts.contains_key(name) {
            self.facts.insert(bounded(name), bounded(value));
        }
    }

    /// A fact that was noted before.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts.get(name).map(String::as_str)
    }

    /// Sets a table, in place of one with the same title.
    pub fn set_table(&mut self, title: &str, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        self.tables.retain(|table| table.title != title);
        if self.tables.len() < MOST_TABLES {
            let rows = rows.into_iter().take(MOST_ROWS);
            self.tables.push(Table {
                title: bounded(title),
                columns: columns.iter().map(|column| bounded(column)).collect(),
                rows: rows.map(|row| row.iter().map(|text| bounded(text)).collect()).collect(),
            });
        }
    }

    /// Adds a file, in place of one with the same name. One that is too large is told of, and left out.
    pub fn add_document(&mut self, name: &str, text: String) {
        self.documents.retain(|document| document.name != name);
        let before: usize = self.documents.iter().map(|document| document.text.len()).sum();
        if before + text.len() > LARGEST_DOCUMENTS {
            let message = format!("{name} has {} bytes, and is left out", text.len());
            let error = SourceError::new("TooLarge", message).of_no_figure();
            return self.fall_short(&error, Timestamp::now());
        }
        self.documents.push(Document { name: bounded(name), text });
    }

    /// Notes that something could not be seen. What comes again with the same reason is counted, and takes from what
    /// either took from.
    pub fn fall_short(&mut self, error: &SourceError, at: Timestamp) {
        self.shortfalls.note(error, at);
    }

    /// Takes back a shortfall that is none any more: a minute that came in the end.
    pub fn take_back(&mut self, reason: &str) {
        self.shortfalls.take_back(reason);
    }

    /// The shortfalls so far.
    pub fn shortfalls(&self) -> &[Shortfall] {
        self.shortfalls.all()
    }

    /// The value that the source stored under a key, before a restart of the operator or since; `None` where there is none,
    /// or none of this form.
    pub fn recall<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let read = T::deserialize(self.memory.get(key)?);
        read.inspect_err(|error| {
            tracing::warn!(source = self.source, key, %error, "what was stored is not used");
        })
        .ok()
    }

    /// Stores a value that the source has to know again after a restart of the operator, in place of the one before. The
    /// source keeps it small. Fails where the value cannot be written as JSON.
    pub fn remember<T: Serialize>(&mut self, key: &str, value: &T) -> Result<(), serde_json::Error> {
        self.memory.insert(key.to_owned(), serde_json::to_value(value)?);
        Ok(())
    }

    /// The report of all that the source saw.
    pub fn report(&self) -> SourceReport {
        let series = self.series.iter().flat_map(|(metric, subjects)| {
            subjects.iter().map(|(subject, recorder)| recorder.series(metric, subject))
        });
        SourceReport {
            summary: SourceSummary {
                source: self.source.clone(),
                shortfalls: self.shortfalls.all().to_vec(),
                figures: self.all_figures(),
                facts: self.facts.clone(),
            },
            base: self.base,
            series: series.collect(),
            tables: self.tables.clone(),
            documents: self.documents.clone(),
        }
    }

    fn all_figures(&self) -> BTreeMap<String, f64> {
        let mut figures = BTreeMap::new();
        let mut add = |name: String, value: f64| {
            if value.is_finite() {
                figures.insert(format!("{}.{name}", self.source), rounded(value));
            }
        };
        for (metric, subjects) in &self.series {
            if let Some(values) = subjects.values().filter_map(SeriesRecorder::all).reduce(Values::with) {
                add(format!("{metric}.min"), values.min);
                add(format!("{metric}.mean"), values.mean());
                add(format!("{metric}.max"), values.max);
            }
        }
        for (metric, subjects) in &self.counters {
            add(format!("{metric}.total"), subjects.values().map(|counter| counter.increase).sum());
        }
        for (name, value) in &self.figures {
            add(name.clone(), *value);
        }
        figures
    }

    fn has_room_for(&self, metric: &str, subject: &str) -> bool {
        self.is_known(metric, subject) || self.count_series() < MOST_SERIES
    }

    fn is_known(&self, metric: &str, subject: &str) -> bool {
        self.series.get(metric).is_some_and(|subjects| subjects.contains_key(&bounded(subject)))
    }

    fn count_series(&self) -> usize {
        self.series.values().map(BTreeMap::len).sum()
    }

    fn recorder(
        &mut self,
        metric: &str,
        subject: &str,
        step_milliseconds: u32,
        at: Timestamp,
    ) -> Option<&mut SeriesRecorder> {
        let most = if subject == OTHERS { MOST_SERIES + MOST_SHARED_SERIES } else { MOST_SERIES };
        if !self.is_known(metric, subject) && self.count_series() >= most {
            let message = format!("there are more than {most} series: the rest is left out");
            self.fall_short(&SourceError::new("TooManySeries", message).only_of([metric]), at);
            return None;
        }
        let subjects = self.series.entry(metric.to_owned()).or_default();
        Some(subjects.entry(bounded(subject)).or_insert_with(|| SeriesRecorder::new(step_milliseconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn figure(recording: &Recording, name: &str) -> Option<f64> {
        recording.report().summary.figures.get(name).copied()
    }

    #[test]
    fn the_figures_of_a_series_are_those_of_all_subjects() {
        let mut recording = Recording::new("pods", at(0));
        recording.sample("api.memoryBytes", "a", at(1), 10.0);
        recording.sample("api.memoryBytes", "a", at(2), 20.0);
        recording.sample("api.memoryBytes", "b", at(1), 60.0);
        let figures: Vec<f64> = ["min", "mean", "max"]
            .iter()
            .map(|statistic| figure(&recording, &format!("pods.api.memoryBytes.{statistic}")).unwrap())
            .collect();
        assert_eq!(figures, [10.0, 30.0, 60.0]);
    }

    #[test]
    fn what_only_grows_becomes_a_rate_and_a_total_also_when_it_begins_again() {
        let mut recording = Recording::new("postgres", at(0));
        for (second, value) in [(0, 1_000.0), (10, 1_050.0), (20, 30.0)] {
            recording.count("commits", "", at(second), value);
        }
        assert_eq!(figure(&recording, "postgres.commits.total"), Some(80.0));
        assert_eq!(figure(&recording, "postgres.commitsPerSecond.max"), Some(5.0));
        assert_eq!(figure(&recording, "postgres.commitsPerSecond.min"), Some(3.0));
    }

    #[test]
    fn a_recording_goes_on_where_the_one_that_was_stored_stopped() {
        let mut recording = Recording::new("postgres", at(0));
        recording.sample("sessions", "active", at(1), 3.0);
        recording.count("commits", "", at(1), 5.0);
        recording.remember("since", &7).unwrap();
        let stored = serde_json::to_string(&recording).unwrap();
        let mut again: Recording = serde_json::from_str(&stored).unwrap();
        assert_eq!(again, recording);
        assert_eq!((again.recall::<u8>("since"), again.recall::<String>("since")), (Some(7), None));
        again.count("commits", "", at(2), 9.0);
        assert_eq!(figure(&again, "postgres.commits.total"), Some(4.0));
    }

    #[test]
    fn figures_are_those_of_all_subjects_also_where_not_each_has_a_series_of_its_own() {
        let mut recording = Recording::new("pods", at(0));
        for pod in 0..1_000 {
            recording.sample("api.threads", &pod.to_string(), at(1), f64::from(pod));
        }
        assert_eq!(figure(&recording, "pods.api.threads.min"), Some(0.0));
        assert_eq!(figure(&recording, "pods.api.threads.mean"), Some(499.5));
        assert_eq!(figure(&recording, "pods.api.threads.max"), Some(999.0));
        let report = recording.report();
        assert_eq!((report.series.len(), report.summary.is_complete()), (MOST_SERIES + 1, true));
    }

    #[test]
    fn everything_is_bounded() {
        let mut recording = Recording::new("logs", at(0));
        for number in 0..1_000 {
            recording.sample(&format!("x{number}"), &number.to_string(), at(0), 1.0);
            recording.set_fact(&number.to_string(), &"x".repeat(10_000));
            recording.set_table(&number.to_string(), &["a"], vec![vec!["x".repeat(10_000)]; 1_000]);
        }
        recording.add_document("large", "x".repeat(LARGEST_DOCUMENTS + 1));
        let report = recording.report();
        assert_eq!(
            (report.series.len(), report.summary.facts.len()),
            (MOST_SERIES + MOST_SHARED_SERIES, MOST_FACTS)
        );
        assert_eq!((report.tables.len(), report.documents.len()), (MOST_TABLES, 0));
        assert!(serde_json::to_string(&report).unwrap().len() < 600_000);
        let reasons: Vec<&str> = report.summary.shortfalls.iter().map(|one| one.reason.as_str()).collect();
        assert_eq!(reasons, ["TooManySeries", "TooLarge"]);
    }
}
