//! A source and its recording, as the operator has them for a cell.

use jiff::{SignedDuration, Timestamp};
use throughput_core::source_catalog::SourceCatalog;
use throughput_crds::{Observe, ObservePrometheus, PrometheusQuery};
use throughput_sources::prometheus::{Prometheus, Settings};
use throughput_sources::recording::Recording;
use throughput_sources::registry::Registry;
use throughput_sources::source::{Settled, Source, Window};

/// A source whose window has ended.
pub(crate) struct Watched {
    source: Prometheus,
    window: Window,
    pub(crate) recording: Recording,
}

/// A range query.
pub(crate) fn range(name: &str, expression: &str) -> PrometheusQuery {
    PrometheusQuery { name: name.to_owned(), range: Some(expression.to_owned()), instant: None }
}

/// An instant query.
pub(crate) fn instant(name: &str, expression: &str) -> PrometheusQuery {
    PrometheusQuery { name: name.to_owned(), range: None, instant: Some(expression.to_owned()) }
}

/// A window that ended long enough ago to be asked for at once.
pub(crate) fn past() -> Window {
    let end = Timestamp::now() - SignedDuration::from_secs(60);
    Window { start: end - SignedDuration::from_secs(30), end }
}

fn spec(queries: &[PrometheusQuery]) -> ObservePrometheus {
    let queries = queries.to_vec();
    ObservePrometheus { service: None, url: None, ca_bundle: None, secret_ref: None, queries }
}

impl Watched {
    pub(crate) fn new(url: &str, token: Option<&str>, queries: &[PrometheusQuery], window: Window) -> Self {
        let settings = Settings::new(url, None, token).unwrap();
        let source = Prometheus::with_settings(&spec(queries), settings);
        Self { source, window, recording: Recording::new("prometheus", window.start) }
    }

    /// Asks as often and as late as the source says.
    pub(crate) async fn until_settled(&mut self) {
        while let Settled::Again(after) = self.source.settle(self.window, &mut self.recording).await.unwrap()
        {
            tokio::time::sleep(after).await;
        }
    }

    /// Asks once.
    pub(crate) async fn settle(&mut self) -> Settled {
        self.source.settle(self.window, &mut self.recording).await.unwrap()
    }

    /// A figure, without the source's name.
    pub(crate) fn figure(&self, name: &str) -> Option<f64> {
        self.recording.report().summary.figures.get(&format!("prometheus.{name}")).copied()
    }

    /// Figures that no criterion could name.
    pub(crate) fn unknown_figures(&self, queries: &[PrometheusQuery]) -> Vec<String> {
        let known = Registry.figure_names(&Observe { prometheus: Some(spec(queries)), ..Observe::default() });
        let figures = self.recording.report().summary.figures;
        figures.into_keys().filter(|figure| !known.contains(figure)).collect()
    }

    /// The reasons of all shortfalls.
    pub(crate) fn reasons(&self) -> Vec<String> {
        self.recording.shortfalls().iter().map(|shortfall| shortfall.reason.clone()).collect()
    }
}
