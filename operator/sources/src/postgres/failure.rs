//! Why PostgreSQL did not answer, in one word for programs and in its own words for people.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::error::SourceError;

use super::address::Address;

/// The reason and the words of an error, without the password should it be in them.
pub(super) fn failure(address: &Address, error: &Error) -> SourceError {
    SourceError::new(reason(error), address.without_password(&words(error)))
}

/// The server's own words, or the library's with all causes.
fn words(error: &Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("PostgreSQL says: {} ({})", said.message(), said.code().code());
    }
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = error.source();
    }
    words
}

fn reason(error: &Error) -> &'static str {
    match error.code() {
        Some(code) => reason_of_state(code),
        None if is_about_certificates(error) => "Untrusted",
        None if error.is_closed() => "ConnectionLost",
        None => "Unreachable",
    }
}

fn reason_of_state(code: &SqlState) -> &'static str {
    match code.code() {
        "53300" => "TooManyConnections",
        "28P01" | "28000" => "Unauthorized",
        "3D000" => "DatabaseNotFound",
        "42501" => "Forbidden",
        "55000" => NOT_LOADED,
        "57014" => "StatementTimeout",
        "57P01" | "57P02" | "57P05" => "ConnectionLost",
        "57P03" => "ServerNotReady",
        _ => "PostgresError",
    }
}

/// An extension is there, and the server was not started with it.
pub(super) const NOT_LOADED: &str = "NotLoaded";

fn is_about_certificates(error: &Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if error.is::<rustls::Error>()
            || inner.is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_has_one_word_each() {
        let reasons = ["53300", "28P01", "57P03", "57014", "XX000"]
            .map(|code| reason_of_state(&SqlState::from_code(code)));
        assert_eq!(
            reasons,
            ["TooManyConnections", "Unauthorized", "ServerNotReady", "StatementTimeout", "PostgresError"]
        );
    }
}
