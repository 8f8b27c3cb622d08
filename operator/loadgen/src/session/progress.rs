//! Progress, told once a second while a load is sent.

use std::sync::Arc;
use std::time::Duration;

use throughput_model::protocol::Progress;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{Attempt, Coordinator};

/// The time between two tellings.
pub(crate) const TELL_EVERY: Duration = Duration::from_secs(1);

/// Tells the latest progress each second, and returns when the attempt is over. At the start itself there is no
/// progress, so the first telling comes a second later.
pub(crate) async fn tell_until_over(coordinator: Arc<impl Coordinator>, latest: watch::Receiver<Progress>) {
    let mut ticks = interval_at(Instant::now() + TELL_EVERY, TELL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let progress = latest.borrow().clone();
        match coordinator.tell(&progress).await {
            Attempt::Running => {}
            Attempt::Over => return,
        }
    }
}
