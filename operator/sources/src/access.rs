//! The client, the cell and the permissions that sources work with.

use kube::Client;
pub use throughput_answers::Budget;

pub use crate::pages::BUDGET_BYTES as LISTS_BUDGET_BYTES;
use throughput_model::cell::CellAddress;

/// The client that sources use, and the cell that they watch.
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
    /// The scale targets of the run: kind and name, `Deployment` `pulp-worker`.
    pub targets: Vec<(String, String)>,
    /// What the answers of all servers that are asked may take together.
    pub answers: Budget,
    /// What the lists of the API server may take together.
    pub lists: Budget,
    /// The operator's installation.
    pub installation: Installation,
}

/// The settings of the operator's installation that sources depend on. What is permitted is asked here, and not left to
/// the API server: one right, such as `pods/log`, may have been granted for another source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the chart by itself")]
pub struct Installation {
    /// Whether the kubelets may be asked.
    pub kubelet: bool,
    /// Whether nodes may be read: what kind of machine they are.
    pub nodes: bool,
    /// Whether logs of pods may be read.
    pub logs: bool,
    /// Whether Python processes may be profiled.
    pub profile: bool,
    /// Whether the profiler may run as root with the capability `SYS_PTRACE`.
    pub profile_sys_ptrace: bool,
    /// The image with py-spy.
    pub profiler_image: Option<String>,
}
