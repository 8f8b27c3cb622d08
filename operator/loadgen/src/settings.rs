//! The settings of a run, made once of the command line and of the files that it names.

pub mod flags;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use jiff::Timestamp;
use throughput_model::workload::{ASSIGNMENT_VERSION, Assignment, Dispatch, PulpTasks, Workload};
use throughput_pulp::{ClientCertificate, Credentials, CredentialsError};
use uuid::Uuid;

use crate::token::BearerToken;
use flags::{LoadFlags, LocalFlags, PodFlags};

/// The longest file that is read, in bytes.
const LONGEST_FILE_BYTES: u64 = 1024 * 1024;

/// The settings of a run, whoever coordinates it; checked.
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
    /// The certificate that is shown to the target, where it asks for one.
    pub client_certificate: Option<ClientCertificate>,
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
    /// A local run has no container with Pulp's own process.
    #[error(
        "tasks are dispatched in Pulp's own process (inProcess) only beside a container with Pulp's image"
    )]
    InProcess,
    /// The credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

impl Settings {
    /// The settings of a generator in a pod, and the operator's. Reads the files that the flags name, and checks what
    /// can be checked without a network.
    pub fn in_pod(flags: PodFlags) -> Result<(Self, OperatorSettings), SettingsError> {
        let PodFlags {
            load,
            collector,
            token_file,
            exchange,
            index,
            namespace,
            test,
            pod_name,
            pod_uid,
            give_up_after,
            log_format: _,
        } = flags;
        let Load { assignment, credentials, certificates, client_certificate, termination_grace } =
            Load::read(load, index)?;
        let token = BearerToken::new(read(&token_file)?.trim()).ok_or(SettingsError::NoToken(token_file))?;
        let settings = Self {
            assignment,
            index,
            credentials,
            certificates,
            client_certificate,
            exchange,
            pod_name,
            pod_uid,
            give_up_after: Duration::from_secs(give_up_after),
            termination_grace,
        };
        Ok((settings, OperatorSettings { url: collector, token, namespace, test }))
    }

    /// The settings of a run without a cluster, and the file for its result, if it is for one.
    pub fn local(flags: LocalFlags) -> Result<(Self, Option<PathBuf>), SettingsError> {
        let LocalFlags { load, index, result, give_up_after, log_format: _ } = flags;
        let Load { assignment, credentials, certificates, client_certificate, termination_grace } =
            Load::read(load, index)?;
        let in_process = |tasks: &PulpTasks| matches!(tasks.dispatch, Dispatch::InProcess(_));
        if matches!(&assignment.workload, Workload::PulpTasks(tasks) if in_process(tasks)) {
            return Err(SettingsError::InProcess);
        }
        // Values that must be unique are made of the UID, and an assignment may be carried out again.
        let run = format!("{}/{}", process::id(), Timestamp::now());
        let pod_uid = Uuid::new_v5(&assignment.address.correlation_id(), run.as_bytes()).to_string();
        let settings = Self {
            assignment,
            index,
            credentials,
            certificates,
            client_certificate,
            exchange: None,
            pod_name: "local".to_owned(),
            pod_uid,
            give_up_after: Duration::from_secs(give_up_after),
            termination_grace,
        };
        Ok((settings, result))
    }
}

/// The files that [`LoadFlags`] name, read.
struct Load {
    assignment: Assignment,
    credentials: Option<Credentials>,
    certificates: Option<Vec<u8>>,
    client_certificate: Option<ClientCertificate>,
    termination_grace: Duration,
}

impl Load {
    fn read(flags: LoadFlags, index: u32) -> Result<Self, SettingsError> {
        let LoadFlags { assignment, credentials, ca_bundle, client_certificate, termination_grace } = flags;
        let assignment = read_assignment(&assignment)?;
        if index >= assignment.generators {
            return Err(SettingsError::Index { index, generators: assignment.generators });
        }
        let username = match &assignment.workload {
            Workload::PulpTasks(tasks) => tasks.pulp.username.clone(),
            #[cfg(feature = "example-kind")]
            Workload::Holding(_) => None,
        };
        let login = |directory: PathBuf| Credentials::from_directory(&directory, username.as_deref());
        let shown = |directory: PathBuf| ClientCertificate::from_directory(&directory);
        Ok(Self {
            assignment,
            credentials: credentials.map(login).transpose()?,
            client_certificate: client_certificate.map(shown).transpose()?,
            certificates: ca_bundle.map(|file| read(&file)).transpose()?.map(String::into_bytes),
            termination_grace: Duration::from_secs(termination_grace),
        })
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
    use std::{env, fs};

    use super::flags::CommandLine;
    use super::*;

    const ASSIGNMENT: &str = r#"{
        "version": 3,
        "address": {"testUid": "3f1c", "cell": 0, "attempt": 1},
        "generators": 2,
        "workload": {"pulpTasks": {
            "pulp": {"baseUrl": "http://pulp-api:24817", "apiRoot": "/pulp/", "authentication": "None", "verifiesCertificate": true},
            "correlationId": "7d444840-9dc0-11d1-b245-5ffdce74fad2",
            "tasks": 10,
            "concurrency": 1,
            "dispatch": {"request": {"method": "POST", "path": "/p/", "requestTimeoutMilliseconds": 1000}},
            "dispatchDeadlineMilliseconds": 1000
        }}
    }"#;

    /// A folder with an assignment and a token.
    fn folder(name: &str, assignment: &str, token: &str) -> PathBuf {
        let folder = env::temp_dir().join(format!("throughput-loadgen-{}-{name}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("assignment.json"), assignment).unwrap();
        fs::write(folder.join("token"), token).unwrap();
        folder
    }

    fn check(
        name: &str,
        assignment: &str,
        token: &str,
        arguments: &[&str],
    ) -> Result<(Settings, OperatorSettings), SettingsError> {
        let folder = folder(name, assignment, token);
        let fixed = ["--collector=http://operator:8080", "--namespace=perf", "--test=tasks-10k"];
        let pod = ["--pod-name=pod", "--pod-uid=uid"];
        let assignment = format!("--assignment={}", folder.join("assignment.json").display());
        let token = format!("--token-file={}", folder.join("token").display());
        let all = ["throughput-loadgen", &assignment, &token].into_iter().chain(fixed).chain(pod);
        let all = all.chain(arguments.iter().copied());
        let CommandLine::Pod(flags) = CommandLine::try_parse_from(all).unwrap() else { unreachable!() };
        Settings::in_pod(flags)
    }

    fn check_local(
        name: &str,
        assignment: &str,
        arguments: &[&str],
    ) -> Result<(Settings, Option<PathBuf>), SettingsError> {
        let assignment = folder(name, assignment, "").join("assignment.json");
        let assignment = format!("--assignment={}", assignment.display());
        let all = ["throughput-loadgen", "local", &assignment].into_iter().chain(arguments.iter().copied());
        let CommandLine::Local(flags) = CommandLine::try_parse_from(all).unwrap() else { unreachable!() };
        Settings::local(flags)
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
        let refused = check("version", r#"{"version": 1, "load": []}"#, "token", &["--index", "0"]);
        assert!(matches!(refused, Err(SettingsError::Version(1))));
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
    #[test]
    fn a_local_run_needs_an_assignment_alone_and_each_has_a_uid_of_its_own() {
        let (first, result) = check_local("local", include_str!("settings/example.json"), &[]).unwrap();
        assert_eq!((first.index, first.exchange.clone(), result), (0, None, None));
        let (second, result) =
            check_local("local", include_str!("settings/example.json"), &["--result=r.json"]).unwrap();
        assert_eq!(result, Some(PathBuf::from("r.json")));
        assert_ne!(first.pod_uid, second.pod_uid);
    }

    #[test]
    fn a_local_run_refuses_to_dispatch_in_pulp_s_own_process_and_an_index_beyond_the_generators() {
        let dispatch = r#""dispatch": {"inProcess": {"function": "f", "arguments": "[]", "namedArguments": "{}",
            "uniqueLock": false, "exclusive": [], "shared": []}}"#;
        let request = r#""dispatch": {"request": {"method": "POST", "path": "/p/", "requestTimeoutMilliseconds": 1000}}"#;
        let in_process = ASSIGNMENT.replace(request, dispatch);
        assert!(matches!(check_local("in-process", &in_process, &[]), Err(SettingsError::InProcess)));
        let refused = check_local("local-index", ASSIGNMENT, &["--index=2"]);
        assert!(matches!(refused, Err(SettingsError::Index { index: 2, generators: 2 })));
    }
}
