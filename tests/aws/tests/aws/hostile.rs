//! An endpoint that is no AWS: whoever writes a test may name it.

use std::sync::Arc;

use throughput_aws_tests::{Keys, Setting, minutes_ago, settle};
use throughput_crds::CloudWatchLogs;
use throughput_sources::access::Access;
use throughput_sources::cloudwatch_logs::LogGroups;
use throughput_sources::recording::Recording;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How often a server sends its answer's body.
#[derive(Clone, Copy)]
enum Body {
    Once,
    /// Until nobody listens.
    Endless,
}

/// A server that answers everybody with this.
async fn server(part: Vec<u8>, body: Body) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let part: Arc<[u8]> = part.into();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, part.clone(), body));
        }
    });
    url
}

async fn answer(mut stream: TcpStream, part: Arc<[u8]>, body: Body) {
    let mut question = [0; 16 << 10];
    let _ = stream.read(&mut question).await;
    let mut written = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
    while written.is_ok() {
        written = stream.write_all(&part).await;
        if matches!(body, Body::Once) {
            return;
        }
    }
}

#[tokio::test]
async fn an_answer_without_end_is_read_up_to_its_bound_and_not_asked_for_again() {
    let part = "<DBInstance><DBInstanceIdentifier>a</DBInstanceIdentifier></DBInstance>".repeat(1_000);
    let url = server(part.into_bytes(), Body::Endless).await;
    let setting = Setting::new("endless", &url, Keys::OfSecret);
    let window = minutes_ago(10, 5);
    let mut recording = Recording::new("rds", window.start);
    let mut source = setting.source();
    source.begin(&mut recording).await.unwrap();
    settle(source.as_mut(), window, &mut recording).await;
    let reasons: Vec<&str> =
        recording.shortfalls().iter().map(|shortfall| shortfall.reason.as_str()).collect();
    assert_eq!(reasons, ["TooLarge"], "{:?}", recording.shortfalls());
}

#[tokio::test]
async fn what_others_answers_take_is_taken_from_the_same_budget() {
    let empty = format!(r#"{{"events": [{}]}}"#, " ".repeat(100_000));
    let url = server(empty.into_bytes(), Body::Once).await;
    let setting = Setting::new("crowded", &url, Keys::OfSecret);
    let access: Access = setting.access();
    let held = access.answers.take(usize::MAX, tokio::time::Instant::now()).await.unwrap();
    let groups = [CloudWatchLogs { log_group: "/crowded".to_owned(), insights: false }];
    let mut groups = LogGroups::new(&groups, &[], &setting.aws, &access);
    let proceeded = groups.proceed(minutes_ago(10, 5), |_| {}).await;
    let reasons: Vec<&str> = proceeded.failures.iter().map(|failure| failure.reason).collect();
    assert_eq!(reasons, ["DeadlineExceeded"]);
    drop(held);
    let proceeded = groups.proceed(minutes_ago(10, 5), |_| {}).await;
    assert_eq!((proceeded.is_over, proceeded.failures.len()), (true, 0));
}
