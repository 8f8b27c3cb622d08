//! A program that does not outlive the tests, whatever ends them.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Runs "$@", and stops it when the standard input closes, which it does when the tests end in whatever way.
const KEEPER: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{ read -r _ <&3; kill -INT "$program"; sleep 5; kill -KILL "$program"; } 2>/dev/null &
stopper=$!
wait "$program"
kill "$stopper" 2>/dev/null
"#;

/// A program at work. It is stopped when this is dropped.
pub(crate) struct Kept {
    keeper: Child,
}

/// As whom a program runs: a number of a user, or whoever runs the tests.
pub(crate) type User = Option<u32>;

impl Kept {
    /// Starts it; what it says goes into `log`.
    pub(crate) fn start(program: &Path, arguments: &[String], user: User, log: &Path) -> Self {
        let (out, err) = (File::create(log).unwrap(), File::options().append(true).open(log).unwrap());
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(program).args(arguments);
        command.stdin(Stdio::piped()).stdout(out).stderr(err).process_group(0);
        command.current_dir("/");
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        Self { keeper: command.spawn().unwrap() }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// A new folder.
pub(crate) fn folder(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("throughput-server-tests-{}-{name}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A port that nobody listens at.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
