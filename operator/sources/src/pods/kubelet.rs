//! Asking the kubelets for their counters: through the API server, or, with a much smaller right, each by itself.
//!
//! The way through the API server takes the right to `nodes/proxy`, with which whoever has the operator's token can do
//! everything that a kubelet can, running commands in containers among it. A kubelet that is asked directly wants only
//! `nodes/metrics`; it has to be reachable, and its certificate to be from the cluster's own authority.

use std::collections::BTreeMap;
use std::pin::pin;

use futures::TryFutureExt;
use futures::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use kube::{Client, Config, Error};

use crate::error::SourceError;
use crate::kubernetes::within;
use crate::pods::counters::Reading;
use crate::pods::group::Node;
use crate::pods::owners::Owners;

/// The path of the counters of all containers of a node.
const PATH: &str = "/metrics/cadvisor";
/// The port on which kubelets listen.
const PORT: u16 = 10_250;
/// The most nodes that are asked.
const MOST_NODES: usize = 32;
/// How many of them at once.
const AT_ONCE: usize = 8;
/// The most that is read of one answer, in bytes; a hundred pods make about three megabytes.
const LONGEST_ANSWER: u64 = 64 << 20;
/// The longest line, in bytes; longer ones are left out.
const LONGEST_LINE: usize = 8 << 10;

/// How kubelets are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    /// Not known yet.
    Unknown,
    /// Through the API server.
    ApiServer,
    /// Each by itself.
    Direct,
}

/// The kubelets of a cluster.
pub(crate) struct Kubelets {
    client: Client,
    /// How the API server is reached from within the cluster: kubelets take the same token, and have a certificate from
    /// the same authority.
    within_cluster: Option<Config>,
    route: Route,
    clients: BTreeMap<Node, Client>,
}

impl Kubelets {
    /// The kubelets, none of which was asked yet.
    pub(crate) fn new(client: Client, within_cluster: Option<Config>) -> Self {
        Self { client, within_cluster, route: Route::Unknown, clients: BTreeMap::new() }
    }

    /// The counters of these pods by the kubelets of these nodes, and the failures of some of them.
    pub(crate) async fn read(
        &mut self,
        nodes: &[Node],
        owners: &Owners,
        namespace: &str,
    ) -> (Reading, Vec<SourceError>) {
        let mut reading = Reading::default();
        let mut errors = Vec::new();
        if nodes.len() > MOST_NODES {
            let message =
                format!("the pods run on {} nodes: only {MOST_NODES} kubelets are asked", nodes.len());
            errors.push(SourceError::new("TooManyNodes", message));
        }
        let nodes = nodes.get(..MOST_NODES).unwrap_or(nodes);
        if let (Route::Unknown, Some(first)) = (self.route, nodes.first()) {
            self.route = self.find_route(first).await;
        }
        let questions: Vec<_> =
            nodes.iter().map(|node| ask(self.target(node), node.name.clone(), owners, namespace)).collect();
        let mut answers = stream::iter(questions).buffer_unordered(AT_ONCE);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(read) => reading.merge(read),
                Err(error) => errors.push(error),
            }
        }
        (reading, errors)
    }

    /// Through the API server where the operator has the right to that, else directly where it knows how.
    async fn find_route(&self, node: &Node) -> Route {
        if self.within_cluster.is_none() {
            return Route::ApiServer;
        }
        // The cheapest question there is: whether the kubelet lives.
        let Ok(request) = http::Request::get(proxied(node, "/healthz")).body(Vec::new()) else {
            return Route::Unknown;
        };
        // Of the answer only its status is read.
        match within("ask", self.client.request_stream(request).map_ok(drop)).await {
            Ok(()) => Route::ApiServer,
            Err(error) if error.reason == "Forbidden" => Route::Direct,
            Err(_) => Route::Unknown,
        }
    }

    /// The client and the path for a node.
    fn target(&mut self, node: &Node) -> Result<(Client, String), SourceError> {
        let Some(config) = self.within_cluster.as_ref().filter(|_| self.route == Route::Direct) else {
            return Ok((self.client.clone(), proxied(node, PATH)));
        };
        if let Some(client) = self.clients.get(node) {
            return Ok((client.clone(), PATH.to_owned()));
        }
        let client = direct(config, &node.address).map_err(|why| {
            SourceError::new("KubeletUnreachable", format!("cannot ask the kubelet of {}: {why}", node.name))
        })?;
        if self.clients.len() >= MOST_NODES {
            self.clients.clear();
        }
        self.clients.insert(node.clone(), client.clone());
        Ok((client, PATH.to_owned()))
    }
}

fn proxied(node: &Node, path: &str) -> String {
    format!("/api/v1/nodes/{}/proxy{path}", node.name)
}

/// A client of one kubelet, with the operator's token. Nothing is sent before the certificate is known to be good.
fn direct(config: &Config, address: &str) -> Result<Client, String> {
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let url = format!("https://{host}:{PORT}").parse().map_err(|error| format!("{error}"))?;
    let mut config = config.clone();
    (config.cluster_url, config.proxy_url, config.tls_server_name) = (url, None, None);
    Client::try_from(config).map_err(|error| error.to_string())
}

/// Asks one kubelet.
async fn ask(
    target: Result<(Client, String), SourceError>,
    node: String,
    owners: &Owners,
    namespace: &str,
) -> Result<Reading, SourceError> {
    let (client, path) = target?;
    let mut reading = Reading::default();
    let lines = lines(&client, &path, |line| reading.take(line, owners, namespace, Timestamp::now()));
    within(&format!("ask the kubelet of {node}"), lines).await.map_err(of_kubelet)?;
    Ok(reading)
}

/// Failures of a kubelet have reasons of their own, other than those of the API server.
fn of_kubelet(error: SourceError) -> SourceError {
    let reason = match error.reason {
        "Forbidden" => "KubeletForbidden",
        "Unreachable" | "Unavailable" | "DeadlineExceeded" => "KubeletUnreachable",
        other => other,
    };
    SourceError { reason, ..error }
}

/// Reads an answer line by line, without ever having it whole.
async fn lines(client: &Client, path: &str, take: impl FnMut(&str)) -> Result<(), Error> {
    let request = http::Request::get(path).body(Vec::new()).map_err(Error::HttpError)?;
    let answer = client.request_stream(request).await?;
    each_line(pin!(answer.take(LONGEST_ANSWER)), take).await.map_err(Error::ReadEvents)
}

/// Takes each line of an answer that is not too long.
pub(super) async fn each_line(
    mut answer: impl AsyncBufRead + Unpin,
    mut take: impl FnMut(&str),
) -> Result<(), std::io::Error> {
    let mut line = Vec::new();
    loop {
        let buffer = answer.fill_buf().await?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        if line.len() <= LONGEST_LINE {
            line.extend_from_slice(&buffer[..used]);
        }
        answer.consume_unpin(used);
        if end.is_some() {
            if line.len() <= LONGEST_LINE
                && let Ok(text) = std::str::from_utf8(&line)
            {
                take(text.trim_end());
            }
            line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::io::{BufReader, Cursor};

    use super::*;

    async fn lines_of(text: &str, buffer: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let answer = BufReader::with_capacity(buffer, Cursor::new(text.as_bytes()));
        each_line(answer, |line| lines.push(line.to_owned())).await.unwrap();
        lines
    }

    #[tokio::test]
    async fn an_answer_comes_in_lines_however_it_is_cut() {
        for buffer in [1, 3, 100] {
            assert_eq!(lines_of("a 1\nbb 2\r\n\nlast without its end", buffer).await, ["a 1", "bb 2", ""]);
        }
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_left_out_and_never_held() {
        let text = format!("a 1\n{}\nb 2\n", "x".repeat(10 * LONGEST_LINE));
        assert_eq!(lines_of(&text, 1_000).await, ["a 1", "b 2"]);
    }
}
