//! Measures how far apart 60 load generators start, and ends with one line per figure:
//! `figure NAME VALUE UNIT goal GOAL met|short`.
//!
//! The generators are the real program, 60 processes of it; phases and collector are the operator's own, storing
//! with a real API server. All run on one machine, so there is one clock that all instants are taken from.
//!
//! What the operator brings about is that all take the same instant for the start. When they really send also
//! depends on 60 processes that wake at that instant and share this machine's cores, which load pods on nodes of
//! their own do not; both are measured.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot be made shall stop")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use serde_json::json;
use throughput_api_tests::Tenant;
use throughput_bench::{or_short, programs};
use throughput_controller::generators::api::{self, Collector};
use throughput_controller::generators::phase::GeneratorPhases;
use throughput_controller::generators::token::TokenKey;
use throughput_core::identity::TestFacts;
use throughput_model::cell::CellAddress;
use throughput_model::generator::GeneratorResult;
use throughput_model::workload::{
    ASSIGNMENT_VERSION, Assignment, Authentication, Dispatch, DispatchRequest, Method, PulpEndpoint,
    PulpTasks, Workload,
};
use throughput_test_support::wait::eventually;

const GENERATORS: u32 = 60;
/// Starts that are measured; the median is quoted, and the worst.
const ROUNDS: u32 = 9;
const UID: &str = "uid-of-skew";
/// As the operator has it.
const LEAD: Duration = Duration::from_secs(2);

/// What one start was like, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Skew {
    /// Between the first and the last instant that a generator took for the start.
    known: f64,
    /// Between the first and the last generator that sent its first request.
    sent: f64,
    /// Between the first and the last first request that came to the target.
    arrived: f64,
    /// The largest uncertainty that a generator knew of.
    uncertainty: f64,
}

#[tokio::main]
async fn main() {
    let tenant = Tenant::new().await;
    let key = TokenKey::new(vec![7; TokenKey::BYTES]).unwrap();
    let phases = GeneratorPhases::default();
    let collector = Collector {
        client: tenant.client.clone(),
        key: key.clone(),
        phases: phases.clone(),
        namespaces: vec![tenant.namespace.clone()],
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let collector_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, api::router(collector)).into_future());
    let folder = std::env::temp_dir().join(format!("throughput-start-skew-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut skews = Vec::new();
    for attempt in 1..=or_short(ROUNDS, 1) {
        let address = CellAddress { test_uid: UID.to_owned(), cell: 0, attempt };
        let round = Round {
            tenant: &tenant,
            phases: &phases,
            collector_url: &collector_url,
            folder: &folder,
            address,
        };
        let skew = round.measure(&key).await;
        println!("start {attempt}: {skew:?}");
        skews.push(skew);
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let sorted = |of: fn(&Skew) -> f64| {
        let mut values: Vec<f64> = skews.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let middle = skews.len() / 2;
    let known = sorted(|skew| skew.known);
    figure("start_skew_60_generators", known[middle]);
    figure("start_skew_60_generators_worst", known[skews.len() - 1]);
    figure("start_skew_60_generators_sent", sorted(|skew| skew.sent)[middle]);
    figure("start_skew_60_generators_arrived", sorted(|skew| skew.arrived)[middle]);
    figure("start_uncertainty_60_generators", sorted(|skew| skew.uncertainty)[skews.len() - 1]);
}

fn figure(name: &str, milliseconds: f64) {
    let goal = 5.0;
    println!(
        "figure {name} {milliseconds:.2} ms goal {goal} {}",
        if milliseconds <= goal { "met" } else { "short" }
    );
}

/// Generators that do not outlive the measurement, however it ends.
struct Processes(Vec<Child>);

impl Drop for Processes {
    fn drop(&mut self) {
        for process in &mut self.0 {
            // Those that have ended cannot be killed.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// One start of all generators.
struct Round<'a> {
    tenant: &'a Tenant,
    phases: &'a GeneratorPhases,
    collector_url: &'a str,
    folder: &'a Path,
    address: CellAddress,
}

impl Round<'_> {
    async fn measure(&self, key: &TokenKey) -> Skew {
        let (target, arrivals) = serve_target();
        self.stand("StartingGenerators", None);
        let assignment = self.folder.join("assignment.json");
        std::fs::write(&assignment, serde_json::to_vec(&self.assignment(&target)).unwrap()).unwrap();
        let mut processes =
            Processes((0..GENERATORS).map(|index| self.start(&assignment, key, index)).collect());
        self.until_stored("registration.json").await;
        self.stand("Dispatching", Some(Timestamp::now() + LEAD));
        let results = self.until_stored("result.json").await;
        for process in &mut processes.0 {
            assert!(process.wait().unwrap().success(), "a generator failed");
        }
        let results: Vec<GeneratorResult> =
            results.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let sent = results.iter().map(|result| result.started_at.as_duration());
        let (first, last) = (sent.clone().min().unwrap(), sent.max().unwrap());
        let arrivals: Vec<Instant> = arrivals.try_iter().collect();
        assert_eq!(arrivals.len(), GENERATORS as usize, "each generator opens one connection");
        let (earliest, latest) = (arrivals.iter().min().unwrap(), arrivals.iter().max().unwrap());
        let uncertainty = results.iter().map(|result| result.start.unwrap().uncertainty_microseconds).max();
        let known = results.iter().map(|result| {
            let late = Duration::from_micros(result.start.unwrap().lateness_microseconds);
            result.started_at.as_duration() - jiff::SignedDuration::try_from(late).unwrap()
        });
        let known = known.clone().max().unwrap() - known.min().unwrap();
        Skew {
            known: known.as_secs_f64() * 1e3,
            sent: (last - first).as_secs_f64() * 1e3,
            arrived: latest.duration_since(*earliest).as_secs_f64() * 1e3,
            uncertainty: Duration::from_micros(uncertainty.unwrap()).as_secs_f64() * 1e3,
        }
    }

    fn stand(&self, stage: &str, starts_at: Option<Timestamp>) {
        let progress = starts_at.map_or(json!({}), |at| json!({"startsAt": at}));
        let current = json!({"cell": 0, "attempt": self.address.attempt, "stage": stage, "timeline": [], "progress": progress});
        let status = serde_json::from_value(json!({"current": current})).unwrap();
        self.phases.follow(&self.test(), &status, tokio::time::Instant::now(), Timestamp::now());
    }

    fn test(&self) -> TestFacts {
        TestFacts {
            namespace: self.tenant.namespace.clone(),
            name: "skew".to_owned(),
            uid: UID.to_owned(),
            generation: None,
        }
    }

    fn assignment(&self, target: &str) -> Assignment {
        Assignment {
            version: ASSIGNMENT_VERSION,
            address: self.address.clone(),
            generators: GENERATORS,
            workload: Workload::PulpTasks(Box::new(PulpTasks {
                pulp: PulpEndpoint {
                    base_url: target.to_owned(),
                    api_root: "/pulp/".to_owned(),
                    domain: None,
                    authentication: Authentication::None,
                    username: None,
                    verifies_certificate: true,
                },
                correlation_id: self.address.correlation_id(),
                tasks: u64::from(GENERATORS) * 2,
                concurrency: 1,
                dispatch: Dispatch::Request(DispatchRequest {
                    method: Method::Post,
                    path: "/pulp/api/v3/tasks/purge/".to_owned(),
                    body: Some("{}".to_owned()),
                    request_timeout_milliseconds: 30_000,
                }),
                dispatch_deadline_milliseconds: 60_000,
            })),
        }
    }

    fn start(&self, assignment: &Path, key: &TokenKey, index: u32) -> Child {
        let token = self.folder.join(format!("token-{index}"));
        std::fs::write(&token, key.token(&self.address, index)).unwrap();
        Command::new(programs().join("throughput-loadgen"))
            .args([
                "--collector",
                self.collector_url,
                "--namespace",
                &self.tenant.namespace,
                "--test",
                "skew",
            ])
            .args(["--index", &index.to_string(), "--pod-name", &format!("pod-{index}")])
            .args(["--pod-uid", &format!("uid-of-pod-{index}"), "--assignment"])
            .arg(assignment)
            .arg("--token-file")
            .arg(token)
            .env("RUST_LOG", "error")
            .stdout(Stdio::null())
            .spawn()
            .expect("the load generator: build it with `cargo build --profile dist -p throughput-loadgen`")
    }

    /// Waits until each generator has stored a text under a key, and returns them.
    async fn until_stored(&self, key: &str) -> Vec<String> {
        let maps: kube::Api<ConfigMap> = self.tenant.api();
        let attempt = format!("perf.pulpproject.org/attempt={}", self.address.attempt);
        let stored = async || {
            let found = maps.list(&ListParams::default().labels(&attempt)).await.unwrap();
            found.items.into_iter().filter_map(|map| map.data?.remove(key)).collect()
        };
        eventually(key, stored, |found: &Vec<String>| found.len() == GENERATORS as usize).await
    }
}

/// A target that answers each request as Pulp does, and tells when each connection came: that of the first
/// request, as nothing is sent before.
fn serve_target() -> (String, std::sync::mpsc::Receiver<Instant>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, arrivals) = channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let (connection, tell) = (connection.unwrap(), tell.clone());
            thread::spawn(move || answer(&connection, &tell));
        }
    });
    (url, arrivals)
}

fn answer(connection: &TcpStream, tell: &Sender<Instant>) {
    let mut reader = BufReader::new(connection);
    let mut told = false;
    loop {
        let mut length = 0;
        for line in reader.by_ref().lines() {
            let Ok(line) = line else { return };
            if !told {
                told = true;
                tell.send(Instant::now()).unwrap();
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() || length == 0 {
            return;
        }
        let body = r#"{"task":"/pulp/api/v3/tasks/0/"}"#;
        let head = format!(
            "HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut connection = connection;
        if connection.write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}
