//! How fast the machine itself is while something is measured.
//!
//! A machine that is shared with others does the same work in more or less time from one minute to the next: by a tenth
//! and more, which is as much as is to be measured. So a small piece of work is done again and again, always the same,
//! and the processor time that it takes tells the speed, whoever else is running here.
//!
//! The work is what a Pulp worker's processor time goes to, which begins a process for each task: fresh pages of memory,
//! and messages to another socket. Of what was tried, these two follow its time per task best (correlations of 0.98 and
//! 0.99 over cells of a minute; 0.95 for sorting numbers).

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// Between two pieces of work, which take a millisecond or so.
const EVERY: Duration = Duration::from_millis(100);
/// So large a piece of memory comes from the kernel each time, and is given back to it.
const MEMORY_BYTES: usize = 64 << 20;
const PAGE_BYTES: usize = 4 << 10;
/// How many of its pages are used.
const PAGES: usize = 256;
/// How many messages are sent and received.
const MESSAGES: usize = 40;

/// Does pieces of work from now on, until it is dropped.
#[derive(Debug)]
pub struct Speedometer {
    samples: Arc<Mutex<Vec<(Timestamp, f64)>>>,
    _stop: Sender<()>,
}

impl Speedometer {
    /// Starts with the work, in a thread of its own. Where that cannot be done, there is nothing [between](Self::between).
    pub fn start() -> Self {
        let samples = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = mpsc::channel();
        let own = Arc::clone(&samples);
        thread::spawn(move || measure(&own, &stopped).expect("work that always succeeds"));
        Self { samples, _stop: stop }
    }

    /// Pieces of work per second of processor time between two instants; `None` if none was done.
    pub fn between(&self, start: Timestamp, end: Timestamp) -> Option<f64> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let within = samples.iter().filter(|(at, _)| (start..end).contains(at));
        let (count, seconds) =
            within.fold((0.0, 0.0), |(count, sum), (_, seconds)| (count + 1.0, sum + seconds));
        (count > 0.0).then(|| count / seconds)
    }
}

fn measure(samples: &Mutex<Vec<(Timestamp, f64)>>, stopped: &Receiver<()>) -> io::Result<()> {
    let mut sockets = sockets()?;
    while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let begun = processor_time();
        work(&mut sockets)?;
        let seconds = processor_time().saturating_sub(begun).as_secs_f64();
        samples.lock().unwrap_or_else(PoisonError::into_inner).push((Timestamp::now(), seconds));
    }
    Ok(())
}

/// Two that are connected.
fn sockets() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let one = TcpStream::connect(listener.local_addr()?)?;
    one.set_nodelay(true)?;
    Ok((one, listener.accept()?.0))
}

/// Of this thread.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().expect("a clock that began at zero")
}

fn work((one, other): &mut (TcpStream, TcpStream)) -> io::Result<()> {
    let mut memory = vec![0_u8; MEMORY_BYTES];
    memory.iter_mut().step_by(PAGE_BYTES).take(PAGES).for_each(|byte| *byte = 1);
    black_box(&memory);
    let mut message = [0];
    for _ in 0..MESSAGES {
        one.write_all(&message)?;
        other.read_exact(&mut message)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_between_two_instants_counts() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let samples = vec![(at(1), 9.0), (at(2), 0.001), (at(3), 0.003), (at(4), 9.0)];
        let (stop, _stopped) = mpsc::channel();
        let speedometer = Speedometer { samples: Arc::new(Mutex::new(samples)), _stop: stop };
        assert_eq!(speedometer.between(at(2), at(4)), Some(500.0));
        assert_eq!(speedometer.between(at(5), at(6)), None);
    }

    #[test]
    fn a_piece_of_work_takes_processor_time() {
        let mut sockets = sockets().unwrap();
        let begun = processor_time();
        work(&mut sockets).unwrap();
        assert!(processor_time() > begun);
    }
}
