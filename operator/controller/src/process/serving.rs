//! Serving HTTP within bounds: how many connections there are at once, whose they are, and how long each step may take.
//!
//! Each door of the operator has places of its own, so that a crowd at one of them is none at the others.

mod places;
mod write_deadline;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use places::{Place, Places};
use write_deadline::WriteDeadline;

/// How long to wait when the system has no room for a further connection.
const NO_ROOM: Duration = Duration::from_secs(1);
/// How many connections the system holds until they are accepted, which is at once.
const BACKLOG: u32 = 1_024;
/// The size of a connection's buffers in the system, in bytes, which counts as the operator's own memory. Without it the
/// system lets them grow to some megabytes.
const SOCKET_BUFFER_BYTES: u32 = 64 * 1024;
/// The longest head of a request, in bytes: a path of names, a token and a few headers.
const LARGEST_HEAD_BYTES: usize = 16 * 1024;
/// How many headers a request may have.
const MOST_HEADERS: usize = 64;

/// What the connections of a door may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many there are at once. When all are taken, peers that have many give way to peers that have few.
    pub connections: usize,
    /// How long one may take to send the head of its next request, and so how long it may say nothing.
    pub head: Duration,
    /// How long an answer may take, with the body of the request that may still be coming.
    pub answer: Duration,
    /// How long an answer may wait for a reader that reads nothing of it.
    pub write: Duration,
    /// How long one lives: then what is under way is finished, and it is closed.
    pub lifetime: Duration,
}

impl Bounds {
    /// The kubelet opens a connection for each probe, has at most three probes, and waits for five seconds.
    pub const PROBES: Self = Self {
        connections: 32,
        head: Duration::from_secs(5),
        answer: Duration::from_secs(5),
        write: Duration::from_secs(5),
        lifetime: Duration::from_secs(10),
    };
    /// A few scrapers, each with a connection that it keeps.
    pub const METRICS: Self = Self {
        connections: 64,
        head: Duration::from_secs(30),
        answer: Duration::from_secs(10),
        write: Duration::from_secs(10),
        lifetime: Duration::from_mins(5),
    };
    /// The generators of eight tests at once, of which one has at most 64, or fewer with a connection to spare. With the
    /// other doors these are 608: below the 1,024 open files that a process may have where nobody says otherwise.
    pub const COLLECTOR: Self = Self {
        connections: 512,
        head: Duration::from_secs(30),
        answer: Duration::from_mins(1),
        write: Duration::from_secs(10),
        lifetime: Duration::from_mins(10),
    };
}

/// Listens on an address.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    // Connections have those of their listener.
    socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` is cancelled, then finishes what is under way.
pub async fn serve(listener: TcpListener, router: Router, bounds: Bounds, stop: CancellationToken) {
    let (places, mut connections) = (Places::new(bounds.connections), JoinSet::new());
    while let Some((stream, peer)) = stop.run_until_cancelled(next(&listener)).await {
        while connections.try_join_next().is_some() {}
        if let Some(place) = places.take(peer.ip(), Instant::now()) {
            connections.spawn(attend(stream, place, router.clone(), bounds, stop.clone()));
        } else {
            refuse(&stream, peer);
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// The next connection.
async fn next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // Mostly too many open files, which passes when connections end.
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                sleep(NO_ROOM).await;
            }
        }
    }
}

/// Hangs up on a connection at once, and leaves nothing of it in the system.
fn refuse(stream: &TcpStream, peer: SocketAddr) {
    tracing::debug!(%peer, "no place for a connection");
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "a connection that is refused lingers");
    }
}

/// Answers the requests of a connection until its end, until its time is over, or until another one has its place.
async fn attend(stream: TcpStream, place: Place, router: Router, bounds: Bounds, stop: CancellationToken) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (under_way, answer) = (place.under_way(), router.call(request));
        async move {
            let answer = timeout(bounds.answer, answer).await;
            drop(under_way);
            Ok::<_, Infallible>(match answer {
                Ok(Ok(answer)) => answer,
                Ok(Err(never)) => match never {},
                Err(_) => {
                    (StatusCode::SERVICE_UNAVAILABLE, "not answered in time: come again").into_response()
                }
            })
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(bounds.head)
        .max_buf_size(LARGEST_HEAD_BYTES)
        .max_headers(MOST_HEADERS);
    let stream = TokioIo::new(WriteDeadline::new(stream, bounds.write));
    let mut connection = pin!(http.serve_connection(stream, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = place.displaced() => return tracing::debug!("a connection gave way to another"),
        () = over(bounds.lifetime, &stop) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = place.displaced() => return tracing::debug!("a connection gave way to another"),
                () = sleep(bounds.answer) => return tracing::debug!("a connection did not end in time"),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Waits until a connection is to come to its end.
async fn over(lifetime: Duration, stop: &CancellationToken) {
    let _: Option<()> = stop.run_until_cancelled(sleep(lifetime)).await;
}

#[cfg(test)]
mod tests;
