//! A real Prometheus that scrapes an exporter of the tests each second.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use serde_json::Value;

use throughput_test_support::daemon::{Daemon, Ending, Running, folder, free_ports};
use throughput_test_support::wait::{SOON, until};

/// A program with metrics.
pub struct Exporter {
    port: u16,
    metrics: Arc<Mutex<String>>,
}

impl Exporter {
    /// Starts it; its metrics are this text.
    pub async fn start(metrics: &str) -> Self {
        let metrics = Arc::new(Mutex::new(metrics.to_owned()));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shown = Arc::clone(&metrics);
        let router = Router::new().route("/metrics", get(async move || shown.lock().unwrap().clone()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, metrics }
    }

    /// Changes them.
    pub fn set(&self, metrics: &str) {
        metrics.clone_into(&mut self.metrics.lock().unwrap());
    }
}

/// A server. It is stopped, and its folder removed, when this is dropped.
pub struct PrometheusServer {
    folder: PathBuf,
    address: IpAddr,
    port: u16,
    server: Option<Daemon>,
}

impl PrometheusServer {
    /// Starts one on the loopback that scrapes the exporter, and waits until it has.
    pub async fn start(exporter: &Exporter) -> Self {
        Self::start_at(IpAddr::from([127, 0, 0, 1]), exporter).await
    }

    /// The same on an address of this machine.
    pub async fn start_at(address: IpAddr, exporter: &Exporter) -> Self {
        let folder = folder("prometheus").unwrap();
        let configuration = folder.join("prometheus.yml");
        let target = exporter.port;
        let text = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs: [{{job_name: tests, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}]\n"
        );
        fs::write(&configuration, text).unwrap();
        let [port] = free_ports().unwrap();
        let mut server = Self { folder, address, port, server: None };
        server.run();
        until("Prometheus has scraped", SOON, async || {
            let up = server.query("up == 1").await?;
            up["data"]["result"].as_array().filter(|rows| !rows.is_empty()).map(|_| ())
        })
        .await;
        server
    }

    fn run(&mut self) {
        let arguments = [
            format!("--config.file={}", self.folder.join("prometheus.yml").display()),
            format!("--storage.tsdb.path={}", self.folder.join("data").display()),
            format!("--web.listen-address={}:{}", self.address, self.port),
        ];
        let running = Running { user: None, ending: Ending::Interrupted };
        self.server =
            Some(Daemon::start("prometheus", &self.folder, running, &binary(), &arguments).unwrap());
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}:{}", self.address, self.port)
    }

    /// What it answers to an instant query.
    pub async fn query(&self, query: &str) -> Option<Value> {
        let url =
            reqwest::Url::parse_with_params(&format!("{}/api/v1/query", self.url()), [("query", query)]);
        let answer = reqwest::get(url.unwrap()).await.ok()?;
        serde_json::from_slice(&answer.bytes().await.ok()?).ok()
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.server = None;
    }
}

impl Drop for PrometheusServer {
    fn drop(&mut self) {
        self.server = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The project builds it once; a test only asks where it is.
fn binary() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("prometheus").join("prometheus");
    let output = Command::new(script).arg("path").output().unwrap();
    let binary = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    assert!(binary.exists(), "Prometheus is not built: `tests/prometheus/prometheus build` does");
    binary
}
