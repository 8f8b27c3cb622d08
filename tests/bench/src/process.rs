//! The operator's own programs, as processes of their own that find names as they would in a cluster.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use throughput_api_tests::Tenant;
use throughput_test_support::daemon::{Daemon, Ending, Running, folder};
use throughput_test_support::wait::eventually;

use crate::programs;

/// Takes a file in place of `/etc/hosts`, in a mount namespace of its own, enters a control group if there is one, and
/// becomes the program.
const WITH_HOSTS: &str =
    r#"mount --bind "$1" /etc/hosts && { [ -z "$2" ] || echo $$ >"$2"; } && shift 2 && exec env "$@""#;

/// It goes with its files.
const RUNNING: Running = Running { user: None, ending: Ending::Killed };

/// A program of the operator's, and what it finds.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable file.
    pub file: PathBuf,
    /// The names that it resolves, with their addresses.
    pub hosts: BTreeMap<String, String>,
    /// The file into which it writes its id to enter a control group.
    pub processes: Option<PathBuf>,
}

/// A program at work. It is killed when this is dropped.
pub struct Process {
    daemon: Daemon,
}

/// What a process takes of memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// All that is resident, the program's own text included.
    pub resident: u64,
    /// What of it is no file: heap and stacks.
    pub anonymous: u64,
    /// The most that was resident so far.
    pub peak_resident: u64,
}

impl Program {
    /// The operator's program of this name, as it was built, which resolves these names.
    ///
    /// # Panics
    /// It is not built.
    pub fn built(name: &str, hosts: &BTreeMap<String, String>) -> Self {
        let file = programs().join(name);
        assert!(file.exists(), "{} is not built: cargo build --profile dist makes it", file.display());
        Self { file, hosts: hosts.clone(), processes: None }
    }

    /// Starts it, with its files in a folder that goes with it. Needs the right to mount: root has it.
    pub fn start(
        &self,
        name: &'static str,
        folder: &Path,
        environment: &[(&str, String)],
        arguments: &[String],
    ) -> Result<Process, String> {
        let hosts = folder.join("hosts");
        let mut lines = vec!["127.0.0.1 localhost".to_owned()];
        lines.extend(self.hosts.iter().map(|(name, address)| format!("{address} {name}")));
        std::fs::write(&hosts, lines.join("\n") + "\n")
            .map_err(|error| format!("cannot write {}: {error}", hosts.display()))?;
        let mut command: Vec<String> =
            ["--mount", "sh", "-c", WITH_HOSTS, "sh"].map(str::to_owned).into_iter().collect();
        command.push(hosts.display().to_string());
        command.push(self.processes.as_ref().map(|file| file.display().to_string()).unwrap_or_default());
        command.extend(environment.iter().map(|(name, value)| format!("{name}={value}")));
        command.push(self.file.display().to_string());
        command.extend_from_slice(arguments);
        Ok(Process { daemon: Daemon::start(name, folder, RUNNING, Path::new("unshare"), &command)? })
    }
}

/// An operator of one namespace, with the rights that the chart gives it.
pub struct OperatorProcess {
    process: Process,
    /// Where `/metrics` is.
    pub address: SocketAddr,
}

impl OperatorProcess {
    /// Starts it, and waits until it leads. The namespace must have granted it its rights.
    pub async fn start(tenant: &Tenant, program: &Program, addresses: [SocketAddr; 2]) -> Self {
        Self::start_with(tenant, program, addresses, &[]).await
    }

    /// Starts it with more flags.
    pub async fn start_with(
        tenant: &Tenant,
        program: &Program,
        addresses: [SocketAddr; 2],
        flags: &[String],
    ) -> Self {
        let [address, collector] = addresses;
        let user = format!("system:serviceaccount:{}:throughput-operator", tenant.namespace);
        let folder = folder("operator").unwrap();
        let kubeconfig = folder.join("kubeconfig");
        std::fs::write(&kubeconfig, Tenant::kubeconfig_as(&user)).unwrap();
        let mut arguments = vec![
            "run".to_owned(),
            format!("--namespace={}", tenant.namespace),
            "--pod-name=throughput-operator-0".to_owned(),
            "--probes-listen=127.0.0.1:0".to_owned(),
            format!("--listen={address}"),
            format!("--collector-listen={collector}"),
            format!("--collector-url=http://{collector}"),
            "--loadgen-image=localhost/throughput/loadgen:test".to_owned(),
        ];
        arguments.extend_from_slice(flags);
        let environment = [("KUBECONFIG", kubeconfig.display().to_string())];
        let process = program.start("throughput-operator", &folder, &environment, &arguments).unwrap();
        let operator = Self { process, address };
        operator.until_it_leads().await;
        operator
    }

    async fn until_it_leads(&self) {
        let ready = async || {
            assert!(!self.process.has_ended(), "{}", self.process.last_words());
            self.asked("throughput_operator_leader").await.is_ok_and(|leads| leads == Some(1.0))
        };
        eventually("the operator leads", ready, |ready| *ready).await;
    }

    /// What it takes of memory.
    pub fn memory(&self) -> Memory {
        self.process.memory()
    }

    /// The same; none when it has ended.
    pub fn memory_if_it_runs(&self) -> Option<Memory> {
        self.process.memory_if_it_runs()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.process.has_ended()
    }

    /// The end of what it said.
    pub fn last_words(&self) -> String {
        self.process.last_words()
    }

    /// The value of a metric, by its name and labels as they are printed; none when it is not there, or it does not answer.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        self.asked(name).await.ok().flatten()
    }

    async fn asked(&self, name: &str) -> reqwest::Result<Option<f64>> {
        let text = reqwest::get(format!("http://{}/metrics", self.address)).await?.text().await?;
        Ok(text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok()))
    }
}

impl Process {
    /// Whether it has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.daemon.has_ended()
    }

    /// The end of what it said.
    pub fn last_words(&self) -> String {
        self.daemon.last_words()
    }

    /// What it takes of memory now.
    ///
    /// # Panics
    /// It has ended.
    pub fn memory(&self) -> Memory {
        self.memory_if_it_runs().unwrap()
    }

    /// What it takes of memory now; none when it has ended.
    pub fn memory_if_it_runs(&self) -> Option<Memory> {
        let pid = self.daemon.pid()?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
        };
        Some(Memory {
            resident: bytes("VmRSS:")?,
            anonymous: bytes("RssAnon:")?,
            peak_resident: bytes("VmHWM:")?,
        })
    }
}
