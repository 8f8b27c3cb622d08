//! A peer that wants all of a door's connections.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// The pause between two new connections: 60 a second.
const PAUSE: Duration = Duration::from_nanos(1_000_000_000 / 60);
/// An address of this machine that nothing else uses.
const FROM: [u8; 4] = [127, 0, 0, 66];

/// Holds as many connections to an address as it can, says nothing, and makes up for those that it loses, until it is
/// dropped. It comes from an address of its own.
#[derive(Debug)]
pub struct Flood {
    task: JoinHandle<()>,
}

impl Flood {
    /// Opens so many connections, and returns once it has tried all of them.
    pub async fn start(to: SocketAddr, connections: usize) -> Self {
        let mut held = Vec::new();
        for _ in 0..connections {
            held.extend(connect(to).await);
        }
        let task = tokio::spawn(async move {
            loop {
                held.retain(is_open);
                if held.len() < connections {
                    held.extend(connect(to).await);
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { task }
    }

    /// The address that it comes from.
    pub fn from(&self) -> [u8; 4] {
        FROM
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(to: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(SocketAddr::from((FROM, 0))).ok()?;
    // Where the system's queue is full nobody answers.
    tokio::time::timeout(PAUSE, socket.connect(to)).await.ok()?.ok()
}

fn is_open(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0; 1]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}
