//! The way to the API server, which can be cut.

use std::sync::Arc;

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Cluster;

/// A port of this machine that leads to the API server while it is open.
pub struct Way {
    is_open: Arc<watch::Sender<bool>>,
    accepting: JoinHandle<()>,
    port: u16,
}

impl Way {
    /// One that is open.
    pub async fn to(cluster: &Cluster) -> Self {
        let config = Self::config(cluster).await;
        let host = config.cluster_url.host().expect("a host").to_owned();
        let server = (host, config.cluster_url.port_u16().unwrap_or(443));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let is_open = Arc::new(watch::Sender::new(true));
        let state = is_open.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), state.subscribe()));
            }
        });
        Self { is_open, accepting, port }
    }

    /// A client that goes this way.
    pub async fn client(&self, cluster: &Cluster) -> Client {
        let mut config = Self::config(cluster).await;
        let host = config.cluster_url.host().expect("a host");
        config.tls_server_name = Some(host.to_owned());
        config.cluster_url = format!("https://127.0.0.1:{}", self.port).parse().expect("a URL");
        Client::try_from(config).expect("a client")
    }

    /// Cuts all connections, and takes no new ones.
    pub fn cut(&self) {
        self.is_open.send_replace(false);
    }

    /// Takes connections again.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }

    async fn config(cluster: &Cluster) -> kube::Config {
        let config = Kubeconfig::read_from(&cluster.kubeconfig).expect("read the cluster's kubeconfig");
        let options = KubeConfigOptions::default();
        kube::Config::from_custom_kubeconfig(config, &options).await.expect("a usable kubeconfig")
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(mut client: TcpStream, server: (String, u16), mut is_open: watch::Receiver<bool>) {
    if !*is_open.borrow() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = is_open.wait_for(|is_open| !is_open) => {}
    }
}
