use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const SOON: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_mins(1);

/// A server that answers everybody with a head and then with this, again and again until nobody listens, or once.
async fn server(head: &'static str, part: Vec<u8>, endless: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, head, part.clone(), endless));
        }
    });
    format!("http://{address}/")
}

async fn answer(mut stream: TcpStream, head: &str, part: Vec<u8>, endless: bool) {
    let mut question = [0; 1024];
    let _ = stream.read(&mut question).await;
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{head}\r\n");
    if stream.write_all(head.as_bytes()).await.is_err() {
        return;
    }
    while stream.write_all(&part).await.is_ok() && endless {}
}

async fn asked(url: &str) -> Response {
    reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap()
}

async fn read_all(url: &str, most: usize, budget: &Budget) -> Result<(Vec<u8>, Option<Share>), Unread> {
    read(&mut asked(url).await, Extent::Whole(most), Some(budget), Instant::now() + LONG).await
}

#[tokio::test]
async fn an_endless_answer_is_read_up_to_its_bound_and_gives_everything_back() {
    let url = server("", vec![b'x'; 64 << 10], true).await;
    let budget = Budget::new(1 << 20);
    assert!(matches!(read_all(&url, 100_000, &budget).await, Err(Unread::TooLong(100_000))));
    assert_eq!(budget.free_bytes(), 1 << 20);
    let beginning =
        read(&mut asked(&url).await, Extent::Beginning(1_000), Some(&budget), Instant::now() + LONG).await;
    let (body, share) = beginning.unwrap();
    assert_eq!((body.len(), budget.free_bytes()), (1_000, (1 << 20) - 2_000));
    drop(share);
    assert_eq!(budget.free_bytes(), 1 << 20);
}

#[tokio::test]
async fn an_answer_that_announces_too_much_is_not_read_at_all() {
    let url = server("content-length: 4000000000\r\n", Vec::new(), false).await;
    let budget = Budget::new(1 << 20);
    // Nothing of it ever comes.
    assert!(matches!(read_all(&url, 100_000, &budget).await, Err(Unread::TooLong(100_000))));
}

#[tokio::test]
async fn an_answer_keeps_what_it_takes_as_long_as_its_share_is_held() {
    let url = server("content-length: 5\r\n", b"hello".to_vec(), false).await;
    let budget = Budget::new(1 << 20);
    let (body, share) = read_all(&url, 400_000, &budget).await.unwrap();
    assert_eq!((body.as_slice(), budget.free_bytes()), (&b"hello"[..], (1 << 20) - 10));
    drop(share);
    assert_eq!(budget.free_bytes(), 1 << 20);
}

#[tokio::test]
async fn what_all_answers_may_take_together_is_taken_before_anything_is_read() {
    let url = server("", vec![b'x'; 1_000], false).await;
    let budget = Budget::new(100_000);
    let held = budget.take(60_000, Instant::now() + LONG).await.unwrap();
    let read =
        read(&mut asked(&url).await, Extent::Whole(30_000), Some(&budget), Instant::now() + SOON).await;
    let Err(Unread::NoRoom(no_room)) = read else { panic!("{read:?}") };
    assert_eq!(no_room.bytes, 60_000);
    let waiting = tokio::spawn({
        let (budget, url) = (budget.clone(), url.clone());
        async move { read_all(&url, 30_000, &budget).await.map(|(body, _)| body.len()) }
    });
    drop(held);
    assert_eq!(waiting.await.unwrap().unwrap(), 1_000);
    assert_eq!(budget.free_bytes(), 100_000);
}

#[tokio::test]
async fn more_than_there_is_can_be_had_alone() {
    let budget = Budget::new(1_000);
    let whole = budget.take(usize::MAX, Instant::now() + LONG).await.unwrap();
    assert_eq!(budget.free_bytes(), 0);
    assert!(budget.take(1, Instant::now() + SOON).await.is_err());
    drop(whole);
    assert_eq!(budget.free_bytes(), 1_000);
}
