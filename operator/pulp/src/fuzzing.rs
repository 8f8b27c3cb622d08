//! Pulp's answers as they are read, for tests/fuzz alone.

use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use throughput_model::workload::PulpEndpoint;

use crate::address::Address;
use crate::error::{PulpError, SetupError};
use crate::session::Session;
use crate::words::quote;

pub use crate::tasks::fuzzing::{created_by, references, tasks_of};

/// What is quoted of a server's words.
pub fn quoted(text: &[u8], secrets: &[&str]) -> String {
    quote(text, secrets)
}

/// The path that is asked of this endpoint where a server named this one; none where it may not be asked.
pub fn asked_path(endpoint: &PulpEndpoint, href: &str) -> Result<Option<String>, SetupError> {
    let address = Address::new(endpoint)?;
    Ok(address.within_api(href).map(|path| address.at(path, []).path().to_owned()))
}

/// The secrets of the session that a server gives with these cookies.
pub fn session_secrets(cookies: &[&[u8]]) -> Result<[String; 2], PulpError> {
    let cookies = cookies.iter().filter_map(|cookie| HeaderValue::from_bytes(cookie).ok());
    let headers: HeaderMap = cookies.map(|cookie| (SET_COOKIE, cookie)).collect();
    Session::from_headers(&headers).map(|session| session.secrets)
}
