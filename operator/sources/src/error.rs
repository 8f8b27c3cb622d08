//! Why a source did not see something.

use std::collections::BTreeSet;

/// Why a source did not see something. It goes into the recording as a shortfall.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// One word for programs: `AccessDenied`, `Unreachable`, `SecretNotFound`.
    pub reason: &'static str,
    /// A sentence for people, with the server's words.
    pub message: String,
    /// The metrics that it takes from, as [`Shortfall::metrics`](throughput_model::source_report::Shortfall::metrics) has
    /// them; none where it takes from all of the source's.
    pub metrics: Option<BTreeSet<String>>,
}

impl SourceError {
    /// An error that takes from all of a source's figures.
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), metrics: None }
    }

    /// The same, taking only from the figures of these metrics. They are named without the source.
    #[must_use]
    pub fn only_of<M: Into<String>>(self, metrics: impl IntoIterator<Item = M>) -> Self {
        Self { metrics: Some(metrics.into_iter().map(Into::into).collect()), ..self }
    }

    /// The same, taking from no figure: a fact or a file is missing.
    #[must_use]
    pub fn of_no_figure(self) -> Self {
        Self { metrics: Some(BTreeSet::new()), ..self }
    }
}
