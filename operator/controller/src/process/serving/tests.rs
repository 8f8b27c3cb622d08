use std::net::Ipv4Addr;

use axum::routing::get;
use throughput_test_support::flood::Flood;
use throughput_test_support::wait::{SOON, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::*;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";
/// Longer than any test.
const LONG: Duration = Duration::from_mins(10);
const WIDE: Bounds = Bounds { connections: 9, head: LONG, answer: LONG, write: LONG, lifetime: LONG };
/// More than the system and both ends' buffers take in.
const LARGE: usize = 8 * 1024 * 1024;

/// A server, what stops it, and its end.
type Server = (SocketAddr, CancellationToken, JoinHandle<()>);

fn served(bounds: Bounds) -> Server {
    let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/large", get(|| async { "x".repeat(LARGE) }))
        .route("/never", get(std::future::pending::<()>));
    (address, stop.clone(), tokio::spawn(serve(listener, router, bounds, stop)))
}

/// Connects from an address of this machine.
async fn connected(from: [u8; 4], to: SocketAddr) -> TcpStream {
    connects(from, to).await.unwrap()
}

async fn connects(from: [u8; 4], to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(to).await
}

async fn answer(stream: &mut TcpStream, request: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"here") {
        if stream.read_buf(&mut answer).await? == 0 {
            break;
        }
    }
    Ok(answer)
}

async fn answered(stream: &mut TcpStream) {
    let answer = answer(stream, REQUEST).await.unwrap();
    assert!(answer.ends_with(b"here"), "{answer:?}");
}

#[tokio::test]
async fn who_says_nothing_is_hung_up_on() {
    let (address, _stop, _server) = served(Bounds { head: Duration::from_millis(50), ..WIDE });
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
async fn one_peer_with_many_connections_keeps_no_other_from_an_answer() {
    for bounds in [Bounds::PROBES, Bounds::METRICS, Bounds { connections: 64, ..Bounds::COLLECTOR }] {
        let (address, _stop, _server) = served(bounds);
        let _flood = Flood::start(address, 4 * bounds.connections).await;
        // Before what the crowd has opened is closed for saying nothing, which is as long as the kubelet waits.
        let answers = async {
            for _ in 0..10 {
                answered(&mut connected([127, 0, 0, 8], address).await).await;
            }
        };
        timeout(bounds.head, answers).await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_is_kept_is_not_displaced_by_one_peer_with_many() {
    let (address, _stop, _server) = served(Bounds::PROBES);
    let mut kept = connected([127, 0, 0, 8], address).await;
    answered(&mut kept).await;
    let _flood = Flood::start(address, 4 * Bounds::PROBES.connections).await;
    answered(&mut kept).await;
}

#[tokio::test]
async fn behind_the_address_of_a_peer_with_many_connections_others_are_answered_when_they_come_again() {
    let (address, _stop, _server) = served(Bounds { connections: 64, ..Bounds::COLLECTOR });
    let flood = Flood::start(address, 256).await;
    for _ in 0..8 {
        until("who comes again is answered", SOON, async || {
            // It may be hung up on before it knows that it is connected.
            let mut stream = connects(flood.from(), address).await.ok()?;
            answer(&mut stream, REQUEST).await.ok().filter(|answer| answer.ends_with(b"here"))
        })
        .await;
    }
}

#[tokio::test]
async fn who_reads_nothing_of_an_answer_is_hung_up_on() {
    let (address, stop, server) = served(Bounds { write: Duration::from_millis(50), ..WIDE });
    let mut deaf = TcpStream::connect(address).await.unwrap();
    deaf.write_all(b"GET /large HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
    // It has begun to answer, and so finishes that, or gives it up, before it ends.
    deaf.readable().await.unwrap();
    stop.cancel();
    server.await.unwrap();
    let mut read = Vec::new();
    let _ = deaf.read_to_end(&mut read).await;
    assert!(read.len() < LARGE, "all of the answer was taken");
}

#[tokio::test]
async fn a_connection_ends_when_its_time_is_over_however_often_it_is_used() {
    let (address, _stop, _server) = served(Bounds { lifetime: Duration::from_millis(50), ..WIDE });
    let mut stream = TcpStream::connect(address).await.unwrap();
    while answer(&mut stream, REQUEST).await.is_ok_and(|answer| answer.ends_with(b"here")) {}
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or_default(), 0);
}

#[tokio::test]
async fn what_is_not_answered_in_time_is_refused() {
    let (address, _stop, _server) = served(Bounds { answer: Duration::from_millis(50), ..WIDE });
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /never HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let (address, _stop, _server) = served(WIDE);
    let long = "x".repeat(2 * LARGEST_HEAD_BYTES);
    let many = "x: y\r\n".repeat(MOST_HEADERS + 1);
    for headers in [format!("x: {long}\r\n"), many] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // It may hang up while this is still being written.
        let _ = stream.write_all(format!("GET / HTTP/1.1\r\n{headers}\r\n").as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn a_server_that_is_stopped_closes_what_is_idle_and_ends() {
    let (address, stop, server) = served(WIDE);
    let mut idle = TcpStream::connect(address).await.unwrap();
    answered(&mut idle).await;
    stop.cancel();
    server.await.unwrap();
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0);
    TcpStream::connect(address).await.unwrap_err();
}
