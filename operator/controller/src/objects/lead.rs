//! Whether this process still leads, asked of its own clocks before each change that it makes.
//!
//! A process can be stopped, or its machine can sleep, anywhere in the middle of its work, for longer than its lead
//! lasts. Another operator leads then, and what the first one has decided is out of date. Nobody tells it when it goes
//! on. So it looks at the clock before each change, and at most the one request that was under way comes late.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use rustix::time::{ClockId, Timespec, clock_gettime};

use throughput_core::clock::elapsed;

/// How long a lead lasts after it was asked for, by its holder's own clocks: shorter than for everybody else.
pub const LASTS: Duration = Duration::from_secs(10);

/// The lead, while it is held. Once it has ended it does not come back, also when nobody else took it: what was begun
/// before may be out of date.
#[derive(Clone, Debug)]
pub struct Lead(Arc<Mutex<Option<Moment>>>);

/// An instant by two clocks. One goes on while the process is stopped and while its machine sleeps. The other is set
/// right when what the machine runs on has paused it, which the first does not notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    since_boot: Duration,
    time_of_day: Timestamp,
}

/// Why nothing is changed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this operator does not lead any more, and changes nothing")]
pub struct LeadLost;

impl Moment {
    /// Now.
    pub fn now() -> Self {
        let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(tv_sec).unwrap_or_default();
        let nanoseconds = u32::try_from(tv_nsec).unwrap_or_default();
        Self { since_boot: Duration::new(seconds, nanoseconds), time_of_day: Timestamp::now() }
    }

    /// How long this was before a later moment, by the clock that says more.
    fn until(self, later: Self) -> Duration {
        let since_boot = later.since_boot.saturating_sub(self.since_boot);
        since_boot.max(elapsed(self.time_of_day, later.time_of_day))
    }
}

impl Lead {
    /// A lead that was asked for at this moment, and then given.
    pub fn since(asked: Moment) -> Self {
        Self(Arc::new(Mutex::new(Some(asked))))
    }

    /// Whether it is held.
    pub fn holds(&self) -> bool {
        !self.left().is_zero()
    }

    /// How long it lasts from now on, unless it is renewed.
    pub fn left(&self) -> Duration {
        self.left_at(Moment::now())
    }

    /// Renews it from the moment when that was asked for. One that has ended stays so.
    pub fn renew(&self, asked: Moment) {
        if self.holds() {
            *self.lock() = Some(asked);
        }
    }

    /// Ends it.
    pub fn end(&self) {
        *self.lock() = None;
    }

    /// Carries out some work for as long as it is held: nothing of the work begins after its end.
    pub async fn while_held<T>(&self, work: impl Future<Output = T>) -> Result<T, LeadLost> {
        let mut work = pin!(work);
        poll_fn(
            |context| {
                if self.holds() { work.as_mut().poll(context).map(Ok) } else { Poll::Ready(Err(LeadLost)) }
            },
        )
        .await
    }

    /// A client that changes something only while it is held, and reads in any case.
    pub fn fenced(&self, client: &Client) -> Client {
        let (lead, through) = (self.clone(), client.clone());
        let fence = tower::service_fn(move |request: axum::http::Request<Body>| {
            let may = request.method().is_safe() || lead.holds();
            let through = through.clone();
            async move {
                if may {
                    through.send(request).await.map_err(Box::<dyn std::error::Error + Send + Sync>::from)
                } else {
                    Err(LeadLost.into())
                }
            }
        });
        Client::new(fence, client.default_namespace())
    }

    fn left_at(&self, now: Moment) -> Duration {
        let mut asked = self.lock();
        let left = asked.map_or(Duration::ZERO, |asked| LASTS.saturating_sub(asked.until(now)));
        if left.is_zero() {
            *asked = None;
        }
        left
    }

    fn lock(&self) -> MutexGuard<'_, Option<Moment>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOTED: Moment = Moment { since_boot: Duration::from_mins(1), time_of_day: Timestamp::UNIX_EPOCH };

    fn later(since_boot_seconds: u64, time_of_day_seconds: i64) -> Moment {
        Moment {
            since_boot: BOOTED.since_boot + Duration::from_secs(since_boot_seconds),
            time_of_day: Timestamp::from_second(time_of_day_seconds).unwrap(),
        }
    }

    #[test]
    fn a_lead_ends_by_whichever_clock_says_so_first() {
        for (now, seconds_left) in [
            (later(3, 3), 7),
            // The process was stopped, or the machine slept.
            (later(57, 57), 0),
            // What the machine runs on paused it.
            (later(1, 57), 0),
            // The time of day was set back.
            (later(57, 0), 0),
            (later(3, -3_600), 7),
        ] {
            assert_eq!(Lead::since(BOOTED).left_at(now), Duration::from_secs(seconds_left), "{now:?}");
        }
    }

    #[test]
    fn a_lead_that_has_ended_does_not_come_back() {
        let lead = Lead::since(BOOTED);
        assert!(lead.left_at(later(11, 11)).is_zero());
        lead.renew(Moment::now());
        assert!(!lead.holds());
    }

    #[test]
    fn a_lead_lasts_from_when_its_renewal_was_asked_for() {
        let lead = Lead::since(Moment::now());
        lead.renew(BOOTED);
        assert_eq!(lead.left_at(later(9, 9)), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn nothing_of_a_look_begins_after_the_lead_has_ended() {
        let lead = Lead::since(Moment::now());
        let mut done = Vec::new();
        let look = async {
            done.push("before");
            lead.end();
            tokio::task::yield_now().await;
            done.push("after");
        };
        assert_eq!(lead.while_held(look).await, Err(LeadLost));
        assert_eq!(done, ["before"]);
    }
}
