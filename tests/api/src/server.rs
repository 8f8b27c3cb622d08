//! The one API server that all tests of a process share.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, CustomResourceExt, ResourceExt};
use serde_json::{Value, json};
use throughput_crds::ThroughputTest;

use throughput_test_support::daemon::{Daemon, Ending, Running, folder, free_ports};
use throughput_test_support::program::{of_cluster, on_path};

/// How long the server may take until it serves the tests' API. On two idle cores it takes about six seconds.
const START_DEADLINE: Duration = Duration::from_mins(2);
/// How often another start is tried: between choosing a free port and listening on it, somebody may take it.
const STARTS: u32 = 3;
/// How the programs of the server run.
const RUNNING: Running = Running { user: None, ending: Ending::Killed };
/// The bearer token of an administrator.
const ADMIN_TOKEN: &str = "administrator-of-the-tests";

/// The programs that make an API server.
struct Binaries {
    kube_apiserver: PathBuf,
    etcd: PathBuf,
    openssl: PathBuf,
}

/// A running API server.
struct Server {
    config: Config,
    kubeconfig: Value,
    /// Held, so that they live as long as the process.
    _daemons: [Daemon; 2],
}

/// How a client of an administrator reaches the API server, which is started first if it does not run yet.
pub(crate) fn admin() -> Config {
    server().config.clone()
}

/// A kubeconfig with which a program acts as this user.
pub(crate) fn kubeconfig_as(user: &str) -> String {
    let mut kubeconfig = server().kubeconfig.clone();
    kubeconfig["users"][0]["user"]["as"] = user.into();
    kubeconfig["users"][0]["user"]["as-groups"] = json!(["system:authenticated"]);
    kubeconfig.to_string()
}

fn server() -> &'static Server {
    static TOLD: AtomicBool = AtomicBool::new(false);
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    match SERVER.get_or_init(start_somehow) {
        Ok(server) => server,
        // One test tells the whole story.
        Err(error) if !TOLD.swap(true, Ordering::Relaxed) => panic!("the API server did not start: {error}"),
        Err(error) => {
            panic!("the API server did not start: {}, as another test says at length", one_line(error))
        }
    }
}

fn one_line(error: &str) -> &str {
    error.lines().next().unwrap_or_default()
}

/// Starts on a thread of its own: the tests' threads have their own runtimes, which end with the tests.
fn start_somehow() -> Result<Server, String> {
    let start =
        || tokio::runtime::Runtime::new().map_err(|error| error.to_string())?.block_on(start_repeatedly());
    std::thread::scope(|scope| scope.spawn(start).join())
        .unwrap_or_else(|_| Err("starting panicked".to_owned()))
}

async fn start_repeatedly() -> Result<Server, String> {
    let binaries = Binaries {
        kube_apiserver: of_cluster("kube-apiserver")?,
        etcd: on_path("etcd")?,
        openssl: on_path("openssl")?,
    };
    let mut starts = 0;
    loop {
        starts += 1;
        match start(&binaries).await {
            Err(error) if starts < STARTS && error.contains("address already in use") => {}
            ended => return ended,
        }
    }
}

async fn start(binaries: &Binaries) -> Result<Server, String> {
    let [etcd_port, api_port] = free_ports().map_err(|error| format!("no free port: {error}"))?;
    let etcd_url = format!("http://127.0.0.1:{etcd_port}");
    let etcd = start_etcd(binaries, &folder("etcd")?, &etcd_url)?;
    let folder = folder("kube-apiserver")?;
    let arguments = apiserver_arguments(binaries, &folder, &etcd_url, api_port)?;
    let apiserver = Daemon::start("kube-apiserver", &folder, RUNNING, &binaries.kube_apiserver, &arguments)?;
    let kubeconfig = kubeconfig(api_port, &folder.join("server.crt"));
    let config = config(&kubeconfig).await.map_err(|error| format!("the API server's address: {error}"))?;
    let daemons = [etcd, apiserver];
    let mut last_error = "it was not asked".to_owned();
    let ready = tokio::time::timeout(START_DEADLINE, await_ready(&config, &daemons, &mut last_error));
    match ready.await {
        Ok(Ok(())) => Ok(Server { config, kubeconfig, _daemons: daemons }),
        Ok(Err(error)) => Err(error),
        Err(_) => {
            let words = daemons.each_ref().map(Daemon::last_words).join("\n");
            Err(format!("the API server is not ready after {START_DEADLINE:?} ({last_error}); {words}"))
        }
    }
}

fn start_etcd(binaries: &Binaries, folder: &Path, url: &str) -> Result<Daemon, String> {
    let arguments = [
        format!("--data-dir={}", folder.join("data").display()),
        format!("--listen-client-urls={url}"),
        format!("--advertise-client-urls={url}"),
        "--listen-peer-urls=http://127.0.0.1:0".to_owned(),
        // What the tests write need not survive a power cut.
        "--unsafe-no-fsync".to_owned(),
    ];
    Daemon::start("etcd", folder, RUNNING, &binaries.etcd, &arguments)
}

/// Writes the server's certificate and the administrator's token, and returns the command line.
fn apiserver_arguments(
    binaries: &Binaries,
    folder: &Path,
    etcd_url: &str,
    port: u16,
) -> Result<Vec<String>, String> {
    let file = |name: &str| folder.join(name).display().to_string();
    make_certificate(&binaries.openssl, &file("server.key"), &file("server.crt"))?;
    std::fs::write(file("tokens.csv"), format!("{ADMIN_TOKEN},admin,admin,system:masters\n"))
        .map_err(|error| format!("cannot write the tokens: {error}"))?;
    Ok(vec![
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        format!("--etcd-servers={etcd_url}"),
        format!("--tls-cert-file={}", file("server.crt")),
        format!("--tls-private-key-file={}", file("server.key")),
        format!("--token-auth-file={}", file("tokens.csv")),
        "--authorization-mode=RBAC".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", file("server.crt")),
        format!("--service-account-signing-key-file={}", file("server.key")),
        "--service-cluster-ip-range=198.19.0.0/16".to_owned(),
        // Nobody makes the service accounts that it would ask for.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
    ])
}

/// One certificate that is its own authority. Its key also signs the tokens of service accounts.
fn make_certificate(openssl: &Path, key: &str, certificate: &str) -> Result<(), String> {
    let output = Command::new(openssl)
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=throughput-api-tests", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate])
        .output()
        .map_err(|error| format!("cannot run openssl: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("openssl made no certificate: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

fn kubeconfig(port: u16, certificate: &Path) -> Value {
    json!({
        "clusters": [{"name": "tests", "cluster": {
            "server": format!("https://127.0.0.1:{port}"),
            "certificate-authority": certificate,
        }}],
        "users": [{"name": "admin", "user": {"token": ADMIN_TOKEN}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "admin"}}],
        "current-context": "tests",
    })
}

async fn config(kubeconfig: &Value) -> Result<Config, kube::config::KubeconfigError> {
    // JSON is YAML too.
    let kubeconfig = Kubeconfig::from_yaml(&kubeconfig.to_string())?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await
}

/// Waits until the tests' API is served.
async fn await_ready(config: &Config, daemons: &[Daemon], last_error: &mut String) -> Result<(), String> {
    let client = Client::try_from(config.clone()).map_err(|error| error.to_string())?;
    loop {
        if let Some(ended) = daemons.iter().find(|daemon| daemon.has_ended()) {
            return Err(format!("{} ended by itself; {}", ended.name(), ended.last_words()));
        }
        match serve_tests(&client).await {
            Ok(()) => return Ok(()),
            Err(kube::Error::Api(status)) if status.is_invalid() => {
                return Err(format!(
                    "the API server refuses the generated CustomResourceDefinition: {}",
                    status.message
                ));
            }
            Err(error) => *last_error = error.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Installs the API of the operator, once the API server is ready, and asks whether it is served.
async fn serve_tests(client: &Client) -> Result<(), kube::Error> {
    client
        .request_text(http::Request::get("/readyz").body(Vec::new()).map_err(kube::Error::HttpError)?)
        .await?;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let definition = ThroughputTest::crd();
    let params = PatchParams::apply("throughput-api-tests").force();
    definitions.patch(&definition.name_any(), &params, &Patch::Apply(&definition)).await?;
    let tests: Api<ThroughputTest> = Api::all(client.clone());
    tests.list(&ListParams::default()).await.map(drop)
}
