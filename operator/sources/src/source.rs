//! The trait of all sources.

use std::time::Duration;

use futures::future::BoxFuture;
pub use throughput_model::window::Window;

pub use crate::error::SourceError;
use crate::recording::Recording;

/// Something that sees the system under test while a cell is measured.
///
/// The calls come in this order: `begin` once the load generators are being started; `look` at every interval from the
/// first dispatch until the last task has ended; `settle` after that, again and again until it is complete or the time
/// for it is up. Each call has a deadline, after which it is dropped: it has to be cancel-safe. After a restart of the
/// operator a new source goes on with the recording of the one before, and `begin` is called on it again.
pub trait Source: Send {
    /// The source's name, with which its figures begin: `rds`.
    fn name(&self) -> &'static str;

    /// Connects, and notes the state before the first task.
    fn begin<'a>(&'a mut self, recording: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
        let _ = recording;
        Box::pin(std::future::ready(Ok(())))
    }

    /// The interval of looks; `None` for that of the spec.
    fn interval(&self) -> Option<Duration> {
        None
    }

    /// Takes one sample.
    fn look<'a>(&'a mut self, recording: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
        let _ = recording;
        Box::pin(std::future::ready(Ok(())))
    }

    /// Asks for figures that are only known afterwards.
    fn settle<'a>(
        &'a mut self,
        window: Window,
        recording: &'a mut Recording,
    ) -> BoxFuture<'a, Result<Settled, SourceError>> {
        let _ = (window, recording);
        Box::pin(std::future::ready(Ok(Settled::Complete)))
    }
}

/// Whether a source has all figures of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It has, or will never have more.
    Complete,
    /// More may come: it is to be asked again after this time.
    Again(Duration),
}
