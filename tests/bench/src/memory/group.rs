//! A control group that limits the memory of one program.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What the chart gives the operator, in bytes.
pub const LIMIT_BYTES: u64 = 256 << 20;

/// Where the hierarchy of version 2 is, and that of memory of version 1.
const UNIFIED: &str = "/sys/fs/cgroup";
const OF_MEMORY: &str = "/sys/fs/cgroup/memory";

/// A control group without swap, which is removed when this is dropped.
#[derive(Debug)]
pub struct Group {
    folder: PathBuf,
    version: Version,
}

#[derive(Clone, Copy, Debug)]
enum Version {
    One,
    Two,
}

impl Group {
    /// A new one of this name, with [`LIMIT_BYTES`]. It takes root and a writable hierarchy.
    ///
    /// # Errors
    /// This machine lets nobody, or not this user, limit memory.
    pub fn new(name: &str) -> io::Result<Self> {
        let controllers =
            fs::read_to_string(Path::new(UNIFIED).join("cgroup.controllers")).unwrap_or_default();
        let is_two = controllers.split_whitespace().any(|controller| controller == "memory");
        let (parent, version) = if is_two { (UNIFIED, Version::Two) } else { (OF_MEMORY, Version::One) };
        if is_two {
            fs::write(Path::new(UNIFIED).join("cgroup.subtree_control"), "+memory")?;
        } else if !Path::new(OF_MEMORY).join("memory.limit_in_bytes").exists() {
            return Err(io::Error::other("there is no control group of memory"));
        }
        let group = Self { folder: Path::new(parent).join(name), version };
        fs::create_dir(&group.folder)?;
        let limit = LIMIT_BYTES.to_string();
        match version {
            Version::Two => {
                group.set("memory.max", &limit)?;
                // Not there where the kernel has no swap.
                let _ = group.set("memory.swap.max", "0");
            }
            Version::One => {
                group.set("memory.limit_in_bytes", &limit)?;
                let _ = group.set("memory.memsw.limit_in_bytes", &limit);
            }
        }
        Ok(group)
    }

    /// Whoever writes a process's id into this file puts that process into the group.
    pub fn processes(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// The most that counted against the limit so far, what the kernel keeps of files included, in bytes.
    pub fn peak_bytes(&self) -> u64 {
        let file = match self.version {
            Version::Two => "memory.peak",
            Version::One => "memory.max_usage_in_bytes",
        };
        self.read(file).trim().parse().unwrap_or_default()
    }

    /// How often a process was ended for want of memory so far.
    pub fn out_of_memory(&self) -> u64 {
        let file = match self.version {
            Version::Two => "memory.events",
            Version::One => "memory.oom_control",
        };
        let text = self.read(file);
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
        count.unwrap_or_default()
    }

    fn set(&self, file: &str, text: &str) -> io::Result<()> {
        fs::write(self.folder.join(file), text)
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap_or_default()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It stays while there is a process in it; whoever was killed may take a moment to go.
        for _ in 0..50 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
