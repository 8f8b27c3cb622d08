//! Taking a lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits for a lock. Nothing that holds one of this crate's can panic half-way through a change, so what a panic elsewhere
/// left behind is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
