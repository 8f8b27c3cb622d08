//! A connection string: the server, the user, and whether the certificate is verified.
//!
//! The string itself is never quoted, also not by the words of a library: it holds a password, and a password that is not
//! percent-encoded can be taken for any part of it.

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use throughput_model::masking::masked;

use crate::error::SourceError;

/// The name by which the database knows the operator's connections.
const APPLICATION_NAME: &str = "throughput-operator";
/// Parameters of other clients that mean nothing here: the operator has its own.
const IGNORED: [&str; 14] = [
    "application_name",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "sslcompression",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
];
/// Parameters that the library takes as they are.
const TAKEN: [&str; 6] = ["channel_binding", "dbname", "options", "password", "sslnegotiation", "user"];
/// Parameters that cannot be carried out, with what to do instead.
const REFUSED: [(&str, &str); 7] = [
    ("host", "write the host before the database's name"),
    ("hostaddr", "write the address in place of the host"),
    ("passfile", "write the password into the connection string"),
    ("service", "write the host into the connection string"),
    ("sslcert", "client certificates are not supported"),
    ("sslkey", "client certificates are not supported"),
    ("sslrootcert", "name the certificates in postgres.caBundle"),
];

/// How much of a server's words is looked at, in characters: more than is kept of them.
const LONGEST_WORDS: usize = 16 << 10;

/// A database server, and as whom to connect to it.
#[derive(Clone)]
pub(super) struct Address {
    /// User, password, database.
    pub(super) config: Config,
    /// The host, as it was written.
    pub(super) host: String,
    /// The port.
    pub(super) port: u16,
    /// Whether the connection string asks for a verified certificate (`require` and above).
    pub(super) is_verified: bool,
}

impl Address {
    /// Reads `postgresql://user:password@host:5432/database?sslmode=require`.
    pub(super) fn parse(text: &str) -> Result<Self, SourceError> {
        let (rest, tls) = without_parameters(text)?;
        let mut config: Config = rest.parse().map_err(|_| not_understood("it is not well formed"))?;
        config.application_name(APPLICATION_NAME).ssl_mode(tls.mode);
        let [Host::Tcp(host)] = config.get_hosts() else {
            return Err(not_understood("it has to name exactly one host, which is no folder of a socket"));
        };
        if host.is_empty() || config.get_user().is_none_or(str::is_empty) {
            return Err(not_understood("it has to name a host and a user"));
        }
        let (host, port) = (host.clone(), config.get_ports().first().copied().unwrap_or(5432));
        Ok(Self { config, host, port, is_verified: tls.is_verified })
    }

    /// By which of its names the Secret's owner may mean this server.
    pub(super) fn audiences(&self) -> [String; 2] {
        let host = &self.host;
        let with_port = if host.contains(':') {
            format!("[{host}]:{}", self.port)
        } else {
            format!("{host}:{}", self.port)
        };
        [host.clone(), with_port]
    }

    /// The name that is looked up. One without a dot is a Service of the test's namespace, wherever the operator runs.
    pub(super) fn lookup_name(&self, namespace: &str) -> String {
        let is_plain = !self.host.contains(['.', ':']) && self.host != "localhost";
        if is_plain { format!("{}.{namespace}.svc", self.host) } else { self.host.clone() }
    }

    /// A text of others without the password, should it be in there.
    pub(super) fn without_password(&self, text: &str) -> String {
        let password = self.config.get_password().map(String::from_utf8_lossy);
        let text: String = text.chars().take(LONGEST_WORDS).collect();
        masked(&text, password.as_slice())
    }
}

struct Tls {
    mode: SslMode,
    is_verified: bool,
}

/// The connection string with the parameters that the library takes, and what it says about encryption.
fn without_parameters(text: &str) -> Result<(String, Tls), SourceError> {
    if !text.starts_with("postgresql://") && !text.starts_with("postgres://") {
        return Err(not_understood("it does not begin with postgresql://"));
    }
    // A question mark may stand in a password.
    let after_password = text.find('@').unwrap_or_default();
    let Some(question_mark) = text[after_password..].find('?').map(|at| at + after_password) else {
        return Ok((text.to_owned(), tls("prefer")?));
    };
    let (mut taken, mut mode) = (Vec::new(), "prefer");
    for parameter in text[question_mark + 1..].split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name == "sslmode" {
            mode = value;
        } else if TAKEN.contains(&name) {
            taken.push(parameter);
        } else if let Some((name, instead)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            return Err(not_understood(&format!("it has the parameter {name}: {instead}")));
        } else if !IGNORED.contains(&name) {
            return Err(not_understood("it has a parameter that is not known"));
        }
    }
    let separator = if taken.is_empty() { "" } else { "?" };
    Ok((format!("{}{separator}{}", &text[..question_mark], taken.join("&")), tls(mode)?))
}

fn tls(mode: &str) -> Result<Tls, SourceError> {
    let (mode, is_verified) = match mode {
        "disable" => (SslMode::Disable, false),
        "allow" | "prefer" => (SslMode::Prefer, false),
        "require" | "verify-ca" | "verify-full" => (SslMode::Require, true),
        _ => return Err(not_understood("its sslmode is none of disable, prefer, require and verify-full")),
    };
    Ok(Tls { mode, is_verified })
}

fn not_understood(why: &str) -> SourceError {
    SourceError::new(
        "NotAConnectionString",
        format!(
            "what the Secret has is not a connection string that can be used: {why}; write postgresql://user:password@host:5432/database?sslmode=require, with special characters of the password percent-encoded"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Address::parse(text).err().unwrap().message
    }

    #[test]
    fn a_connection_string_says_whom_to_connect_to_and_as_whom() {
        let address = Address::parse(
            "postgresql://pulp:p%40ss@db.example:6543/pulp?sslmode=verify-full&connect_timeout=9",
        )
        .unwrap();
        assert_eq!((address.host.as_str(), address.port, address.is_verified), ("db.example", 6543, true));
        assert_eq!(address.config.get_user(), Some("pulp"));
        assert_eq!(address.config.get_password(), Some(&b"p@ss"[..]));
        assert_eq!(address.config.get_dbname(), Some("pulp"));
        assert_eq!(address.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(address.audiences(), ["db.example", "db.example:6543"]);
        assert_eq!(address.without_password("no p@ss here"), "no *** here");
        assert_eq!(address.without_password("no p%40ss here"), "no *** here");
    }

    #[test]
    fn each_way_to_encrypt_is_understood() {
        let modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"].map(|mode| {
            let address = Address::parse(&format!("postgres://u:p@h/d?sslmode={mode}")).unwrap();
            (address.config.get_ssl_mode(), address.is_verified)
        });
        let [off, prefer, require] = [SslMode::Disable, SslMode::Prefer, SslMode::Require];
        let expected = [
            (off, false),
            (prefer, false),
            (prefer, false),
            (require, true),
            (require, true),
            (require, true),
        ];
        assert_eq!(modes, expected);
        assert_eq!(Address::parse("postgres://u:p@h").unwrap().config.get_ssl_mode(), SslMode::Prefer);
    }

    #[test]
    fn a_name_without_a_dot_is_a_service_of_the_tests_namespace() {
        let names = ["postgres", "db.example", "10.0.0.1", "[::1]", "localhost"].map(|host| {
            Address::parse(&format!("postgresql://u:p@{host}:5432/d")).unwrap().lookup_name("pulp")
        });
        assert_eq!(names, ["postgres.pulp.svc", "db.example", "10.0.0.1", "::1", "localhost"]);
        assert_eq!(Address::parse("postgres://u:p@[::1]/d").unwrap().audiences(), ["::1", "[::1]:5432"]);
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_quoting_anything_of_it() {
        let secret = "hunter2";
        for text in [
            "host=db user=pulp password=hunter2",
            "postgresql://pulp:hunter2@/pulp",
            "postgresql://:hunter2@db/pulp",
            "postgresql://pulp:hunter2@a,b/pulp",
            "postgresql://pulp:hunter2@db:hunter2/pulp",
            "postgresql://pulp:hunter2@%2Frun%2Fpostgresql/pulp",
            "postgresql://pulp:hunter2@db/pulp?host=other",
            "postgresql://pulp:hunter2@db/pulp?hostaddr=10.0.0.1",
            "postgresql://pulp:hunter2@db/pulp?hunter2=1",
            "postgresql://pulp:x@y?hunter2@db/pulp",
            "postgresql://pulp:hunter2@db/pulp?sslmode=hunter2",
            "",
        ] {
            let words = refusal(text);
            assert!(words.contains("postgresql://user:password@host"), "{words}");
            assert!(!words.contains(secret), "{words}");
        }
        assert!(refusal("postgres://u:p@h/d?sslrootcert=/ca").contains("postgres.caBundle"));
    }
}
