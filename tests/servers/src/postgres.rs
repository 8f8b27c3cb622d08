//! A real PostgreSQL, with a certificate of the tests' own authority.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio_postgres::{Client, NoTls};

use throughput_test_support::daemon::{self, Daemon, Ending, Running, folder, free_ports};
use throughput_test_support::wait::{SOON, until};

/// Who signed the server's certificate, which is for 127.0.0.1.
pub const AUTHORITY: &[u8] = include_bytes!("../../../operator/pulp/tests/client/tls/ca.crt");
/// Who did not.
pub const ANOTHER_AUTHORITY: &[u8] = include_bytes!("../../../operator/pulp/tests/client/tls/other.crt");
const CERTIFICATE: &[u8] = include_bytes!("../../../operator/pulp/tests/client/tls/server.crt");
const KEY: &[u8] = include_bytes!("../../../operator/pulp/tests/client/tls/server.key");

/// The password of all roles but the administrator, who needs none.
pub const PASSWORD: &str = "a-password-that-nobody-may-see";
const ADMINISTRATOR: &str = "administrator";
const ACCESS: &str = "host all administrator samehost trust\nhost all all all scram-sha-256\n";

/// A server. It is stopped, and its folder removed, when this is dropped.
pub struct PostgresServer {
    address: IpAddr,
    binaries: PathBuf,
    folder: PathBuf,
    port: u16,
    user: Option<u32>,
    server: Option<Daemon>,
}

impl PostgresServer {
    /// Makes a new one on the loopback; see [`start_at`](Self::start_at).
    pub async fn start() -> Self {
        Self::start_at(IpAddr::from([127, 0, 0, 1])).await
    }

    /// Makes a new one on an address of this machine, with a role `watcher`, who has `pg_monitor`, and a role `nobody`, who has nothing; in its only
    /// database, `pulp`, there is `pg_stat_statements`.
    pub async fn start_at(address: IpAddr) -> Self {
        let (binaries, user) = (binaries(), user());
        let folder = folder("postgres").unwrap();
        if user.is_some() {
            chown(&folder, user, user).unwrap();
        }
        let [port] = free_ports().unwrap();
        let mut server = Self { address, binaries, folder, port, user, server: None };
        server.make();
        server.start_again().await;
        let administrator = server.administrator("postgres").await;
        administrator.batch_execute("CREATE DATABASE pulp").await.unwrap();
        let pulp = server.administrator("pulp").await;
        let roles = format!(
            "CREATE ROLE watcher LOGIN PASSWORD '{PASSWORD}'; GRANT pg_monitor TO watcher;
             CREATE ROLE nobody LOGIN PASSWORD '{PASSWORD}'; CREATE EXTENSION pg_stat_statements;"
        );
        pulp.batch_execute(&roles).await.unwrap();
        server
    }

    fn make(&self) {
        let data = self.data();
        let mut command = Command::new(self.binaries.join("initdb"));
        command.arg("--pgdata").arg(&data).args(["--username", ADMINISTRATOR, "--auth=trust", "--no-sync"]);
        command.args(["--encoding=UTF8", "--locale=C.UTF-8"]).current_dir("/");
        if let Some(user) = self.user {
            std::os::unix::process::CommandExt::uid(&mut command, user);
        }
        let made = command.output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        fs::write(data.join("pg_hba.conf"), ACCESS).unwrap();
        self.write("server.crt", CERTIFICATE);
        self.write("server.key", KEY);
    }

    fn write(&self, name: &str, content: &[u8]) {
        let file = self.data().join(name);
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        if self.user.is_some() {
            chown(&file, self.user, self.user).unwrap();
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Starts it, and waits until it answers.
    pub async fn start_again(&mut self) {
        let settings = [
            format!("port={}", self.port),
            format!("listen_addresses={}", self.address),
            "unix_socket_directories=".to_owned(),
            "shared_preload_libraries=pg_stat_statements".to_owned(),
            "max_connections=30".to_owned(),
            "shared_buffers=16MB".to_owned(),
            "fsync=off".to_owned(),
            // Before PostgreSQL 14 it is not the default.
            "password_encryption=scram-sha-256".to_owned(),
            "ssl=on".to_owned(),
        ];
        let mut arguments = vec!["-D".to_owned(), self.data().display().to_string()];
        arguments.extend(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
        let running = Running { user: self.user, ending: Ending::Interrupted };
        let program = self.binaries.join("postgres");
        self.server = Some(Daemon::start("postgres", &self.folder, running, &program, &arguments).unwrap());
        let url = self.url(ADMINISTRATOR, "", "postgres", "sslmode=disable");
        until("PostgreSQL answers", SOON, async || tokio_postgres::connect(&url, NoTls).await.ok().map(drop))
            .await;
    }

    /// Stops it, as at a shutdown of its machine.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        daemon::log(&self.folder).unwrap()
    }

    /// A connection string.
    pub fn url(&self, role: &str, password: &str, database: &str, parameters: &str) -> String {
        format!("postgresql://{role}:{password}@{}:{}/{database}?{parameters}", self.address, self.port)
    }

    /// A connection of the administrator.
    pub async fn administrator(&self, database: &str) -> Client {
        self.connect(ADMINISTRATOR, database).await
    }

    /// An unencrypted connection of a role.
    pub async fn connect(&self, role: &str, database: &str) -> Client {
        let url = self.url(role, PASSWORD, database, "sslmode=disable");
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.server = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where the binaries are of the version that is wanted, if it is not the newest that is installed.
const BINARIES: &str = "THROUGHPUT_POSTGRES_BINARIES";

/// The version that is wanted, or the newest that is installed.
fn binaries() -> PathBuf {
    if let Some(wanted) = std::env::var_os(BINARIES) {
        return wanted.into();
    }
    let versions = fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten();
    let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders
        .filter(|folder| folder.join("initdb").exists())
        .max_by_key(|folder| version(folder))
        .unwrap_or_else(|| panic!("PostgreSQL is not installed: `tests/servers/install` installs it"))
}

fn version(binaries: &Path) -> u32 {
    let name = binaries.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    name.and_then(|name| name.parse().ok()).unwrap_or_default()
}

/// PostgreSQL does not run as root: its package's own user does.
fn user() -> Option<u32> {
    let own =
        fs::metadata("/proc/self").map(|process| std::os::unix::fs::MetadataExt::uid(&process)).unwrap();
    if own != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find_map(|line| line.strip_prefix("postgres:"));
    line.and_then(|line| line.split(':').nth(1)?.parse().ok())
}
