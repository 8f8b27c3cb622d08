//! All durations of a spec, by their fields.

use crate::duration::OutOfBounds;
use crate::observe::{Observe, ObserveProfile};
use crate::throughput_test::{ThroughputTestSpec, Timeouts};
use crate::workload::{Dispatch, RequestDispatch, TestViewDispatch};

impl ThroughputTestSpec {
    /// The durations that their fields cannot have: those of a spec that was stored under a schema without these bounds.
    pub fn durations_out_of_bounds(&self) -> Vec<OutOfBounds> {
        let dispatch = self.workload.pulp_tasks.as_ref().map(|tasks| &tasks.dispatch);
        let groups = [
            of_timeouts(&self.timeouts),
            of_observe(&self.observe),
            dispatch.map(of_dispatch).unwrap_or_default(),
        ];
        groups.into_iter().flatten().collect()
    }
}

fn of_timeouts(timeouts: &Timeouts) -> Vec<OutOfBounds> {
    let Timeouts { start, scale, generator_start, dispatch, drain, cancel, collect, cleanup, settle } =
        *timeouts;
    let fields = [
        start.out_of_bounds("timeouts.start"),
        scale.out_of_bounds("timeouts.scale"),
        generator_start.out_of_bounds("timeouts.generatorStart"),
        dispatch.out_of_bounds("timeouts.dispatch"),
        drain.out_of_bounds("timeouts.drain"),
        cancel.out_of_bounds("timeouts.cancel"),
        collect.out_of_bounds("timeouts.collect"),
        cleanup.out_of_bounds("timeouts.cleanup"),
        settle.out_of_bounds("timeouts.settle"),
    ];
    fields.into_iter().flatten().collect()
}

fn of_observe(observe: &Observe) -> Vec<OutOfBounds> {
    let profile = observe.profile.as_ref().map(|ObserveProfile { delay, duration, .. }| {
        [delay.out_of_bounds("observe.profile.delay"), duration.out_of_bounds("observe.profile.duration")]
    });
    let interval = observe.interval.out_of_bounds("observe.interval");
    std::iter::once(interval).chain(profile.into_iter().flatten()).flatten().collect()
}

fn of_dispatch(dispatch: &Dispatch) -> Vec<OutOfBounds> {
    let view = dispatch.test_view.as_ref().and_then(|TestViewDispatch { timeout, .. }| {
        timeout.out_of_bounds("workload.pulpTasks.dispatch.testView.timeout")
    });
    let request = dispatch.request.as_ref().and_then(|RequestDispatch { timeout, .. }| {
        timeout.out_of_bounds("workload.pulpTasks.dispatch.request.timeout")
    });
    view.into_iter().chain(request).collect()
}
