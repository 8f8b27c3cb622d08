//! Who asks: a user name and a password, a token, or the value of a header.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::error::SetupError;

/// The longest user name, password or header, in bytes.
const LONGEST_BYTES: u64 = 4096;

/// What a request proves with who asks. Its `Debug` text holds none of it.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user name and a password.
    Password {
        /// The user's name.
        username: String,
        /// The user's password.
        password: String,
    },
    /// A token.
    Token {
        /// The token.
        token: String,
    },
    /// The value of a header.
    Header {
        /// The value.
        value: String,
    },
}

/// Credentials that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A file is missing, unreadable or no text.
    #[error("cannot read {path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file holds nothing.
    #[error("{0} is empty")]
    Empty(PathBuf),
    /// A file holds more bytes than it may.
    #[error("{path} is longer than {bound} bytes")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// How long it may be.
        bound: u64,
    },
}

impl Credentials {
    /// Reads the file `value` or `token` of a folder, or else the files `username` and `password`, as a mounted Secret has
    /// them; of a user whose name is known only the latter. A newline at the end does not belong to the value.
    pub fn from_directory(directory: &Path, username: Option<&str>) -> Result<Self, CredentialsError> {
        let (header, token) = (directory.join("value"), directory.join("token"));
        if header.exists() {
            return Ok(Self::Header { value: read_value(&header)? });
        }
        if token.exists() {
            return Ok(Self::Token { token: read_value(&token)? });
        }
        Ok(Self::Password {
            username: match username {
                Some(username) => username.to_owned(),
                None => read_value(&directory.join("username"))?,
            },
            password: read_value(&directory.join("password"))?,
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials(redacted)")
    }
}

/// Credentials as they are sent: the `Authorization` header, and what must not be quoted.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) authorization: HeaderValue,
    pub(crate) secrets: Vec<String>,
}

impl Login {
    /// `None` when these are no user name and password.
    pub(crate) fn new(credentials: Credentials) -> Option<Self> {
        let Credentials::Password { username, password } = credentials else {
            return None;
        };
        let encoded = BASE64.encode(format!("{username}:{password}"));
        let mut authorization = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
        authorization.set_sensitive(true);
        Some(Self { authorization, secrets: vec![password, encoded] })
    }
}

/// A header that authenticates, and what must not be quoted.
#[derive(Clone)]
pub(crate) struct HeaderLogin {
    pub(crate) name: HeaderName,
    pub(crate) value: HeaderValue,
    pub(crate) secrets: Vec<String>,
}

impl HeaderLogin {
    pub(crate) fn new(name: &str, credentials: Option<Credentials>) -> Result<Self, SetupError> {
        let Some(Credentials::Header { value: text }) = credentials else {
            return Err(SetupError::CredentialsMissing);
        };
        let refused = || SetupError::Header(name.to_owned());
        let mut value = HeaderValue::from_str(&text).map_err(|_| refused())?;
        value.set_sensitive(true);
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        Ok(Self { name, value, secrets: vec![text] })
    }

    /// A token, as the header `Authorization` has it.
    pub(crate) fn bearer(credentials: Option<Credentials>) -> Result<Self, SetupError> {
        let Some(Credentials::Token { token }) = credentials else {
            return Err(SetupError::CredentialsMissing);
        };
        let refused = |_| SetupError::Header(AUTHORIZATION.to_string());
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(refused)?;
        value.set_sensitive(true);
        Ok(Self { name: AUTHORIZATION, value, secrets: vec![token] })
    }
}

impl fmt::Debug for HeaderLogin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HeaderLogin(redacted)")
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Login(redacted)")
    }
}

fn read_value(path: &Path) -> Result<String, CredentialsError> {
    read_file(path, LONGEST_BYTES)
}

/// A file's text, without the newline at its end.
pub(crate) fn read_file(path: &Path, bound: u64) -> Result<String, CredentialsError> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(bound + 1).read_to_string(&mut text))
        .map_err(|cause| CredentialsError::Unreadable { path: path.to_owned(), cause })?;
    if text.len() as u64 > bound {
        return Err(CredentialsError::TooLong { path: path.to_owned(), bound });
    }
    let value = text.strip_suffix('\n').unwrap_or(&text);
    let value = value.strip_suffix('\r').unwrap_or(value);
    if value.is_empty() {
        return Err(CredentialsError::Empty(path.to_owned()));
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use std::env::temp_dir;
    use std::fs;
    use std::process;

    use super::*;

    fn directory(name: &str, username: &str, password: &str) -> PathBuf {
        let directory = temp_dir().join(format!("throughput-pulp-{}-{name}", process::id()));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("username"), username).unwrap();
        fs::write(directory.join("password"), password).unwrap();
        directory
    }

    #[test]
    fn a_user_whose_name_is_known_has_only_a_password() {
        let folder = directory("known", "admin", "hunter2");
        fs::remove_file(folder.join("username")).unwrap();
        assert!(Credentials::from_directory(&folder, None).is_err());
        let expected = Credentials::Password { username: "perf".to_owned(), password: "hunter2".to_owned() };
        assert_eq!(Credentials::from_directory(&folder, Some("perf")).unwrap(), expected);
    }

    #[test]
    fn a_token_is_sent_as_bearer() {
        let folder = directory("token", "admin", "hunter2");
        fs::write(folder.join("token"), "eyJ0\n").unwrap();
        let token = Credentials::from_directory(&folder, None).unwrap();
        assert_eq!(token, Credentials::Token { token: "eyJ0".to_owned() });
        let login = HeaderLogin::bearer(Some(token)).unwrap();
        assert_eq!((login.name, login.value.to_str().unwrap()), (AUTHORIZATION, "Bearer eyJ0"));
        assert_eq!(login.secrets, ["eyJ0"], "never quoted");
    }

    #[test]
    fn one_newline_at_the_end_is_not_part_of_the_value() {
        let credentials =
            Credentials::from_directory(&directory("newline", "admin\n", "two lines\n\n"), None);
        let expected =
            Credentials::Password { username: "admin".to_owned(), password: "two lines\n".to_owned() };
        assert_eq!(credentials.unwrap(), expected);
    }

    #[test]
    fn neither_value_shows_in_debug_texts() {
        let credentials =
            Credentials::Password { username: "admin".to_owned(), password: "hunter2".to_owned() };
        assert_eq!(format!("{credentials:?}"), "Credentials(redacted)");
        let credentials = Credentials::Header { value: "hunter2".to_owned() };
        assert_eq!(format!("{credentials:?}"), "Credentials(redacted)");
        let login = HeaderLogin::new("x-rh-identity", Some(credentials)).unwrap();
        assert_eq!(format!("{login:?} {:?}", login.value), "HeaderLogin(redacted) Sensitive");
    }

    #[test]
    fn a_folder_with_a_value_holds_a_header() {
        let directory = directory("header", "admin", "word");
        fs::write(directory.join("value"), "aWRlbnRpdHk=\n").unwrap();
        let expected = Credentials::Header { value: "aWRlbnRpdHk=".to_owned() };
        assert_eq!(Credentials::from_directory(&directory, None).unwrap(), expected);
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_refused_without_its_value() {
        let header = |name: &str, value: &str| {
            HeaderLogin::new(name, Some(Credentials::Header { value: value.to_owned() }))
        };
        assert!(header("x-rh-identity", "hunter2").is_ok());
        for (name, value) in [("x rh", "hunter2"), ("", "hunter2"), ("x-rh-identity", "hunter2\nhost: b")] {
            let refused = header(name, value).unwrap_err();
            assert_eq!(refused, SetupError::Header(name.to_owned()));
            assert!(!refused.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn a_missing_an_empty_and_an_endless_file_are_told_apart() {
        let missing = Credentials::from_directory(Path::new("/nonexistent"), None);
        assert!(matches!(missing, Err(CredentialsError::Unreadable { .. })));
        let empty = Credentials::from_directory(&directory("empty", "admin", "\n"), None);
        assert!(matches!(empty, Err(CredentialsError::Empty(path)) if path.ends_with("password")));
        let endless = Credentials::from_directory(&directory("endless", &"a".repeat(5_000), "b"), None);
        assert!(matches!(endless, Err(CredentialsError::TooLong { path, .. }) if path.ends_with("username")));
    }
}
