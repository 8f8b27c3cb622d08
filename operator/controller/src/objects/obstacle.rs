//! Why something that a plan names is not to be had.

use throughput_core::reason::Why;

use crate::objects::deadline::RequestError;

/// What stands in the way of something that was looked for.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// It must not be used, or cannot be: whoever wrote the spec, or the administrator, mends it.
    #[error("{}", .0.message)]
    Refused(Why),
    /// The API server did not say.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl From<Why> for Obstacle {
    fn from(why: Why) -> Self {
        Self::Refused(why)
    }
}
