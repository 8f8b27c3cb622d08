//! Runs py-spy to its end, and writes down what came of it.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::Parser;
use throughput_model::profiler::{Ending, Obstacle, ProfilerLine};

use crate::identity::parties;
use crate::raw::{Bounded, Raw, bound, parse};

/// How long py-spy may take besides the time for which it samples.
const GRACE: Duration = Duration::from_secs(30);
/// The most that is kept of py-spy's output, and of what it complains about.
const MOST_OUTPUT: u64 = 64 << 20;
const MOST_COMPLAINTS: u64 = 64 << 10;
/// The most that is passed on of what it says.
const MOST_SAID: usize = 8;
const LONGEST_SAID: usize = 300;

/// Profiles the processes of the container that this one was put beside.
#[derive(Clone, Debug, Parser)]
#[command(name = "throughput-profiler", version, about)]
pub struct Flags {
    /// For how many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub duration: u64,
    /// How many samples are taken each second.
    #[arg(long, value_name = "NUMBER")]
    pub rate: u32,
    /// The most bytes of stacks that are written; of more, the rarest are left out.
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 10)]
    pub limit: usize,
    /// Whether processes are paused for each sample: exact, and it costs them time.
    #[arg(long)]
    pub blocking: bool,
    /// The first process.
    #[arg(long, value_name = "PROCESS", default_value_t = 1)]
    pub pid: u32,
    /// py-spy.
    #[arg(long, value_name = "PATH", default_value = "/usr/local/bin/py-spy")]
    pub py_spy: PathBuf,
}

/// Profiles, and writes the lines that the operator reads.
pub fn run(flags: &Flags, out: &mut impl Write) -> std::io::Result<()> {
    let parties = parties()?;
    let is_closed = matches!(parties.obstacle(), Some(Obstacle::OtherUser(_)));
    write_line(out, &ProfilerLine::Began(parties))?;
    out.flush()?;
    if is_closed {
        return write_line(out, &ProfilerLine::Ended(Ending::default()));
    }
    let mut child = start(flags)?;
    let output = read_in_background(child.stdout.take(), MOST_OUTPUT);
    let complaints = read_in_background(child.stderr.take(), MOST_COMPLAINTS);
    let status = wait(&mut child, Duration::from_secs(flags.duration) + GRACE)?;
    let raw = parse(&joined(output));
    let (bounded, ending) = conclude(raw, &joined(complaints), status, flags.limit);
    for stack in bounded.stacks {
        write_line(out, &ProfilerLine::Stack(stack))?;
    }
    write_line(out, &ProfilerLine::Ended(ending))?;
    out.flush()
}

fn start(flags: &Flags) -> std::io::Result<Child> {
    let mut command = Command::new(&flags.py_spy);
    command
        .args(["record", "--subprocesses", "--format", "raw", "--output", "/dev/stdout"])
        .args(["--pid", &flags.pid.to_string()])
        .args(["--duration", &flags.duration.to_string()])
        .args(["--rate", &flags.rate.to_string()])
        // Only with its warnings does it say why it found no process: that it was not let.
        .env("RUST_LOG", "warn")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if !flags.blocking {
        command.arg("--nonblocking");
    }
    command.spawn()
}

/// Reads to the end, so that the writer never waits, and keeps the beginning.
fn read_in_background(pipe: Option<impl Read + Send + 'static>, most: u64) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut pipe) = pipe {
            // What cannot be read is missing; the end of the output then says so.
            let _ = pipe.by_ref().take(most).read_to_end(&mut kept);
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        }
        kept
    })
}

fn joined(reader: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
}

fn wait(child: &mut Child, deadline: Duration) -> std::io::Result<ExitStatus> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if begun.elapsed() > deadline {
            child.kill()?;
            return child.wait();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn conclude(raw: Raw, complaints: &str, status: ExitStatus, limit: usize) -> (Bounded, Ending) {
    let Raw { stacks, errors, samples, remarks } = raw;
    let counted = stacks.iter().map(|stack| stack.samples).sum();
    let bounded = bound(stacks, limit);
    let ending = Ending {
        exit_code: status.code(),
        samples: samples.unwrap_or(counted),
        errors,
        left_out_stacks: bounded.left_out_stacks,
        left_out_samples: bounded.left_out_samples,
        said: said(&remarks, complaints, status.success()),
    };
    (bounded, ending)
}

/// What py-spy said beside its output, each thing once. Of one that succeeded its complaints are counted already.
fn said(remarks: &[String], complaints: &str, succeeded: bool) -> Vec<String> {
    let complaints = complaints.lines().filter(|_| !succeeded).map(without_head);
    let mut said: Vec<String> = Vec::new();
    for text in complaints.chain(remarks.iter().map(String::as_str)) {
        let text: String = text.trim().chars().filter(|one| !one.is_control()).take(LONGEST_SAID).collect();
        if !text.is_empty() && !said.contains(&text) && said.len() < MOST_SAID {
            said.push(text);
        }
    }
    said
}

/// A line without the time and the module that its log puts in front: `[2026-01-01T00:00:00Z WARN  py_spy::sampler] …`.
fn without_head(line: &str) -> &str {
    let without = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    without.map_or(line, |(_, message)| message)
}

fn write_line(out: &mut impl Write, line: &ProfilerLine) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(program: &str) -> Flags {
        Flags::parse_from(["profiler", "--duration=1", "--rate=10", &format!("--py-spy={program}")])
    }

    /// The lines that are written when this stands in for py-spy.
    fn lines(program: &str) -> Vec<ProfilerLine> {
        let mut out = Vec::new();
        run(&flags(program), &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn also_a_program_that_says_nothing_has_an_ending() {
        let lines = lines("/bin/true");
        assert!(matches!(lines[0], ProfilerLine::Began(_)));
        let ending = Ending { exit_code: Some(0), ..Ending::default() };
        assert_eq!(lines[1..], [ProfilerLine::Ended(ending)]);
    }

    #[test]
    fn complaints_are_passed_on_once_and_without_their_head() {
        let complaints = "[2026-11-22T09:00:00Z WARN  py_spy::sampler] Failed to profile python from process 1: Permission denied\n[2026-11-22T09:00:01Z WARN  py_spy::sampler] Failed to profile python from process 1: Permission denied\nError: No python processes found\n";
        assert_eq!(
            said(&["late".to_owned()], complaints, false),
            [
                "Failed to profile python from process 1: Permission denied",
                "Error: No python processes found",
                "late"
            ]
        );
        assert_eq!(said(&[], complaints, true), [] as [String; 0]);
    }
}
