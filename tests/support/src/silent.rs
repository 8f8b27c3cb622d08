//! A server that takes every connection and every request, and never answers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// It, until it is dropped.
pub struct Silent {
    url: String,
    waiting: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Silent {
    /// Listens on loopback.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let waiting = Arc::new(AtomicUsize::new(0));
        let counted = waiting.clone();
        let serving = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(hold(connection, counted.clone()));
            }
        });
        Ok(Self { url, waiting, serving })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many wait for an answer now.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Reads what comes until nothing does.
async fn hold(mut connection: TcpStream, waiting: Arc<AtomicUsize>) {
    let mut read = [0; 4096];
    waiting.fetch_add(1, Ordering::Relaxed);
    while connection.read(&mut read).await.is_ok_and(|bytes| bytes > 0) {}
    waiting.fetch_sub(1, Ordering::Relaxed);
}
