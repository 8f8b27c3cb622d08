//! Servers that answer as no server should: without end, without ever coming to an end, and with as much as there may be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It goes on for as long as anybody listens.
    Endless,
    /// It sends a byte a second.
    Trickling,
    /// It answers each question in its own form, with megabytes of what there may be any number of.
    Huge,
}

/// A server at work.
#[derive(Debug)]
pub struct Hostile {
    /// Its name, and that of its Service.
    pub name: &'static str,
    /// Its port of the loopback.
    pub port: u16,
    asked: Arc<AtomicUsize>,
}

/// All of them.
pub const MANNERS: [Manner; 3] = [Manner::Endless, Manner::Trickling, Manner::Huge];

impl Manner {
    /// The name of its server.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Endless => "endless",
            Self::Trickling => "trickling",
            Self::Huge => "huge",
        }
    }
}

impl Hostile {
    /// Serves until the process ends.
    pub async fn serve(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let bodies = Arc::new(Bodies::new());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, manner, counted.clone(), bodies.clone()));
            }
        });
        Self { name: manner.name(), port, asked }
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

async fn answer(mut stream: TcpStream, manner: Manner, asked: Arc<AtomicUsize>, bodies: Arc<Bodies>) {
    let mut question = vec![0; 64 << 10];
    let Ok(read) = stream.read(&mut question).await else { return };
    asked.fetch_add(1, Ordering::Relaxed);
    let question = String::from_utf8_lossy(&question[..read]).into_owned();
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\n";
    let mut written = match manner {
        Manner::Endless | Manner::Trickling => stream.write_all(format!("{head}\r\n").as_bytes()).await,
        Manner::Huge => {
            let (form, body) = bodies.of(&question);
            let head = head.replace("application/json", form);
            let length = format!("smithy-protocol: rpc-v2-cbor\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{length}").as_bytes()).await;
            stream.write_all(body).await
        }
    };
    while written.is_ok() {
        written = match manner {
            Manner::Endless => stream.write_all(&bodies.tasks).await,
            Manner::Trickling => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                stream.write_all(b" ").await
            }
            Manner::Huge => return,
        };
    }
}

/// What the one with the huge answers says, made once.
#[derive(Debug)]
struct Bodies {
    by_path: BTreeMap<&'static str, Vec<u8>>,
    tasks: Vec<u8>,
    page: Vec<u8>,
    rows: Vec<u8>,
    xml: Vec<u8>,
    cbor: Vec<u8>,
}

const MEGABYTE: usize = 1 << 20;

impl Bodies {
    fn new() -> Self {
        let workers: Vec<Value> =
            (0..2).map(|number| json!({"name": format!("1@worker-{number}")})).collect();
        let versions = json!([{"component": "core", "version": "3.123.1"}]);
        let status = json!({
            "online_workers": workers, "online_api_apps": [{"name": "a".repeat(MEGABYTE - 2_000)}],
            "online_content_apps": [], "versions": versions,
        });
        let none = json!({"count": 0, "results": [], "next": "n".repeat(60_000)});
        let text = |value: &Value| value.to_string().into_bytes();
        Self {
            by_path: [
                ("/status/", text(&status)),
                ("/workers/", text(&json!({"count": 2, "results": [], "next": "n".repeat(60_000)}))),
                ("/test/tasks/", text(&json!({"tasks_executed": 10, "more": "m".repeat(60_000)}))),
                ("/api/v1/", series().into_bytes()),
            ]
            .into(),
            tasks: text(&none),
            page: tasks().into_bytes(),
            rows: format!(r#"{{"nextToken":"again","events":[{}{{}}]}}"#, "{},".repeat(50_000)).into_bytes(),
            xml: format!("<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>{}</DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>", "<DBInstance/>".repeat(100_000)).into_bytes(),
            cbor: cbor(),
        }
    }

    /// The form and the body of the answer to a question.
    fn of(&self, question: &str) -> (&'static str, &[u8]) {
        let line = question.lines().next().unwrap_or_default();
        if question.contains("rpc-v2-cbor") {
            return ("application/cbor", &self.cbor);
        }
        if question.contains("x-amz-json") {
            return ("application/x-amz-json-1.1", &self.rows);
        }
        if question.contains("x-www-form-urlencoded") {
            return ("text/xml", &self.xml);
        }
        let known = self.by_path.iter().find(|(path, _)| line.contains(**path)).map(|(_, body)| body);
        // A page of tasks, or how many there are.
        let of_tasks = if line.contains("offset=") { &self.page } else { &self.tasks };
        ("application/json", known.unwrap_or(of_tasks))
    }
}

/// A page of a run's tasks, as many as one is asked for, of a run that has a million: each with a long reference and what it
/// failed of.
fn tasks() -> String {
    let task = json!({
        "pulp_href": format!("/pulp/api/v3/tasks/{}/", "h".repeat(1_000)),
        "pulp_created": "2026-11-28T00:00:00.000000Z",
        "started_at": "2026-11-28T00:00:01.000000Z",
        "finished_at": "2026-11-28T00:00:02.000000Z",
        "state": "failed",
        "error": {"description": "e".repeat(2_500)},
        "created_resources": ["r".repeat(200)],
    });
    let tasks = vec![task.to_string(); 1_000].join(",");
    format!(r#"{{"count":1000000,"next":"again","results":[{tasks}]}}"#)
}

/// A hundred thousand series of Prometheus, of which the first megabyte is all that may be read.
fn series() -> String {
    let rows = (0..100_000).map(|number| format!(r#"{{"metric":{{"a":"{number}"}},"value":[1,"7"]}}"#));
    let rows: Vec<String> = rows.collect();
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#, rows.join(","))
}

/// An answer of CloudWatch with a million results of one byte each.
fn cbor() -> Vec<u8> {
    let name = b"MetricDataResults";
    let length = u8::try_from(name.len()).unwrap();
    let mut body = vec![0xa1, 0x60 + length];
    body.extend_from_slice(name);
    body.push(0x9f);
    body.extend(std::iter::repeat_n(0xa0, MEGABYTE));
    body.push(0xff);
    body
}
