//! What sources reach the world with.

use kube::Client;
use throughput_model::cell::CellAddress;

/// What sources reach the world with, and which cell they watch.
#[derive(Clone)]
pub struct Access {
    /// The API server.
    pub client: Client,
    /// The test's namespace.
    pub namespace: String,
    /// The test's name.
    pub test: String,
    /// The cell.
    pub cell: CellAddress,
    /// What the run scales: kind and name, `Deployment` `pulp-worker`.
    pub targets: Vec<(String, String)>,
    /// The operator's installation.
    pub installation: Installation,
}

/// What the operator's administrator gave it for its sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installation {
    /// Whether the kubelets may be asked.
    pub kubelet: bool,
    /// Whether nodes may be read: what kind of machine they are.
    pub nodes: bool,
    /// The image with py-spy.
    pub profiler_image: Option<String>,
}
