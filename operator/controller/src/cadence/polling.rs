//! How often the system under test is asked while it is measured.

use std::time::Duration;

use throughput_crds::{Stage, ThroughputTestStatus};

/// A shortest time between two looks at a cell that is being measured; none leaves it to each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PollingInterval(Option<Duration>);

impl PollingInterval {
    /// A pace with this shortest time.
    pub fn new(shortest: Option<Duration>) -> Self {
        Self(shortest)
    }

    /// When to look again, where the decision wants to after `wanted`. Only while a cell is dispatched or drained
    /// is it kept back, and not before the first look of such a stage: everything else would only make the run
    /// longer.
    pub fn next(
        self,
        before: &ThroughputTestStatus,
        after: &ThroughputTestStatus,
        wanted: Option<Duration>,
    ) -> Option<Duration> {
        match self {
            Self(Some(shortest)) if is_measured(before) && stage(before) == stage(after) => {
                wanted.map(|wanted| wanted.max(shortest))
            }
            Self(_) => wanted,
        }
    }
}

fn stage(status: &ThroughputTestStatus) -> Option<(u32, Stage)> {
    status.current.as_ref().map(|current| (current.cell, current.stage))
}

fn is_measured(status: &ThroughputTestStatus) -> bool {
    matches!(stage(status), Some((_, Stage::Dispatching | Stage::Draining)))
}

#[cfg(test)]
mod tests {
    use throughput_core::decide::fixture::status_at;

    use super::*;

    const MINUTE: Option<Duration> = Some(Duration::from_mins(1));
    const SOON: Option<Duration> = Some(Duration::from_millis(500));

    fn next(pace: Option<Duration>, from: Stage, to: Stage) -> Option<Duration> {
        PollingInterval::new(pace).next(&status_at(0, from), &status_at(0, to), SOON)
    }

    #[test]
    fn without_a_pace_each_stage_decides() {
        assert_eq!(next(None, Stage::Draining, Stage::Draining), SOON);
    }

    #[test]
    fn only_a_cell_that_is_measured_is_looked_at_rarely() {
        assert_eq!(next(MINUTE, Stage::Dispatching, Stage::Dispatching), MINUTE);
        assert_eq!(next(MINUTE, Stage::Draining, Stage::Draining), MINUTE);
        assert_eq!(next(MINUTE, Stage::ScalingWorkers, Stage::ScalingWorkers), SOON);
        assert_eq!(next(MINUTE, Stage::Collecting, Stage::Collecting), SOON);
    }

    #[test]
    fn a_stage_is_begun_and_left_without_delay() {
        assert_eq!(next(MINUTE, Stage::Dispatching, Stage::Draining), SOON);
        assert_eq!(next(MINUTE, Stage::Draining, Stage::Collecting), SOON);
    }

    #[test]
    fn a_look_that_nobody_wants_is_not_invented() {
        let status = status_at(0, Stage::Draining);
        assert_eq!(PollingInterval::new(MINUTE).next(&status, &status, None), None);
    }

    #[test]
    fn a_longer_wait_stays() {
        let (status, hour) = (status_at(0, Stage::Draining), Some(Duration::from_hours(1)));
        assert_eq!(PollingInterval::new(MINUTE).next(&status, &status, hour), hour);
    }
}
