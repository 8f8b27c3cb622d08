//! Serving HTTP within bounds: how many connections there are at once, and how long one may say nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How long to wait when the system has no room for a further connection.
const NO_ROOM: Duration = Duration::from_secs(1);

/// What the connections of a listener may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many there are at once; further ones wait in the system's queue until one has ended.
    pub connections: usize,
    /// How long one may take to send the head of its next request.
    pub head: Duration,
}

impl Default for Bounds {
    /// Room for the generators of several tests at once, each with a spare connection: one has at most 64.
    fn default() -> Self {
        Self { connections: 1_024, head: Duration::from_secs(30) }
    }
}

/// Serves until `stop` is cancelled, then finishes what is under way.
pub async fn serve(listener: TcpListener, router: Router, bounds: Bounds, stop: CancellationToken) {
    let (places, connections) = (Arc::new(Semaphore::new(bounds.connections)), GracefulShutdown::new());
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head);
    while let Some((stream, place)) = stop.run_until_cancelled(next(&listener, &places)).await.flatten() {
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// The next connection, once there is a place for it.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Some((stream, place)),
            // Mostly too many open files, which passes when connections end.
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                tokio::time::sleep(NO_ROOM).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinHandle;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";
    /// Longer than any test.
    const LONG: Duration = Duration::from_mins(10);

    async fn served(bounds: Bounds) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let router = Router::new().route("/", get(|| async { "here" }));
        (address, stop.clone(), tokio::spawn(serve(listener, router, bounds, stop)))
    }

    async fn answered(stream: &mut TcpStream) {
        stream.write_all(REQUEST).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"here") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "{answer:?}");
        }
    }

    #[tokio::test]
    async fn who_says_nothing_is_hung_up_on() {
        let (address, _stop, _server) =
            served(Bounds { head: Duration::from_millis(50), connections: 9 }).await;
        let silent = TcpStream::connect(address).await.unwrap();
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(&REQUEST[..9]).await.unwrap();
        let mut idle = TcpStream::connect(address).await.unwrap();
        answered(&mut idle).await;
        for mut stream in [silent, slow, idle] {
            // To its end: the connection is closed.
            stream.read_to_end(&mut Vec::new()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_connection_beyond_the_limit_has_its_turn_when_another_has_ended() {
        let (address, _stop, _server) = served(Bounds { head: LONG, connections: 1 }).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        answered(&mut first).await;
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(REQUEST).await.unwrap();
        // The only place is taken, and stays so however often its holder asks.
        answered(&mut first).await;
        let none = second.try_read(&mut [0; 1]).unwrap_err();
        assert_eq!(none.kind(), std::io::ErrorKind::WouldBlock);
        drop(first);
        assert!(second.read(&mut [0; 64]).await.unwrap() > 0);
    }

    #[tokio::test]
    async fn a_server_that_is_stopped_closes_what_is_idle_and_ends() {
        let (address, stop, server) = served(Bounds { head: LONG, connections: 9 }).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        answered(&mut idle).await;
        stop.cancel();
        server.await.unwrap();
        assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0);
        TcpStream::connect(address).await.unwrap_err();
    }
}
