//! What people want of a test while a look at it is under way: a look that waits for a server is given up when they want
//! something else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What people want of a test: a change of it is a reason to look at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The generation of its spec.
    pub generation: Option<i64>,
    /// Whether it is being deleted.
    pub deleting: bool,
}

/// What is wanted of the tests that are looked at now.
#[derive(Clone, Debug, Default)]
pub struct Wishes(Arc<Mutex<HashMap<String, Heeded>>>);

#[derive(Debug)]
struct Heeded {
    wanted: Wanted,
    changed: Arc<Notify>,
}

/// A look at a test, until it is dropped.
#[derive(Debug)]
pub struct Heeding {
    wishes: Wishes,
    test_uid: String,
    changed: Arc<Notify>,
}

/// People want something else of the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is given up, since something else is wanted of the test now")]
pub struct GivenUp;

impl Wishes {
    /// Begins a look at a test of which this is wanted. Of one test there is never more than one.
    pub fn heed(&self, test_uid: &str, wanted: Wanted) -> Heeding {
        let changed = Arc::new(Notify::new());
        self.lock().insert(test_uid.to_owned(), Heeded { wanted, changed: changed.clone() });
        Heeding { wishes: self.clone(), test_uid: test_uid.to_owned(), changed }
    }

    /// Tells the look at this test, if there is one, what is wanted of it now.
    pub fn note(&self, test_uid: &str, now: Wanted) {
        if let Some(Heeded { wanted, changed }) = self.lock().get_mut(test_uid)
            && *wanted != now
        {
            *wanted = now;
            // Kept for a look that does not wait at the moment.
            changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Heeded>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heeding {
    /// Waits for something, unless something else is wanted first.
    pub async fn unless_changed<T>(&self, waiting: impl Future<Output = T>) -> Result<T, GivenUp> {
        tokio::select! {
            done = waiting => Ok(done),
            () = self.changed.notified() => Err(GivenUp),
        }
    }
}

impl Drop for Heeding {
    fn drop(&mut self) {
        self.wishes.lock().remove(&self.test_uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted = Wanted { generation: Some(1), deleting: false };

    #[tokio::test]
    async fn a_look_that_waits_is_given_up_when_something_else_is_wanted_of_its_test() {
        let wishes = Wishes::default();
        let deleted = Wanted { deleting: true, ..WANTED };
        let (one, other) = (wishes.heed("one", WANTED), wishes.heed("other", WANTED));
        wishes.note("one", WANTED);
        assert_eq!(one.unless_changed(async { 1 }).await, Ok(1));
        wishes.note("one", deleted);
        assert_eq!(one.unless_changed(std::future::pending::<()>()).await, Err(GivenUp));
        assert_eq!(other.unless_changed(async { 1 }).await, Ok(1));
        drop(one);
        wishes.note("one", deleted);
        assert_eq!(wishes.heed("one", deleted).unless_changed(async { 1 }).await, Ok(1));
    }
}
