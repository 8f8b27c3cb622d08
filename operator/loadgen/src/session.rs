//! A generator's session with its coordinator, who says when the load starts, and takes the result.
//!
//! | file | coordinator |
//! | --- | --- |
//! | [`http`] | the operator, by the calls of [`throughput_model::protocol`] |
//! | [`local`] | none: a run without a cluster |

pub mod http;
pub mod local;
pub(crate) mod progress;
pub mod start;

use throughput_model::generator::GeneratorResult;
use throughput_model::protocol::Progress;
use tokio::time::Instant;

use crate::ending::Ending;
use start::StartEstimate;

/// Whether a coordinator still wants the load of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// As far as is known.
    Running,
    /// The load shall end now, as when this program is told to end. Whether there is a use for a result is seen by
    /// delivering it.
    Over,
}

/// The coordinator of a load, as one of its generators sees it.
///
/// The calls come in the order of the methods, `tell` any number of times. Each repeats what may pass by itself. An
/// error is final: the generator ends that way.
pub trait Coordinator: Send + Sync + 'static {
    /// Says that this generator is ready to start. Given up at `until`.
    fn ready(&self, until: Instant) -> impl Future<Output = Result<(), Ending>> + Send;

    /// Waits until the start is known; it may be soon, or have passed. Given up at `until`.
    fn start(&self, until: Instant) -> impl Future<Output = Result<StartEstimate, Ending>> + Send;

    /// Tells how far this generator is. That a coordinator did not hear it is no failure: the next call says more.
    fn tell(&self, progress: &Progress) -> impl Future<Output = Attempt> + Send;

    /// Delivers the result. Success means that it is stored.
    fn deliver(&self, result: &GeneratorResult) -> impl Future<Output = Result<(), Ending>> + Send;
}
