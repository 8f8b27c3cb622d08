//! The signals that tell this program to end.
//!
//! The operator has the like in its `signals.rs`. It takes the dispatch script from this crate, and nothing that runs.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled at the first SIGTERM or SIGINT.
pub fn token() -> CancellationToken {
    let token = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        match signal(kind) {
            Ok(mut signals) => {
                let token = token.clone();
                tokio::spawn(async move {
                    signals.recv().await;
                    token.cancel();
                });
            }
            // Without the handler the signal still ends the process, only less gracefully.
            Err(error) => tracing::warn!(%error, "cannot watch for a signal"),
        }
    }
    token
}
