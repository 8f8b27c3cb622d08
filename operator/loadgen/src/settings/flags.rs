//! The command line, as it is typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory, FromArgMatches, Parser, value_parser};

use crate::logs::LogFormat;

/// The longest time that can be asked for, in seconds: a month.
const LONGEST_SECONDS: u64 = 31 * 24 * 3600;

/// A command line: the program is a generator of the operator's unless it is asked for a local run.
#[derive(Clone, Debug)]
pub enum CommandLine {
    /// No subcommand: the pod of a generator.
    Pod(PodFlags),
    /// `local`: a run without a cluster.
    Local(LocalFlags),
}

impl CommandLine {
    /// The command line of this process. Ends the process when it is none, or asks for help.
    pub fn parse() -> Self {
        Self::try_parse_from(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// The command line that these arguments make, of which the first is the program's name.
    pub fn try_parse_from<Argument: Into<OsString> + Clone>(
        arguments: impl IntoIterator<Item = Argument>,
    ) -> Result<Self, clap::Error> {
        let mut matches = command().try_get_matches_from(arguments)?;
        let flags = match matches.remove_subcommand() {
            Some((_, mut local)) => LocalFlags::from_arg_matches_mut(&mut local).map(Self::Local),
            None => PodFlags::from_arg_matches_mut(&mut matches).map(Self::Pod),
        };
        flags.map_err(|error| error.format(&mut command()))
    }
}

fn command() -> Command {
    // What a pod's flags must have, a local run need not.
    PodFlags::command()
        .subcommand(LocalFlags::command())
        .subcommand_negates_reqs(true)
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
}

/// Flags for the load itself, whoever coordinates it.
#[derive(Clone, Debug, Args)]
pub struct LoadFlags {
    /// The file with the assignment, in JSON.
    #[arg(long, value_name = "FILE")]
    pub assignment: PathBuf,
    /// The folder with the files `username` and `password`, `token` or `value`, where the target wants them.
    #[arg(long, value_name = "DIR")]
    pub credentials: Option<PathBuf>,
    /// The file with the certificates, in PEM, that are trusted for an encrypted target instead of the system's.
    #[arg(long, value_name = "FILE")]
    pub ca_bundle: Option<PathBuf>,
    /// The folder with the files `tls.crt` and `tls.key` that are shown to the target, where it asks for a certificate.
    #[arg(long, value_name = "DIR")]
    pub client_certificate: Option<PathBuf>,
    /// How long to wait for requests under way when told to end.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = value_parser!(u64).range(..=LONGEST_SECONDS))]
    pub termination_grace: u64,
}

/// Sends the load of one generator of a throughput test, and delivers what it measured.
#[derive(Clone, Debug, Parser)]
#[command(version, about)]
pub struct PodFlags {
    /// The load.
    #[command(flatten)]
    pub load: LoadFlags,
    /// The operator's base URL: `http://throughput-operator.throughput-system.svc:8080`.
    #[arg(long, value_name = "URL", env = "COLLECTOR_URL")]
    pub collector: String,
    /// The file with the token for the operator.
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// The folder that is shared with the script beside this program, where there is one.
    #[arg(long, value_name = "DIR")]
    pub exchange: Option<PathBuf>,
    /// The index of this generator, from 0.
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
    /// How log lines look.
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
}

/// Sends the load of an assignment at once, without an operator or a cluster.
///
/// The result is what a generator delivers to the operator: counts and histograms, as JSON. Log lines go to standard
/// error, with the progress once a second. An interrupt (Ctrl-C) ends the load; what was measured until then is the
/// result.
///
/// The exit code is 0 when the result is written, whatever it says; 143 when interrupted before the first request; 1
/// when the target cannot be reached or refuses the login, or the result cannot be written; 2 for wrong flags or files.
#[derive(Clone, Debug, Parser)]
#[command(name = "local", after_long_help = concat!("An assignment:\n\n", include_str!("example.json")))]
pub struct LocalFlags {
    /// The load.
    #[command(flatten)]
    pub load: LoadFlags,
    /// The index of this generator, from 0: each of an assignment's generators sends its share of the tasks.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub index: u32,
    /// The file for the result, which replaces one that is there; standard output without it.
    #[arg(long, value_name = "FILE")]
    pub result: Option<PathBuf>,
    /// How long to try to reach the target before the start.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(..=LONGEST_SECONDS))]
    pub give_up_after: u64,
    /// How log lines look.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    fn refusal(arguments: &[&str]) -> ErrorKind {
        let all = ["throughput-loadgen"].iter().chain(arguments);
        CommandLine::try_parse_from(all).unwrap_err().kind()
    }

    #[test]
    fn a_pod_must_say_who_it_is_and_a_local_run_must_not() {
        assert_eq!(refusal(&["--assignment=a"]), ErrorKind::MissingRequiredArgument);
        assert_eq!(refusal(&["local"]), ErrorKind::MissingRequiredArgument);
        assert_eq!(refusal(&["local", "--assignment=a", "--namespace=perf"]), ErrorKind::UnknownArgument);
        assert_eq!(refusal(&["--namespace=perf", "local", "--assignment=a"]), ErrorKind::ArgumentConflict);
    }

    #[test]
    fn the_help_of_a_local_run_shows_an_assignment() {
        assert_eq!(refusal(&["--help"]), ErrorKind::DisplayHelp);
        let help = CommandLine::try_parse_from(["throughput-loadgen", "local", "--help"]).unwrap_err();
        assert!(help.to_string().contains(include_str!("example.json").trim()), "{help}");
    }
}
