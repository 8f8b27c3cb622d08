//! A source and its recording, as the operator has them for a cell.

use jiff::Timestamp;
use throughput_core::source_catalog::SourceCatalog;
use throughput_crds::{ConnectionStringReference, Observe, ObservePostgres};
use throughput_server_tests::{PASSWORD, PostgresServer};
use throughput_sources::postgres::{Postgres, Settings};
use throughput_sources::recording::Recording;
use throughput_sources::registry::Registry;
use throughput_sources::source::{Settled, Source, SourceError, Window};

/// A source at work.
pub(crate) struct Watched {
    source: Postgres,
    pub(crate) recording: Recording,
}

/// What a spec says by default.
pub(crate) fn spec() -> ObservePostgres {
    ObservePostgres {
        secret_ref: ConnectionStringReference { name: "db".to_owned(), key: "url".to_owned() },
        ca_bundle: None,
        statements: 10,
        connection_probe: true,
    }
}

impl Watched {
    /// One that has not begun.
    pub(crate) fn new(url: &str, authorities: Option<&[u8]>) -> Self {
        let settings = Settings::new(url, authorities, "pulp").unwrap();
        let source = Postgres::with_settings(&spec(), settings);
        Self { source, recording: Recording::new("postgres", Timestamp::now()) }
    }

    /// One that has begun, as this role.
    pub(crate) async fn begun(server: &PostgresServer, role: &str) -> Self {
        let mut watched = Self::new(&server.url(role, PASSWORD, "pulp", "sslmode=disable"), None);
        watched.begin().await.unwrap();
        watched
    }

    pub(crate) async fn begin(&mut self) -> Result<(), SourceError> {
        self.source.begin(&mut self.recording).await
    }

    pub(crate) async fn look(&mut self) -> Result<(), SourceError> {
        self.source.look(&mut self.recording).await
    }

    pub(crate) async fn settle(&mut self) -> Result<Settled, SourceError> {
        let window = Window { start: self.recording.base(), end: Timestamp::now() };
        self.source.settle(window, &mut self.recording).await
    }

    /// A figure, without the source's name.
    pub(crate) fn figure(&self, name: &str) -> Option<f64> {
        self.recording.report().summary.figures.get(&format!("postgres.{name}")).copied()
    }

    /// Figures that no criterion could name.
    pub(crate) fn unknown_figures(&self) -> Vec<String> {
        let known = Registry.figure_names(&Observe { postgres: Some(spec()), ..Observe::default() });
        let figures = self.recording.report().summary.figures;
        figures.into_keys().filter(|figure| !known.contains(figure)).collect()
    }

    /// The rows of a table.
    pub(crate) fn rows(&self, title: &str) -> Vec<Vec<String>> {
        let tables = self.recording.report().tables;
        tables.into_iter().find(|table| table.title == title).map(|table| table.rows).unwrap_or_default()
    }

    /// The reasons of all shortfalls.
    pub(crate) fn reasons(&self) -> Vec<String> {
        self.recording.shortfalls().iter().map(|shortfall| shortfall.reason.clone()).collect()
    }

    /// The largest value of one subject of a series.
    pub(crate) fn largest(&self, metric: &str, subject: &str) -> Option<f64> {
        let series = self.recording.report().series;
        let one = series.into_iter().find(|one| one.metric == metric && one.subject == subject)?;
        one.points.iter().map(|point| point.max).reduce(f64::max)
    }
}
