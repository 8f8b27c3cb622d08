//! The stand-in for AWS, as a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use serde::Deserialize;
use serde_json::{Value, json};

/// A stand-in at work. It ends when this is dropped, and also when the tests are killed, since it reads from them.
pub struct StandIn {
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    url: String,
}

/// What was asked of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Request {
    /// The access key id that it was signed with.
    pub key: String,
    /// The service, as the signature has it: `monitoring`.
    pub service: String,
    /// The region that the signature is for.
    pub region: String,
    /// `GetMetricData`.
    pub operation: String,
    /// As they came, whatever protocol they came by.
    pub parameters: Value,
    /// The session's token.
    pub token: Option<String>,
}

/// The one that tests share which do not harm it: they keep apart by their access key ids and instances.
pub fn shared() -> &'static StandIn {
    static SHARED: OnceLock<StandIn> = OnceLock::new();
    SHARED.get_or_init(StandIn::start)
}

impl StandIn {
    /// Starts one that listens on the loopback.
    pub fn start() -> Self {
        Self::start_at(IpAddr::from([127, 0, 0, 1]))
    }

    /// Starts one that listens on an address of this machine, and waits until it does. Installs it first, if `make aws`
    /// did not.
    pub fn start_at(address: IpAddr) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("stand-in");
        let mut child = Command::new(script)
            .args(["run", &address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the stand-in for AWS starts");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().expect("the stand-in for AWS tells its port");
        let pipes = Mutex::new((child.stdin.take().unwrap(), output));
        Self { child, pipes, url: format!("http://{address}:{port}") }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Has it answer so to an operation that is signed with this key; the last answer again and again.
    pub fn script(&self, key: &str, operation: &str, answers: &Value) {
        self.command(&json!({"key": key, "operation": operation, "answers": answers}));
    }

    /// What was asked with this key, in order.
    pub fn requests(&self, key: &str) -> Vec<Request> {
        let mut requests = self.all_requests();
        requests.retain(|request| request.key == key);
        requests
    }

    /// What was asked by anybody.
    pub fn all_requests(&self) -> Vec<Request> {
        serde_json::from_str(&self.command(&json!({}))).unwrap()
    }

    fn command(&self, command: &Value) -> String {
        let mut pipes = self.pipes.lock().unwrap();
        let (input, output) = &mut *pipes;
        writeln!(input, "{command}").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        line
    }

    /// Kills it in the middle of whatever it does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
