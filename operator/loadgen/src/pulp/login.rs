//! The login, before the start.

use std::time::Duration;

use throughput_model::failure::FailureClass;
use throughput_model::workload::PulpTasks;
use throughput_pulp::{ClientOptions, PulpClient};
use tokio::time::{Instant, sleep};

use crate::ending::{Ending, Failure};
use crate::settings::Settings;

/// The pause between two tries to log in.
const PAUSE: Duration = Duration::from_secs(1);

/// A client that has logged in, so that the login is no part of the load. A target that is not there yet is
/// waited for until `until`.
pub(crate) async fn log_in(
    settings: &Settings,
    tasks: &PulpTasks,
    until: Instant,
) -> Result<PulpClient, Ending> {
    let options = ClientOptions {
        certificates: settings.certificates.clone(),
        client_certificate: settings.client_certificate.clone(),
        ..ClientOptions::default()
    };
    let pulp = PulpClient::new(&tasks.pulp, settings.credentials.clone(), options).map_err(Failure::from)?;
    while let Err(error) = pulp.log_in().await {
        if !is_transient(error.failure_class()) || Instant::now() + PAUSE >= until {
            return Err(Failure::Login(error).into());
        }
        tracing::warn!(%error, "the login failed, trying again");
        sleep(PAUSE).await;
    }
    Ok(pulp)
}

/// Whether a failed login may succeed later without anybody's doing.
fn is_transient(class: FailureClass) -> bool {
    match class {
        FailureClass::Connect | FailureClass::Timeout | FailureClass::Reset | FailureClass::ServerError => {
            true
        }
        FailureClass::Unauthorized
        | FailureClass::ClientError
        | FailureClass::UnexpectedAnswer
        | FailureClass::Raised
        | FailureClass::Abandoned => false,
    }
}
