//! What the tests against a real kube-apiserver stand on: the server itself, a namespace for each test, and
//! ways to be interrupted.
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
mod server;
mod tenant;

pub use tenant::{KEY, Tenant, deployment, spec, throughput_test};
