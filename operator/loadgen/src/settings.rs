//! The command line, and the settings that are made of it once.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, value_parser};
use throughput_model::workload::{ASSIGNMENT_VERSION, Assignment};
use throughput_pulp::{Credentials, CredentialsError};

use crate::logs::LogFormat;
use crate::token::BearerToken;

/// The longest time that can be asked for, in seconds: a month.
const LONGEST_SECONDS: u64 = 31 * 24 * 3600;
/// The longest file that is read, in bytes.
const LONGEST_FILE_BYTES: u64 = 1024 * 1024;

/// Sends the load of one generator of a throughput test, and delivers what it measured.
#[derive(Clone, Debug, Parser)]
#[command(version, about)]
pub struct Flags {
    /// The file with the assignment, in JSON.
    #[arg(long, value_name = "FILE")]
    pub assignment: PathBuf,
    /// The operator's base URL: `http://throughput-operator.throughput-system.svc:8080`.
    #[arg(long, value_name = "URL", env = "COLLECTOR_URL")]
    pub collector: String,
    /// The file with the token for the operator.
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// The folder with the files `username` and `password`, or `value`, where the target wants them.
    #[arg(long, value_name = "DIR")]
    pub credentials: Option<PathBuf>,
    /// The folder that is shared with the script beside this program, where there is one.
    #[arg(long, value_name = "DIR")]
    pub exchange: Option<PathBuf>,
    /// The file with the certificates, in PEM, of whom an encrypted target's has to be from.
    #[arg(long, value_name = "FILE")]
    pub ca_bundle: Option<PathBuf>,
    /// Which of the generators this is, from 0.
    #[arg(long, value_name = "N", env = "JOB_COMPLETION_INDEX")]
    pub index: u32,
    /// The test's namespace.
    #[arg(long, value_name = "NAME", env = "TEST_NAMESPACE")]
    pub namespace: String,
    /// The test's name.
    #[arg(long, value_name = "NAME", env = "TEST_NAME")]
    pub test: String,
    /// The name of the pod that this runs in.
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    pub pod_name: String,
    /// The UID of the pod that this runs in.
    #[arg(long, value_name = "UID", env = "POD_UID")]
    pub pod_uid: String,
    /// How long to try to reach the operator or the target before the start, and the operator after the end.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = value_parser!(u64).range(..=LONGEST_SECONDS))]
    pub give_up_after: u64,
    /// How long to wait for requests under way when told to end.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = value_parser!(u64).range(..=LONGEST_SECONDS))]
    pub termination_grace: u64,
    /// How log lines look.
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
}

/// What a run needs, whoever coordinates it; checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The load, of which this generator sends its share.
    pub assignment: Assignment,
    /// The index of this generator; less than their number.
    pub index: u32,
    /// The credentials for the target, where it wants any.
    pub credentials: Option<Credentials>,
    /// The certificates that are trusted, in PEM; the system's when there are none.
    pub certificates: Option<Vec<u8>>,
    /// The folder that is shared with the script beside this program, where there is one.
    pub exchange: Option<PathBuf>,
    /// The name of the pod that this runs in.
    pub pod_name: String,
    /// The UID of that pod: no other run has it.
    pub pod_uid: String,
    /// The longest time to try to reach somebody.
    pub give_up_after: Duration,
    /// The longest time to await requests under way, after being told to end.
    pub termination_grace: Duration,
}

/// The operator, and what this generator's test is called there.
#[derive(Clone, Debug)]
pub struct OperatorSettings {
    /// The base URL: `http://throughput-operator.throughput-system.svc:8080`.
    pub url: String,
    /// The token of this attempt.
    pub token: BearerToken,
    /// The test's namespace.
    pub namespace: String,
    /// The test's name.
    pub test: String,
}

/// Settings that no run can be made of.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The assignment is not one.
    #[error("{path} is no assignment: {cause}")]
    NoAssignment {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: serde_json::Error,
    },
    /// The assignment's version is not ours.
    #[error("the assignment has version {0}, this program understands {ASSIGNMENT_VERSION}")]
    Version(u32),
    /// The index is not less than the number of generators.
    #[error("the index {index} is not less than the number of generators, {generators}")]
    Index {
        /// The index.
        index: u32,
        /// The number of generators.
        generators: u32,
    },
    /// The token is empty, or cannot be sent.
    #[error("{0} holds no token")]
    NoToken(PathBuf),
    /// The credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

impl Settings {
    /// Reads the files that the flags name, and checks what can be checked without a network.
    pub fn check(flags: Flags) -> Result<(Self, OperatorSettings), SettingsError> {
        let Flags {
            assignment,
            collector,
            token_file,
            credentials,
            exchange,
            ca_bundle,
            index,
            namespace,
            test,
            pod_name,
            pod_uid,
            give_up_after,
            termination_grace,
            log_format: _,
        } = flags;
        let assignment = read_assignment(&assignment)?;
        if index >= assignment.generators {
            return Err(SettingsError::Index { index, generators: assignment.generators });
        }
        let token = BearerToken::new(read(&token_file)?.trim()).ok_or(SettingsError::NoToken(token_file))?;
        let credentials = credentials.map(|directory| Credentials::from_directory(&directory)).transpose()?;
        let certificates = ca_bundle.map(|file| read(&file)).transpose()?.map(String::into_bytes);
        let settings = Self {
            assignment,
            index,
            credentials,
            certificates,
            exchange,
            pod_name,
            pod_uid,
            give_up_after: Duration::from_secs(give_up_after),
            termination_grace: Duration::from_secs(termination_grace),
        };
        Ok((settings, OperatorSettings { url: collector, token, namespace, test }))
    }
}

fn read_assignment(path: &Path) -> Result<Assignment, SettingsError> {
    let text = read(path)?;
    let no_assignment = |cause| SettingsError::NoAssignment { path: path.to_owned(), cause };
    // The version first: what another version holds need not make sense to us.
    let versioned: serde_json::Value = serde_json::from_str(&text).map_err(no_assignment)?;
    match versioned.get("version").and_then(serde_json::Value::as_u64) {
        Some(version) if version != u64::from(ASSIGNMENT_VERSION) => {
            Err(SettingsError::Version(u32::try_from(version).unwrap_or(u32::MAX)))
        }
        Some(_) | None => serde_json::from_str(&text).map_err(no_assignment),
    }
}

fn read(path: &Path) -> Result<String, SettingsError> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST_FILE_BYTES).read_to_string(&mut text))
        .map_err(|cause| SettingsError::Unreadable { path: path.to_owned(), cause })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::*;

    const ASSIGNMENT: &str = r#"{
        "version": 1,
        "address": {"testUid": "3f1c", "cell": 0, "attempt": 1},
        "generators": 2,
        "workload": {"pulpTasks": {
            "pulp": {"baseUrl": "http://pulp-api:24817", "apiRoot": "/pulp/", "authentication": "None"},
            "correlationId": "7d444840-9dc0-11d1-b245-5ffdce74fad2",
            "tasks": 10,
            "concurrency": 1,
            "dispatch": {"request": {"method": "POST", "path": "/p/", "requestTimeoutMilliseconds": 1000}},
            "dispatchDeadlineMilliseconds": 1000
        }}
    }"#;

    fn check(
        name: &str,
        assignment: &str,
        token: &str,
        arguments: &[&str],
    ) -> Result<(Settings, OperatorSettings), SettingsError> {
        let directory = env::temp_dir().join(format!("throughput-loadgen-{}-{name}", process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (assignment_file, token_file) = (directory.join("assignment.json"), directory.join("token"));
        fs::write(&assignment_file, assignment).unwrap();
        fs::write(&token_file, token).unwrap();
        let fixed = ["--collector", "http://operator:8080", "--namespace", "perf", "--test", "tasks-10k"];
        let pod = ["--pod-name", "pod", "--pod-uid", "uid"];
        let files =
            ["--assignment", assignment_file.to_str().unwrap(), "--token-file", token_file.to_str().unwrap()];
        let all = ["throughput-loadgen"].into_iter().chain(fixed).chain(pod).chain(files);
        Settings::check(Flags::parse_from(all.chain(arguments.iter().copied())))
    }

    #[test]
    fn good_flags_become_settings_that_show_no_token() {
        let (settings, operator) =
            check("good", ASSIGNMENT, "s3cr3t\n", &["--index", "1", "--give-up-after", "7"]).unwrap();
        assert_eq!((settings.index, settings.give_up_after), (1, Duration::from_secs(7)));
        assert!(!format!("{settings:?} {operator:?}").contains("s3cr3t"));
    }

    #[test]
    fn an_index_beyond_the_generators_is_refused() {
        let refused = check("index", ASSIGNMENT, "token", &["--index", "2"]);
        assert!(matches!(refused, Err(SettingsError::Index { index: 2, generators: 2 })));
    }

    #[test]
    fn another_version_is_named_even_when_its_content_makes_no_sense() {
        let refused = check("version", r#"{"version": 2, "load": []}"#, "token", &["--index", "0"]);
        assert!(matches!(refused, Err(SettingsError::Version(2))));
        let refused = check("no-version", "{}", "token", &["--index", "0"]);
        assert!(matches!(refused, Err(SettingsError::NoAssignment { .. })));
    }

    #[test]
    fn an_empty_token_and_missing_credentials_are_refused() {
        let refused = check("token", ASSIGNMENT, "\n", &["--index", "0"]);
        assert!(matches!(refused, Err(SettingsError::NoToken(_))));
        let refused =
            check("credentials", ASSIGNMENT, "t", &["--index", "0", "--credentials", "/nonexistent"]);
        assert!(matches!(refused, Err(SettingsError::Credentials(_))));
    }
}
