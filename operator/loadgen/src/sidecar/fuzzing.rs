//! What the script in Pulp's process says, for tests/fuzz alone.

use std::time::Duration;

use jiff::Timestamp;
use throughput_model::generator::GeneratorResult;
use throughput_model::workload::Assignment;
use tokio::time::Instant;

use super::script::ScriptResult;
use crate::session::start::StartEstimate;
use crate::settings::Settings;

/// The result that is delivered of what the script wrote, by a generator with this assignment; `None` where it wrote none.
pub fn delivered(script: &[u8], assignment: Assignment) -> Option<GeneratorResult> {
    let script: ScriptResult = serde_json::from_slice(script).ok()?;
    let settings = Settings {
        assignment,
        index: 0,
        credentials: None,
        certificates: None,
        client_certificate: None,
        exchange: None,
        pod_name: "generator-0".to_owned(),
        pod_uid: "6a23".to_owned(),
        give_up_after: Duration::from_secs(1),
        termination_grace: Duration::from_secs(1),
    };
    let start = StartEstimate { at: Instant::now(), uncertainty: Duration::from_millis(1) };
    Some(script.into_result(&settings, &start, Timestamp::UNIX_EPOCH))
}
