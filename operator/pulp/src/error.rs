//! What can go wrong when Pulp is asked.

use std::time::Duration;

use throughput_answers::NoRoom;
use throughput_model::failure::{FailureClass, Phase};

use crate::words::quote_causes;

/// A client that cannot be made of what was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The base URL is not `http://host:port` or `https://host:port`.
    #[error("not a base URL of the form http://host:port: {0}")]
    BaseUrl(String),
    /// The API root does not begin and end with a slash.
    #[error("the API root must begin and end with a slash and have no empty or dotted segment: {0}")]
    ApiRoot(String),
    /// The domain is not one word of letters, digits, `-` and `_`.
    #[error("not the name of a Pulp domain: {0}")]
    Domain(String),
    /// What is to be shown to the target is no certificate with its key, in PEM.
    #[error("the certificate to show cannot be used: {0}")]
    ClientCertificate(String),
    /// The endpoint asks for authentication, and no credentials were given.
    #[error("the endpoint needs credentials of its kind, a user name and a password or a header's value")]
    CredentialsMissing,
    /// The header that the endpoint asks for cannot be sent.
    #[error("not a header that can be sent: {0}")]
    Header(String),
    /// What should be certificates in PEM holds none.
    #[error("there is no certificate in PEM among those that are to be trusted")]
    NoCertificate,
    /// TLS could not be set up: the certificates are not to be read, or there are none.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// A request that did not lead to what was asked for.
///
/// Texts of the server are cut to 300 characters, without control characters and without our secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PulpError {
    /// The name did not resolve, or no connection could be made.
    #[error("no connection: {0}")]
    Connect(String),
    /// No complete answer came in time.
    #[error("no complete answer within {} ms", .within.as_millis())]
    Timeout {
        /// The time that it had.
        within: Duration,
        /// How far it was.
        phase: Phase,
    },
    /// The connection broke before the answer was complete, or what came was not HTTP.
    #[error("the connection broke: {said}")]
    Reset {
        /// The library's words.
        said: String,
        /// How far the request was.
        phase: Phase,
    },
    /// 401 or 403, even after a new login.
    #[error("refused with status {status}: {said}")]
    Unauthorized {
        /// 401 or 403.
        status: u16,
        /// The server's words.
        said: String,
    },
    /// Any other status that is not a success. Redirects count, since they are not followed.
    #[error("status {status}: {said}")]
    Status {
        /// The status.
        status: u16,
        /// The server's words.
        said: String,
    },
    /// A success whose content is not what was asked for.
    #[error("an answer that was not expected: {0}")]
    UnexpectedAnswer(String),
    /// An answer longer than the limit, in bytes.
    #[error("an answer of more than {0} bytes")]
    TooLarge(usize),
    /// No room for an answer in time, since too many others are being read.
    #[error(transparent)]
    NoRoom(NoRoom),
    /// More tasks than the caller is ready to take.
    #[error("{count} tasks, more than the {most} that are taken")]
    TooManyTasks {
        /// How many there are.
        count: u64,
        /// How many the caller takes.
        most: u64,
    },
    /// The tasks changed while they were read page by page. Reading them again may work.
    #[error("the tasks changed while they were read: {0}")]
    Changed(String),
}

impl PulpError {
    /// What kind of failure it is, for counts and labels.
    pub fn failure_class(&self) -> FailureClass {
        match self {
            Self::Connect(_) => FailureClass::Connect,
            Self::Timeout { .. } | Self::NoRoom(_) => FailureClass::Timeout,
            Self::Reset { .. } => FailureClass::Reset,
            Self::Unauthorized { .. } => FailureClass::Unauthorized,
            Self::Status { status: 400..=499, .. } => FailureClass::ClientError,
            Self::Status { status: 500.., .. } => FailureClass::ServerError,
            Self::Status { .. }
            | Self::UnexpectedAnswer(_)
            | Self::TooLarge(_)
            | Self::TooManyTasks { .. }
            | Self::Changed(_) => FailureClass::UnexpectedAnswer,
        }
    }

    /// In which phase of the request it failed.
    pub fn failure_phase(&self) -> Phase {
        match self {
            Self::Connect(_) => Phase::Connect,
            Self::Timeout { phase, .. } | Self::Reset { phase, .. } => *phase,
            Self::TooLarge(_) | Self::NoRoom(_) => Phase::ReadAnswer,
            Self::Unauthorized { .. }
            | Self::Status { .. }
            | Self::UnexpectedAnswer(_)
            | Self::TooManyTasks { .. }
            | Self::Changed(_) => Phase::Check,
        }
    }

    /// Tells apart what the HTTP library says of a request that had this long, and in which phase.
    pub(crate) fn of_transport(error: reqwest::Error, within: Duration, phase: Phase) -> Self {
        // The address is known to whoever asked, and would only fill the 300 characters.
        let error = error.without_url();
        if error.is_connect() {
            Self::Connect(quote_causes(&error))
        } else if error.is_timeout() {
            Self::Timeout { within, phase }
        } else {
            Self::Reset { said: quote_causes(&error), phase }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_class() {
        let class = |status| PulpError::Status { status, said: String::new() }.failure_class();
        assert_eq!(class(302), FailureClass::UnexpectedAnswer);
        assert_eq!(class(400), FailureClass::ClientError);
        assert_eq!(class(429), FailureClass::ClientError);
        assert_eq!(class(500), FailureClass::ServerError);
        assert_eq!(class(503), FailureClass::ServerError);
        let refused = PulpError::Unauthorized { status: 403, said: String::new() };
        assert_eq!(refused.failure_class(), FailureClass::Unauthorized);
    }
}
