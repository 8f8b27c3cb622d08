//! Deletes what the tasks of a cell made in Pulp.

use std::time::Duration;

use futures::StreamExt;
use throughput_crds::CleanupProgress;
use throughput_pulp::{PulpClient, PulpError};
use tokio::time::Instant;
use uuid::Uuid;

/// How long is deleted before the test is looked at again.
const DELETING_AT_ONCE: Duration = Duration::from_secs(20);
/// How many deletions are asked for at once.
const DELETED_AT_ONCE: usize = 4;
/// More resources than this are not deleted.
const MOST_RESOURCES: u64 = 400_000;
/// The longest refusal that is kept, in characters.
const LONGEST_REFUSAL: usize = 300;

/// Goes on deleting from where `progress` says, for a while. Asking twice for the same is no harm.
pub(super) async fn delete(
    pulp: &PulpClient,
    created_by: Uuid,
    correlation_id: Uuid,
    mut progress: CleanupProgress,
) -> Result<CleanupProgress, PulpError> {
    let until = Instant::now() + DELETING_AT_ONCE;
    // The last first: what was made later can depend on what was made before.
    let mut created = pulp.created_by(created_by, MOST_RESOURCES).await?;
    created.reverse();
    progress.created = created.len() as u64;
    let from = usize::try_from(progress.asked).unwrap_or(usize::MAX).min(created.len());
    for some in created[from..].chunks(DELETED_AT_ONCE * 4) {
        let outcomes: Vec<Result<(), PulpError>> = futures::stream::iter(some.to_vec())
            .map(|href| async move { pulp.delete(&href, correlation_id).await })
            .buffered(DELETED_AT_ONCE)
            .collect()
            .await;
        for outcome in outcomes {
            progress.asked += 1;
            if let Err(error) = outcome {
                progress.left += 1;
                progress
                    .refusal
                    .get_or_insert_with(|| error.to_string().chars().take(LONGEST_REFUSAL).collect());
            }
        }
        if Instant::now() >= until {
            break;
        }
    }
    progress.done = progress.asked >= progress.created;
    Ok(progress)
}
