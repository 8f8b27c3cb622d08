//! A real nginx that speaks TLS and passes on to a server that does not.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use throughput_test_support::daemon::{Daemon, Ending, Running, folder, free_ports};
use throughput_test_support::wait::{SOON, until};

const NGINX: &str = "/usr/sbin/nginx";

/// A server. It is stopped, and its folder removed, when this is dropped.
pub struct NginxServer {
    folder: PathBuf,
    address: IpAddr,
    port: u16,
    authority: String,
    server: Option<Daemon>,
}

impl NginxServer {
    /// Starts one on an address of this machine, with a certificate for it and for a name, that passes everything on to
    /// `upstream`: host and port. Who sends `x-rh-identity` is known there by its value.
    pub async fn start_at(address: IpAddr, name: &str, upstream: &str) -> Self {
        assert!(
            Path::new(NGINX).exists(),
            "nginx is not installed: `tests/servers/install nginx` installs it"
        );
        let folder = folder("nginx").unwrap();
        make_certificates(&folder, address, name);
        let ([port], place) = (free_ports().unwrap(), folder.display().to_string());
        let configuration = format!(
            "worker_processes 1;\npid {place}/pid;\nerror_log {place}/error.log;\nevents {{}}\n\
             http {{\n  access_log off;\n  client_body_temp_path {place}/body;\n  proxy_temp_path {place}/proxy;\n  \
             fastcgi_temp_path {place}/fastcgi;\n  uwsgi_temp_path {place}/uwsgi;\n  scgi_temp_path {place}/scgi;\n  \
             map $http_x_rh_identity $identity {{\n    '' $http_authorization;\n    default $http_x_rh_identity;\n  }}\n  \
             server {{\n    listen {address}:{port} ssl;\n    ssl_certificate {place}/server.crt;\n    \
             ssl_certificate_key {place}/server.key;\n    proxy_read_timeout 90s;\n    \
             location / {{ proxy_pass http://{upstream}; proxy_set_header Host $http_host; \
             proxy_set_header Authorization $identity; }}\n  }}\n}}\n"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration).unwrap();
        let arguments = ["-c", &file.display().to_string(), "-g", "daemon off;"].map(str::to_owned);
        let running = Running { user: None, ending: Ending::Interrupted };
        let server = Daemon::start("nginx", &folder, running, Path::new(NGINX), &arguments).unwrap();
        let authority = fs::read_to_string(folder.join("ca.crt")).unwrap();
        until("nginx listens", SOON, async || {
            tokio::net::TcpStream::connect((address, port)).await.ok().map(drop)
        })
        .await;
        Self { folder, address, port, authority, server: Some(server) }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("https://{}:{}", self.address, self.port)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of who signed its own.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl Drop for NginxServer {
    fn drop(&mut self) {
        self.server = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// An authority of its own, and a certificate of it for this address and this name.
fn make_certificates(folder: &Path, address: IpAddr, name: &str) {
    let openssl = |arguments: &[&str]| {
        let made = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
        assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
    };
    let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    let authority =
        ["req", "-x509", "-subj", "/CN=authority of a test", "-keyout", "ca.key", "-out", "ca.crt"];
    openssl(&[authority.as_slice(), &new_key].concat());
    let name = format!("subjectAltName=IP:{address},DNS:{name}");
    let signed =
        ["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", &name, "-addext", "basicConstraints=CA:FALSE"];
    let server = ["req", "-x509", "-subj", "/CN=nginx", "-keyout", "server.key", "-out", "server.crt"];
    openssl(&[server.as_slice(), &new_key, &signed].concat());
}
