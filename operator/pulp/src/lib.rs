//! A client for the part of Pulp's REST API that a throughput test needs: status, workers, tasks.
//!
//! A [`PulpClient`] is made of where Pulp is ([`throughput_model::workload::PulpEndpoint`]), who asks
//! ([`Credentials`]) and [`ClientOptions`]. It logs in by itself, once, and again when Pulp forgot it.
//!
//! What Pulp answers is not trusted. Every answer is read up to a limit and within a deadline, redirects are
//! not followed, addresses in answers are not used, and what an error quotes is cut short. No error and no
//! `Debug` text holds a secret.

mod address;
mod client;
mod client_certificate;
mod counts;
mod credentials;
mod error;
mod exchange;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod session;
mod status;
mod tasks;
mod test_view;
mod words;

pub use client::{ClientOptions, PulpClient, Request};
pub use client_certificate::ClientCertificate;
pub use counts::RequestCounts;
pub use credentials::{Credentials, CredentialsError};
pub use error::{PulpError, SetupError};
pub use exchange::Answer;
pub use status::{AppStatus, ComponentVersion, PulpStatus};
pub use tasks::{Cancellation, TaskFilter};
