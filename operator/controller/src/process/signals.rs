//! The signals that end the program.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled when the program is told to end (SIGTERM, or SIGINT from a terminal).
pub fn termination() -> CancellationToken {
    let token = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        match signal(kind) {
            Ok(mut signals) => {
                let token = token.clone();
                tokio::spawn(async move {
                    signals.recv().await;
                    tracing::info!("told to end");
                    token.cancel();
                });
            }
            Err(error) => tracing::warn!(%error, "cannot listen for a signal"),
        }
    }
    token
}
