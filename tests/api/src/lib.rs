//! What the tests against a real kube-apiserver stand on: the server itself, a namespace for each test, and
//! ways to wait and to be interrupted. For measurements there is more: the operator's programs as processes of
//! their own, what nodes would do, and a Pulp that is always done.
//!
//! There is an API server and its etcd, and nothing else: no kubelet, no scheduler, no controllers. What they
//! would do (fill in a Deployment's status, collect what has no owner any more) does not happen by itself.

#![expect(
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod chart;
pub mod interrupted;
pub mod nodes;
pub mod process;
pub mod pulp;
mod server;
mod tenant;

pub use tenant::{Tenant, deployment, spec, throughput_test};
