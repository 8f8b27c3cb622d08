//! Being told to end.
//!
//! The operator has the like in its `signals.rs`. What both programs depend on is pure vocabulary, or a client
//! of Pulp: neither is a home for signals, and a crate of its own would be longer than this.

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
