//! Who is shown to a target that asks for a certificate.

use std::fmt;
use std::path::Path;

use crate::credentials::{CredentialsError, read_file};
use crate::error::SetupError;
use crate::words::quote_causes;

/// The longest certificate or key, in bytes. A chain of five certificates has 10 kB.
const LONGEST_BYTES: u64 = 64 * 1024;

/// A certificate and its key. Its `Debug` text holds neither.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate(Vec<u8>);

impl ClientCertificate {
    /// A certificate, with those that lead to its authority behind it, and its key, both in PEM.
    pub fn new(certificate: &[u8], key: &[u8]) -> Self {
        Self([certificate, b"\n", key].concat())
    }

    /// Reads the files `tls.crt` and `tls.key` of a folder, as a mounted Secret of the type `kubernetes.io/tls` has them.
    ///
    /// # Errors
    /// A file is missing, unreadable, empty or longer than 64 kB.
    pub fn from_directory(directory: &Path) -> Result<Self, CredentialsError> {
        let read = |name: &str| read_file(&directory.join(name), LONGEST_BYTES);
        Ok(Self::new(read("tls.crt")?.as_bytes(), read("tls.key")?.as_bytes()))
    }

    pub(crate) fn identity(&self) -> Result<reqwest::Identity, SetupError> {
        reqwest::Identity::from_pem(&self.0)
            .map_err(|error| SetupError::ClientCertificate(quote_causes(&error)))
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClientCertificate(redacted)")
    }
}
