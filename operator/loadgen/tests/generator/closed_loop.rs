//! The closed loop, in virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use throughput_loadgen::pulp::closed_loop::run_users;
use throughput_loadgen::pulp::dispatch::DispatchFailure;
use throughput_loadgen::pulp::load::{LoopPlan, LoopReport};
use throughput_loadgen::pulp::streak::{LONGEST_WITHOUT_SUCCESS, MOST_FAILURES_IN_A_ROW};
use throughput_model::failure::{FailureClass, Phase};
use throughput_model::generator::StopReason;
use throughput_model::protocol::Progress;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const PLAN: LoopPlan = LoopPlan {
    tasks_wanted: 100,
    tasks_per_request: 1,
    concurrency: 1,
    dispatch_deadline: Duration::from_hours(1),
    termination_grace: Duration::from_secs(20),
};

/// A target whose every request takes as long, and leads to what a function of its number and its time
/// since the start says.
#[derive(Clone)]
struct Target {
    takes: Duration,
    yields: fn(u64, Duration) -> Option<u64>,
    begun: Instant,
    sent: Arc<AtomicU64>,
    under_way: Arc<AtomicU64>,
    most_under_way: Arc<AtomicU64>,
}

impl Target {
    fn new(takes: Duration, yields: fn(u64, Duration) -> Option<u64>) -> Self {
        Self {
            takes,
            yields,
            begun: Instant::now(),
            sent: Arc::default(),
            under_way: Arc::default(),
            most_under_way: Arc::default(),
        }
    }

    async fn answer(self) -> Result<u64, DispatchFailure> {
        let number = self.sent.fetch_add(1, Ordering::SeqCst);
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        sleep(self.takes).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        (self.yields)(number, self.begun.elapsed()).ok_or_else(|| DispatchFailure {
            phase: Phase::Check,
            class: FailureClass::ServerError,
            description: "status 500: ".to_owned(),
        })
    }
}

async fn run_until(plan: LoopPlan, target: &Target, end: &CancellationToken) -> LoopReport {
    let (progress, latest) = watch::channel(Progress::default());
    let report = run_users(&plan, || target.clone().answer(), end, &progress).await;
    let failed = report.requests.failures.total();
    assert_eq!(report.requests.sent, report.requests.succeeded + failed, "every request has an end");
    let told = ["requests.sent", "requests.finished", "requests.failed", "tasks.dispatched"]
        .map(|name| latest.borrow().counts.count(name));
    assert_eq!(told, [report.requests.sent, report.requests.sent, failed, report.tasks_dispatched]);
    report
}

async fn run(plan: LoopPlan, target: &Target) -> LoopReport {
    run_until(plan, target, &CancellationToken::new()).await
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Virtual timers fire on whole milliseconds, at most one late each.
fn about(actual: Duration, expected: Duration) -> bool {
    actual >= expected && actual <= expected + expected / 10 + ms(20)
}

#[tokio::test(start_paused = true)]
async fn as_many_requests_are_under_way_as_there_are_users() {
    let target = Target::new(ms(100), |_, _| Some(1));
    let report = run(LoopPlan { concurrency: 7, ..PLAN }, &target).await;
    assert_eq!(target.most_under_way.load(Ordering::SeqCst), 7);
    assert_eq!((report.stopped, report.tasks_dispatched), (StopReason::AllTasksDispatched, 100));
    assert_eq!((report.requests.sent, report.requests.succeeded), (100, 100));
    assert!(about(report.elapsed, ms(1_500)), "{:?}", report.elapsed);
    assert!(about(Duration::from_micros(report.requests.latency.summary().p50_microseconds), ms(100)));
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_keeps_up_has_no_lag_and_one_that_had_to_wait_for_the_budget_has_none_either() {
    let target = Target::new(ms(100), |_, _| Some(10));
    for tasks_per_request in [1, 50] {
        let plan = LoopPlan { concurrency: 4, tasks_per_request, ..PLAN };
        let report = run(plan, &target).await;
        let lag = report.lag.summary();
        assert!(lag.count > 0 && lag.max_microseconds < 1_500, "{lag:?}");
        assert!(report.most_unsent <= 4, "{}", report.most_unsent);
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_that_backs_off_after_a_failure_is_not_late() {
    let target = Target::new(ms(100), |number, _| (number % 3 != 0).then_some(1));
    let report = run(LoopPlan { tasks_wanted: 10, ..PLAN }, &target).await;
    let lag = report.lag.summary();
    assert!(lag.max_microseconds <= 2_000, "{lag:?}");
    assert_eq!(lag.count, report.requests.sent - 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_yields_more_than_is_left_overshoots_and_says_so() {
    let target = Target::new(ms(100), |_, _| Some(300));
    let report = run(LoopPlan { tasks_wanted: 1_000, ..PLAN }, &target).await;
    assert_eq!((report.requests.sent, report.tasks_dispatched, report.largest_yield), (4, 1_200, 300));
}

#[tokio::test(start_paused = true)]
async fn users_that_had_to_wait_send_when_a_request_under_way_fails() {
    let target = Target::new(ms(100), |number, _| (number != 0).then_some(100));
    let plan = LoopPlan { tasks_wanted: 200, tasks_per_request: 100, concurrency: 5, ..PLAN };
    let report = run(plan, &target).await;
    assert_eq!((report.requests.sent, report.tasks_dispatched), (3, 200));
    assert_eq!(target.most_under_way.load(Ordering::SeqCst), 2);
    assert!(about(report.elapsed, ms(200)), "the third was sent at once: {:?}", report.elapsed);
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_only_requests_under_way_count() {
    let target = Target::new(ms(1_000), |_, _| Some(1));
    let plan = LoopPlan { concurrency: 2, dispatch_deadline: ms(3_500), ..PLAN };
    let report = run(plan, &target).await;
    assert_eq!((report.stopped, report.tasks_dispatched), (StopReason::DeadlineExceeded, 8));
    assert!(about(report.elapsed, ms(4_000)), "{:?}", report.elapsed);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_only_fails_is_given_up_without_a_flood_of_requests() {
    let target = Target::new(Duration::ZERO, |_, _| None);
    let report = run(LoopPlan { concurrency: 10, ..PLAN }, &target).await;
    assert_eq!((report.stopped, report.tasks_dispatched), (StopReason::TooManyFailures, 0));
    assert!(report.elapsed >= LONGEST_WITHOUT_SUCCESS, "{:?}", report.elapsed);
    let sent = report.requests.sent;
    assert!((MOST_FAILURES_IN_A_ROW..=200).contains(&sent), "{sent} requests in {:?}", report.elapsed);
    assert_eq!(report.requests.failed_latency.count(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_away_for_half_a_minute_is_not_given_up() {
    let away = |_, since_start: Duration| (since_start > ms(30_000)).then_some(1);
    let report = run(LoopPlan { concurrency: 100, ..PLAN }, &Target::new(ms(1), away)).await;
    assert_eq!((report.stopped, report.tasks_dispatched), (StopReason::AllTasksDispatched, 100));
}

#[tokio::test(start_paused = true)]
async fn told_to_end_it_awaits_requests_under_way() {
    let (target, end) = (Target::new(ms(10_000), |_, _| Some(1)), CancellationToken::new());
    let plan = LoopPlan { concurrency: 3, ..PLAN };
    let told = async {
        sleep(ms(5_000)).await;
        end.cancel();
    };
    let (report, ()) = tokio::join!(run_until(plan, &target, &end), told);
    assert_eq!((report.stopped, report.requests.sent), (StopReason::Terminated, 3));
    assert_eq!((report.tasks_dispatched, report.requests.failures.total()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn told_to_end_it_gives_requests_up_that_take_too_long_and_counts_them() {
    let (target, end) = (Target::new(ms(60_000), |_, _| Some(1)), CancellationToken::new());
    let plan = LoopPlan { concurrency: 3, termination_grace: ms(1_000), ..PLAN };
    let told = async {
        sleep(ms(5_000)).await;
        end.cancel();
    };
    let (report, ()) = tokio::join!(run_until(plan, &target, &end), told);
    let classes: Vec<_> =
        report.requests.failures.groups().iter().map(|group| (group.class, group.count)).collect();
    assert_eq!(classes, [(FailureClass::Abandoned, 3)]);
    assert_eq!((report.stopped, report.tasks_dispatched), (StopReason::Terminated, 0));
    assert!(about(report.elapsed, ms(6_000)), "{:?}", report.elapsed);
}

#[tokio::test(start_paused = true)]
async fn a_share_of_nothing_is_done_at_once() {
    let target = Target::new(ms(100), |_, _| Some(1));
    let report = run(LoopPlan { tasks_wanted: 0, ..PLAN }, &target).await;
    assert_eq!((report.stopped, report.requests.sent), (StopReason::AllTasksDispatched, 0));
    assert_eq!(report.elapsed, Duration::ZERO);
}
