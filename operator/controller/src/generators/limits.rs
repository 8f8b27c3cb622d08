//! Bounds on what the collector does for one generator, and for all of them, at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use throughput_model::cell::CellAddress;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How many calls of one generator are under way at once: a question for the start that is held back, a progress,
/// and one that its sender has given up.
const AT_ONCE: u32 = 3;
/// How often one generator may call in the long run: a progress comes each second.
const PERIOD: Duration = Duration::from_millis(100);
/// How many calls it may make as fast as it likes.
const BURST: u32 = 30;
/// How many bodies are held at once, of all generators: each has at most
/// [`LARGEST_BODY_BYTES`](throughput_model::protocol::LARGEST_BODY_BYTES).
const BODIES: usize = 64;
/// How many generators are remembered before those that have long been silent are forgotten.
const REMEMBERED: usize = 1_024;

/// Who has called, how often, and what is under way. Only those whose token was accepted are in here.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    accounts: Arc<Mutex<HashMap<Generator, Account>>>,
    bodies: Arc<Semaphore>,
}

/// A generator: an attempt and its index.
type Generator = (CellAddress, u32);

#[derive(Debug)]
struct Account {
    under_way: u32,
    /// When the calls so far would have been made if they had come one a period.
    even_with: Instant,
}

/// A call that may be carried out, for as long as this lives.
#[derive(Debug)]
pub(super) struct Turn {
    limits: Limits,
    generator: Generator,
}

impl Default for Limits {
    fn default() -> Self {
        Self { accounts: Arc::default(), bodies: Arc::new(Semaphore::new(BODIES)) }
    }
}

impl Limits {
    /// A turn for this generator; `None` when it has had too many.
    pub(super) fn turn(&self, generator: Generator, now: Instant) -> Option<Turn> {
        let mut accounts = self.lock();
        if accounts.len() >= REMEMBERED {
            accounts.retain(|_, account| account.under_way > 0 || account.even_with > now);
        }
        let account = accounts.entry(generator.clone()).or_insert(Account { under_way: 0, even_with: now });
        let even_with = account.even_with.max(now);
        if account.under_way >= AT_ONCE || even_with.duration_since(now) >= PERIOD * BURST {
            return None;
        }
        account.under_way += 1;
        account.even_with = even_with + PERIOD;
        drop(accounts);
        Some(Turn { limits: self.clone(), generator })
    }

    /// Room for a body; waits until there is.
    pub(super) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed, so there will be room.
        Arc::clone(&self.bodies).acquire_owned().await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Generator, Account>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(account) = self.limits.lock().get_mut(&self.generator) {
            account.under_way = account.under_way.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generator(index: u32) -> Generator {
        (CellAddress { test_uid: "uid".to_owned(), cell: 0, attempt: 1 }, index)
    }

    #[test]
    fn a_generator_has_a_few_calls_under_way_and_takes_none_from_another() {
        let (limits, now) = (Limits::default(), Instant::now());
        let turns: Vec<Turn> = (0..AT_ONCE).map_while(|_| limits.turn(generator(0), now)).collect();
        assert_eq!(turns.len(), AT_ONCE as usize);
        assert!(limits.turn(generator(0), now).is_none());
        assert!(limits.turn(generator(1), now).is_some());
        drop(turns);
        assert!(limits.turn(generator(0), now).is_some());
    }

    #[test]
    fn a_flood_of_calls_is_let_through_one_a_period() {
        let (limits, begin) = (Limits::default(), Instant::now());
        let called = |now: Instant| (0..1_000).filter(|_| limits.turn(generator(0), now).is_some()).count();
        assert_eq!(called(begin), BURST as usize);
        assert_eq!(called(begin + PERIOD), 1);
        assert_eq!(called(begin + PERIOD * 11), 10);
        assert_eq!(called(begin + Duration::from_hours(1)), BURST as usize);
    }

    #[test]
    fn silent_generators_are_forgotten() {
        let (limits, begin) = (Limits::default(), Instant::now());
        for index in 0..10_000 {
            assert!(limits.turn(generator(index), begin + PERIOD * index).is_some());
        }
        assert!(limits.lock().len() <= REMEMBERED, "{}", limits.lock().len());
    }
}
