//! Reading the answers of servers that nobody vouches for.
//!
//! Each answer has a bound of its own, by what it can be. All of them together have a [`Budget`]: what an answer may
//! take is taken from it before anything of the answer is read, and given back when nothing of it is held any more. So
//! neither one long answer nor many at once take more memory than was set aside for them.
//!
//! Whoever waits for room waits in turn and with a deadline. Everything is taken at once, never some more while some is
//! held: readers cannot wait for each other in a circle.

mod weight;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

pub use weight::weight;

/// What the answers of a process may take together where nothing else is said, in bytes: with room for the rest of the
/// operator within 256 MiB.
pub const DEFAULT_BUDGET_BYTES: u32 = 32 << 20;
/// An answer is held twice: as it came, and as it was understood.
const HELD_TIMES: usize = 2;

/// The bytes that all answers of a process may take together. Clones share them.
#[derive(Clone, Debug)]
pub struct Budget {
    free: Arc<Semaphore>,
    all_bytes: u32,
}

/// The part of a budget that an answer takes, until it is dropped.
#[derive(Debug)]
pub struct Share {
    permit: OwnedSemaphorePermit,
}

/// There was no room in time: other answers are being read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room for an answer of {bytes} bytes in {} ms: too many answers are being read at once", .waited.as_millis())]
pub struct NoRoom {
    /// The bytes that were asked for.
    pub bytes: usize,
    /// How long was waited.
    pub waited: Duration,
}

/// Why an answer was not read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It is longer than it may be, in bytes.
    #[error("an answer of more than {0} bytes")]
    TooLong(usize),
    /// The others took all the room.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The connection broke, or the answer was not complete in time.
    #[error(transparent)]
    Broken(#[from] reqwest::Error),
}

/// How much of an answer is read.
#[derive(Clone, Copy, Debug)]
pub enum Extent {
    /// All of it, which is this long at most, in bytes.
    Whole(usize),
    /// Its beginning, this long, in bytes: the rest is left, and so is all that does not come.
    Beginning(usize),
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(DEFAULT_BUDGET_BYTES)
    }
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes: u32) -> Self {
        Self { free: Arc::new(Semaphore::new(bytes as usize)), all_bytes: bytes }
    }

    /// Takes so many bytes, or all that there are where more is asked for; waits until then for others to give theirs
    /// back.
    pub async fn take(&self, bytes: usize, until: Instant) -> Result<Share, NoRoom> {
        let begun = Instant::now();
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.all_bytes);
        match timeout_at(until, self.free.clone().acquire_many_owned(wanted)).await {
            Ok(Ok(permit)) => Ok(Share { permit }),
            // Nobody closes it.
            Ok(Err(_)) | Err(_) => Err(NoRoom { bytes, waited: begun.elapsed() }),
        }
    }

    /// The bytes that nobody has taken.
    pub fn free_bytes(&self) -> usize {
        self.free.available_permits()
    }
}

impl Share {
    /// Gives back all but so many bytes.
    pub fn keep(&mut self, bytes: usize) {
        let spare = self.permit.num_permits().saturating_sub(bytes);
        drop(self.permit.split(spare));
    }
}

/// Reads the body of an answer, for which there is this time. What it takes of the budget is in the share, which is to
/// be kept as long as anything of the answer is.
pub async fn read(
    response: &mut Response,
    extent: Extent,
    budget: Option<&Budget>,
    until: Instant,
) -> Result<(Vec<u8>, Option<Share>), Unread> {
    let (Extent::Whole(most) | Extent::Beginning(most)) = extent;
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    if let (Extent::Whole(most), Some(_)) = (extent, announced.filter(|length| *length > most)) {
        return Err(Unread::TooLong(most));
    }
    let expected = announced.map_or(most, |length| length.min(most));
    let mut share = match budget {
        Some(budget) => Some(budget.take(expected.saturating_mul(HELD_TIMES), until).await?),
        None => None,
    };
    let mut body = Vec::new();
    loop {
        match (response.chunk().await, extent) {
            (Ok(Some(chunk)), Extent::Whole(_)) if body.len() + chunk.len() > most => {
                return Err(Unread::TooLong(most));
            }
            (Ok(Some(chunk)), _) => body.extend_from_slice(&chunk[..chunk.len().min(most - body.len())]),
            (Ok(None), _) | (Err(_), Extent::Beginning(_)) => break,
            (Err(error), Extent::Whole(_)) => return Err(error.into()),
        }
        if body.len() >= most && matches!(extent, Extent::Beginning(_)) {
            break;
        }
    }
    body.shrink_to_fit();
    if let Some(share) = &mut share {
        share.keep(body.len().saturating_mul(HELD_TIMES));
    }
    Ok((body, share))
}

#[cfg(test)]
mod tests;
