//! A program in the background that does not outlive the tests, whatever ends them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Runs "$@", and ends it with a signal when the standard input closes, which it does when the test process ends in
/// whatever way. A program that ends by itself leaves a word, and its log for the while.
const KEEPER: &str = r#"
folder=$1 signal=$2
shift 2
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
echo "$program" >"$folder/pid"
{
  read -r _ <&3
  kill "-$signal" "$program"
  [ "$signal" = KILL ] || { sleep 5; kill -KILL "$program"; }
} 2>/dev/null &
ender=$!
wait "$program"
kill "$ender" 2>/dev/null
: >"$folder/ended"
read -r _ <&3
[ "$signal" != KILL ] || rm -rf "$folder"
"#;
/// How much of a log is quoted when something goes wrong.
const TAIL_BYTES: u64 = 4_000;
/// The log's name.
const LOG: &str = "log";

/// How a program is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// At once, and its folder goes with it.
    Killed,
    /// As by Ctrl-C, for which it has five seconds. Its folder stays: it may be started in it again.
    Interrupted,
}

/// How a program is run.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    /// As whom: the number of a user; whoever runs the tests, if there is none.
    pub user: Option<u32>,
    /// How it is ended.
    pub ending: Ending,
}

/// A program in the background, with its files in a folder of its own. It is ended when this is dropped.
pub struct Daemon {
    name: &'static str,
    keeper: Child,
    folder: PathBuf,
}

impl Daemon {
    /// Starts a program. The folder must exist, and be the user's.
    pub fn start(
        name: &'static str,
        folder: &Path,
        running: Running,
        program: &Path,
        arguments: &[String],
    ) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("cannot start {name}: {error}");
        let (out, err) =
            File::create(folder.join(LOG)).and_then(|file| Ok((file.try_clone()?, file))).map_err(failed)?;
        let signal = match running.ending {
            Ending::Killed => "KILL",
            Ending::Interrupted => "INT",
        };
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, name]).arg(folder).arg(signal).arg(program).args(arguments);
        command.stdin(Stdio::piped()).stdout(out).stderr(err);
        // What is typed at the tests, such as Ctrl-C, is for them alone: the keeper has to see them end.
        command.process_group(0);
        if let Some(user) = running.user {
            // Who it is may not look into the folder that the tests run in.
            command.uid(user).gid(user).current_dir("/");
        }
        Ok(Self { name, keeper: command.spawn().map_err(failed)?, folder: folder.to_owned() })
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it has ended, which it should not do by itself.
    pub fn has_ended(&self) -> bool {
        self.folder.join("ended").exists()
    }

    /// The id of the program's process, once it is there.
    pub fn pid(&self) -> Option<u32> {
        std::fs::read_to_string(self.folder.join("pid")).ok()?.trim().parse().ok()
    }

    /// The end of its log, in a sentence.
    pub fn last_words(&self) -> String {
        let name = self.name;
        match tail(&self.folder.join(LOG)) {
            Ok(tail) => format!("the end of {name}'s log:\n{tail}"),
            Err(error) => format!("{name}'s log cannot be read: {error}"),
        }
    }
}

impl Drop for Daemon {
    /// Where nothing is dropped, as at the end of the test process, the keeper sees its standard input close.
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// All that a program in this folder has written since it was started last.
pub fn log(folder: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(folder.join(LOG))
}

fn tail(log: &Path) -> std::io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A new folder for the files of a program.
pub fn folder(name: &str) -> Result<PathBuf, String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("throughput-tests-{}-{name}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    Ok(folder)
}

/// Different ports of the loopback that were free a moment ago.
pub fn free_ports<const COUNT: usize>() -> std::io::Result<[u16; COUNT]> {
    let mut ports = [0; COUNT];
    let mut held = Vec::with_capacity(COUNT);
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::{SOON, eventually, until};

    fn shell(folder: &Path, ending: Ending, script: &str) -> Daemon {
        // A shell has its background programs ignore Ctrl-C, which only those heed then that ask for it, as servers do.
        let arguments = ["--default-signal=INT", "sh", "-c", script].map(str::to_owned);
        let running = Running { user: None, ending };
        Daemon::start("a shell", folder, running, Path::new("env"), &arguments).unwrap()
    }

    #[tokio::test]
    async fn a_program_that_is_killed_takes_its_folder_with_it() {
        let folder = folder("killed").unwrap();
        let daemon = shell(&folder, Ending::Killed, "echo here; while :; do sleep 0.1; done");
        eventually("it says something", async || daemon.last_words(), |words| words.ends_with("here\n"))
            .await;
        let pid = until("its id is known", SOON, async || daemon.pid()).await;
        let process = PathBuf::from(format!("/proc/{pid}"));
        assert!(process.exists() && !daemon.has_ended());
        drop(daemon);
        assert!(!process.exists() && !folder.exists());
    }

    #[tokio::test]
    async fn a_program_that_is_interrupted_ends_as_it_likes_and_leaves_its_folder() {
        let folder = folder("interrupted").unwrap();
        let script = "trap 'echo bye; exit' INT; echo here; while :; do sleep 0.1; done";
        let daemon = shell(&folder, Ending::Interrupted, script);
        eventually("it says something", async || daemon.last_words(), |words| words.ends_with("here\n"))
            .await;
        drop(daemon);
        assert_eq!(log(&folder).unwrap(), "here\nbye\n");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn a_program_that_ends_by_itself_is_seen_with_its_last_words() {
        let folder = folder("ended").unwrap();
        let daemon = shell(&folder, Ending::Killed, "echo no; exit 1");
        eventually("it ends", async || daemon.has_ended(), |ended| *ended).await;
        assert_eq!(daemon.last_words(), "the end of a shell's log:\nno\n");
    }

    #[test]
    fn ports_differ() {
        let [one, other] = free_ports().unwrap();
        assert_ne!(one, other);
    }
}
