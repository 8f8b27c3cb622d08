//! Sources of figures, called as the operator calls them: what fails is a shortfall in the recording.

use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use throughput_sources::access::{Access, Budget, Installation};
use throughput_sources::recording::Recording;
use throughput_sources::source::{Settled, Source, Window};

use crate::first_cell;

/// How long a source may take until it is complete.
const DEADLINE: Duration = Duration::from_mins(3);
/// After how long one that failed is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// What sources of a test in this namespace reach the world with, in an installation that gives them nothing.
pub fn access(client: Client, namespace: &str) -> Access {
    Access {
        client,
        namespace: namespace.to_owned(),
        test: "watched".to_owned(),
        cell: first_cell("uid-of-watched"),
        targets: Vec::new(),
        answers: Budget::default(),
        lists: Budget::default(),
        installation: Installation::default(),
    }
}

/// Begins.
pub async fn begin(source: &mut dyn Source, recording: &mut Recording) {
    if let Err(error) = source.begin(recording).await {
        recording.fall_short(&error, Timestamp::now());
    }
}

/// Looks once.
pub async fn look(source: &mut dyn Source, recording: &mut Recording) {
    if let Err(error) = source.look(recording).await {
        recording.fall_short(&error, Timestamp::now());
    }
}

/// Ends the window now, and asks until the source is complete.
pub async fn settle(source: &mut dyn Source, recording: &mut Recording) {
    let window = Window { start: recording.base(), end: Timestamp::now() };
    let settling = async {
        loop {
            match source.settle(window, recording).await {
                Ok(Settled::Complete) => return,
                Ok(Settled::Again(after)) => tokio::time::sleep(after).await,
                Err(error) => {
                    recording.fall_short(&error, Timestamp::now());
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    };
    let settled = tokio::time::timeout(DEADLINE, settling).await;
    assert!(settled.is_ok(), "the source does not settle within {DEADLINE:?}: {:?}", recording.shortfalls());
}

/// The reasons of what could not be seen.
pub fn reasons(recording: &Recording) -> Vec<String> {
    recording.shortfalls().iter().map(|shortfall| shortfall.reason.clone()).collect()
}
