//! A program in the background that does not outlive the tests.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Runs "$@", and kills it when the standard input closes, which it does when the test process ends in
/// whatever way. Then the folder goes. A program that ends by itself leaves a word, and its log for the while.
const KEEPER: &str = r#"
folder=$1
shift
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
echo "$program" >"$folder/pid"
{ read -r _ <&3; kill -KILL "$program"; } 2>/dev/null &
reader=$!
wait "$program"
kill "$reader" 2>/dev/null
: >"$folder/ended"
read -r _ <&3
rm -rf "$folder"
"#;
/// How much of a log is quoted when something goes wrong.
const TAIL_BYTES: u64 = 4_000;
/// The log's name.
const LOG: &str = "log";

/// A program in the background, with all its files in a folder of its own.
pub(crate) struct Daemon {
    name: &'static str,
    keeper: Child,
    folder: PathBuf,
}

impl Daemon {
    /// Starts a program. `folder` must exist; it is removed when the tests end.
    pub(crate) fn start(
        name: &'static str,
        folder: &Path,
        program: &Path,
        arguments: &[String],
    ) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("cannot start {name}: {error}");
        let (out, err) =
            File::create(folder.join(LOG)).and_then(|file| Ok((file.try_clone()?, file))).map_err(failed)?;
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, name])
            .arg(folder)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            // What is typed at the tests, such as Ctrl-C, is for them alone: the keeper has to see them end.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        Ok(Self { name, keeper, folder: folder.to_owned() })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it has ended, which it should not do by itself.
    pub(crate) fn has_ended(&self) -> bool {
        self.folder.join("ended").exists()
    }

    /// The program's process, once it is there.
    pub(crate) fn pid(&self) -> Option<u32> {
        std::fs::read_to_string(self.folder.join("pid")).ok()?.trim().parse().ok()
    }

    /// The end of its log, in a sentence.
    pub(crate) fn last_words(&self) -> String {
        let name = self.name;
        match tail(&self.folder.join(LOG)) {
            Ok(tail) => format!("the end of {name}'s log:\n{tail}"),
            Err(error) => format!("{name}'s log cannot be read: {error}"),
        }
    }
}

impl Drop for Daemon {
    /// Ends the program, for a start that failed. At the end of the process nothing is dropped: the keeper
    /// sees its standard input close.
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn tail(log: &Path) -> std::io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
