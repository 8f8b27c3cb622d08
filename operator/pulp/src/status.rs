//! Which parts of Pulp are online.

use serde::Deserialize;
use throughput_model::workload::Method;

use crate::client::{PulpClient, Request};
use crate::error::PulpError;

/// The longest status that is read, in bytes: a thousand workers have about 400 kB.
const LARGEST_STATUS_BYTES: usize = 1024 * 1024;

/// What Pulp says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PulpStatus {
    /// The workers whose last heartbeat is recent enough.
    pub online_workers: Vec<AppStatus>,
    /// The API processes likewise.
    pub online_api_apps: Vec<AppStatus>,
    /// The content processes likewise.
    pub online_content_apps: Vec<AppStatus>,
    /// The installed components.
    pub versions: Vec<ComponentVersion>,
    /// Whether `DOMAIN_ENABLED` is on. Pulps that do not know domains do not say.
    #[serde(default)]
    pub domain_enabled: bool,
}

/// One process of Pulp.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AppStatus {
    /// `pid@host`, where the host is the pod's name.
    pub name: String,
}

/// One installed component.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ComponentVersion {
    /// Pulp's name for it: `core`.
    pub component: String,
    /// Its version.
    pub version: String,
}

#[derive(Deserialize)]
struct Count {
    count: u64,
}

impl PulpClient {
    /// What Pulp tells anybody of itself. It can be costly where Pulp stores many artifacts: not for polling.
    pub async fn status(&self) -> Result<PulpStatus, PulpError> {
        let path = self.address().status_path();
        let request =
            Request { largest_answer_bytes: LARGEST_STATUS_BYTES, ..Request::new(Method::Get, path) };
        self.send_anonymously(&request).await?.json()
    }

    /// How many workers are online. A worker that was killed stays so until its last heartbeat is too old.
    pub async fn online_workers_count(&self) -> Result<u64, PulpError> {
        let path = self.address().api_path("workers/");
        let query = [("online", "true"), ("limit", "1"), ("fields", "name")];
        let request = Request { query: &query, ..Request::new(Method::Get, &path) };
        let Count { count } = self.send(&request).await?.json()?;
        Ok(count)
    }
}
