//! How a generator's life ends, and the exit code of each ending.

use std::process::ExitCode;

use throughput_pulp::{PulpError, SetupError};

/// How a generator's life ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ending {
    /// The coordinator has the result.
    #[error("the result is delivered")]
    Delivered,
    /// The attempt is over, and the coordinator wants no result.
    #[error("the attempt is over")]
    AttemptOver,
    /// The generator was told to end before the start, so there is no result.
    #[error("told to end before the start")]
    Terminated,
    /// There is no result, or nobody has it.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// The reason for which there is no result, or nobody has it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The collector's address is no address.
    #[error("cannot call the collector at {url}: {cause}")]
    Collector {
        /// The address.
        url: String,
        /// The reason for which none can be called there.
        cause: String,
    },
    /// No client can be made for the target.
    #[error("the target cannot be asked: {0}")]
    Target(#[from] SetupError),
    /// The target refuses the login.
    #[error("the login failed: {0}")]
    Login(PulpError),
    /// A file that is shared with the script beside this program cannot be read or written.
    #[error("the script beside this program: {0}")]
    Exchange(String),
    /// The result of a run without a cluster cannot be written.
    #[error("cannot write the result: {0}")]
    Result(String),
    /// Another pod is this generator.
    #[error("another pod holds this generator's index")]
    IndexTaken,
    /// The operator refuses the token.
    #[error("the operator refuses the token of this attempt")]
    TokenRefused,
    /// The time to try was used up.
    #[error("gave up on {what}: {last}")]
    GaveUp {
        /// The thing that was tried.
        what: &'static str,
        /// The outcome of the last try.
        last: String,
    },
}

impl Ending {
    /// 0 when the coordinator has what it wants, 143 (as a SIGTERM would) when told to end, 1 for a failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Delivered | Self::AttemptOver => ExitCode::SUCCESS,
            Self::Terminated => ExitCode::from(143),
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }
}
