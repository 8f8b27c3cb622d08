//! Tests that want the same targets: who is served first, and what does not keep others waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use jiff::Timestamp;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use throughput_api_tests::Tenant;
use throughput_crds::{ConditionStatus, ConditionType, Phase, Stage, ThroughputTest, ThroughputTestStatus};
use throughput_test_support::spec::scaled;

use crate::operator::Operator;
use crate::refusals::{serve, spec_for};
use crate::watched::{Watched, condition};

/// A namespace with two Deployments, and a Pulp in whose queue somebody else's task never ends: whoever has claimed its
/// targets holds them until it is aborted or deleted.
struct Scene {
    tenant: Tenant,
    pulp: String,
}

impl Scene {
    async fn new() -> Self {
        let tasks = get(|| async { r#"{"count": 1, "results": []}"# });
        let pulp = serve(Router::new().route("/pulp/api/v3/tasks/", tasks)).await;
        let tenant = Tenant::new().await;
        for deployment in ["pulp-worker", "pulp-content"] {
            tenant.deployment(deployment, 3).await;
        }
        Self { tenant, pulp }
    }

    async fn operator(&self) -> Operator {
        Operator::start_permitting(&self.tenant, &[&self.pulp]).await
    }

    /// An operator that takes the place of one that was killed.
    fn operator_again(&self) -> Operator {
        Operator::start_with(&self.tenant, &[&self.pulp])
    }

    /// A spec that scales these Deployments.
    fn spec(&self, deployments: &[&str]) -> Value {
        let mut spec = spec_for(&self.pulp, json!({"method": "None"}));
        // The first is where the tasks are worked on.
        let entry = |(number, deployment): (usize, &&str)| {
            let name = if number == 0 { "workers" } else { "other" };
            scaled(name, "Deployment", deployment)
        };
        spec["scale"] = deployments.iter().enumerate().map(entry).collect();
        spec
    }

    /// Creates a test for these Deployments.
    async fn create<'a>(&'a self, name: &'a str, deployments: &[&str]) -> Watched<'a> {
        self.tenant.test(name, self.spec(deployments)).await;
        self.watched(name)
    }

    /// Creates tests for the workers, one after the other.
    async fn create_all<'a>(&'a self, names: &[&'a str]) -> Vec<Watched<'a>> {
        let mut tests = Vec::new();
        for name in names {
            tests.push(self.create(name, &["pulp-worker"]).await);
        }
        tests
    }

    fn watched<'a>(&'a self, name: &'a str) -> Watched<'a> {
        Watched { tenant: &self.tenant, name }
    }

    /// Waits until a test waits for its turn, and says so in this way.
    async fn until_queued(&self, test: &Watched<'_>, message: &str) {
        let what = format!("{} is queued: {message}", test.name);
        let status = test.until(&what, |status| told(status) == message).await;
        assert_eq!(status.phase, Some(Phase::Queued));
        let ready = condition(&status, ConditionType::TargetsReady);
        assert_eq!(ready, Some((ConditionStatus::False, "Queued")));
    }

    /// How a test says that it waits for these, in this namespace.
    fn behind(&self, deployment: &str, ahead: &[&str]) -> String {
        let names: Vec<String> =
            ahead.iter().map(|ahead| format!("{}/{ahead}", self.tenant.namespace)).collect();
        let tests = if ahead.len() == 1 { "test is" } else { "tests are" };
        format!("{} {tests} ahead for the Deployment {deployment}: {}", ahead.len(), names.join(", "))
    }
}

/// The message of the condition that says what a test waits for.
fn told(status: &ThroughputTestStatus) -> &str {
    let mut conditions = status.conditions.iter();
    let ready = conditions.find(|condition| condition.type_ == ConditionType::TargetsReady);
    ready.map_or("", |condition| &condition.message)
}

/// Waits until a test has claimed its targets; returns when.
async fn until_started(test: &Watched<'_>) -> Timestamp {
    let what = format!("{} has claimed its targets", test.name);
    test.until(&what, |status| status.started_at.is_some()).await.started_at.unwrap()
}

/// Ends a test, and waits until it is over; returns when that was.
async fn end(test: &Watched<'_>) -> Timestamp {
    test.abort().await;
    let what = format!("{} is over", test.name);
    test.until(&what, |status| status.finished_at.is_some()).await.finished_at.unwrap()
}

async fn has_started(test: &Watched<'_>) -> bool {
    test.now().await.status.is_some_and(|status| status.started_at.is_some())
}

#[tokio::test]
async fn twenty_tests_for_one_target_start_in_the_order_in_which_they_were_created() {
    let scene = Scene::new().await;
    let _operator = scene.operator().await;
    let names: Vec<String> = (0..20).map(|number| format!("q{number:02}")).collect();
    let tests = scene.create_all(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for test in &tests {
        starts.push(until_started(test).await);
        ends.push(end(test).await);
    }
    // Each was waited for before the one before it was ended, so one that was overtaken shows here.
    assert!(starts.is_sorted(), "{starts:?}");
    for (end, start) in ends.iter().zip(&starts[1..]) {
        assert!(end <= start, "two at once: {end} {start}");
    }
    let gaps = ends.iter().zip(&starts[1..]).map(|(end, start)| start.duration_since(*end).as_millis());
    println!("figure from_end_to_next_start_milliseconds {:?}", gaps.collect::<Vec<_>>());
}

#[tokio::test]
async fn who_waits_says_who_is_ahead_and_keeps_nobody_from_another_target() {
    let scene = Scene::new().await;
    let _operator = scene.operator().await;
    let first = scene.create("a", &["pulp-worker"]).await;
    until_started(&first).await;
    let second = scene.create("b", &["pulp-worker"]).await;
    scene.until_queued(&second, &scene.behind("pulp-worker", &["a (measuring)"])).await;
    let third = scene.create("c", &["pulp-worker"]).await;
    scene.until_queued(&third, &scene.behind("pulp-worker", &["a (measuring)", "b"])).await;
    let other = scene.create("d", &["pulp-content"]).await;
    until_started(&other).await;
    assert!(!has_started(&second).await && !has_started(&third).await);
}

#[tokio::test]
async fn who_waits_for_two_targets_is_overtaken_for_neither() {
    let scene = Scene::new().await;
    let _operator = scene.operator().await;
    let holder = scene.create("a", &["pulp-worker"]).await;
    until_started(&holder).await;
    let both = scene.create("b", &["pulp-worker", "pulp-content"]).await;
    both.until_condition(ConditionType::TargetsReady, ConditionStatus::False, "Queued").await;
    let young = scene.create("c", &["pulp-content"]).await;
    scene.until_queued(&young, &scene.behind("pulp-content", &["b"])).await;
    end(&holder).await;
    until_started(&both).await;
    scene.until_queued(&young, &scene.behind("pulp-content", &["b (measuring)"])).await;
    end(&both).await;
    until_started(&young).await;
}

#[tokio::test]
async fn who_is_suspended_keeps_nobody_waiting_and_comes_back_to_its_place() {
    let scene = Scene::new().await;
    let mut suspended = scene.spec(&["pulp-worker"]);
    suspended["suspend"] = json!(true);
    scene.tenant.test("a", suspended).await;
    let suspended = scene.watched("a");
    let _operator = scene.operator().await;
    suspended.until_condition(ConditionType::Running, ConditionStatus::False, "Suspended").await;
    let second = scene.create("b", &["pulp-worker"]).await;
    until_started(&second).await;
    let third = scene.create("c", &["pulp-worker"]).await;
    scene.until_queued(&third, &scene.behind("pulp-worker", &["b (measuring)"])).await;
    let tests: Api<ThroughputTest> = scene.tenant.api();
    let resume = json!({"spec": {"suspend": false}});
    tests.patch("a", &PatchParams::default(), &Patch::Merge(resume)).await.unwrap();
    scene.until_queued(&suspended, &scene.behind("pulp-worker", &["b (measuring)"])).await;
    scene.until_queued(&third, &scene.behind("pulp-worker", &["b (measuring)", "a"])).await;
    end(&second).await;
    until_started(&suspended).await;
    assert!(!has_started(&third).await);
}

#[tokio::test]
async fn who_waits_for_something_else_keeps_nobody_waiting() {
    let scene = Scene::new().await;
    let _operator = scene.operator().await;
    let mut spec = spec_for(&scene.pulp, json!({"secretRef": {"name": "pulp-admin"}}));
    spec["scale"] = scene.spec(&["pulp-worker"])["scale"].clone();
    scene.tenant.test("a", spec).await;
    let older = scene.watched("a");
    older.until_it_waits_for("SecretNotFound").await;
    let younger = scene.create("b", &["pulp-worker"]).await;
    until_started(&younger).await;
    older.poke().await;
    // Also while another test has its targets, it says what it waits for itself.
    older.until_it_waits_for("SecretNotFound").await;
}

#[tokio::test]
async fn who_waits_for_its_turn_asks_its_pulp_nothing() {
    let scene = Scene::new().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let tasks = get(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(r#"{"count": 0, "results": []}"#)
    });
    let other = serve(Router::new().route("/pulp/api/v3/tasks/", tasks)).await;
    let _operator = Operator::start_permitting(&scene.tenant, &[&scene.pulp, &other]).await;
    let holder = scene.create("a", &["pulp-worker"]).await;
    until_started(&holder).await;
    // The same workers, and a Pulp that counts.
    scene.tenant.test("b", spec_for(&other, json!({"method": "None"}))).await;
    let waiting = scene.watched("b");
    scene.until_queued(&waiting, &scene.behind("pulp-worker", &["a (measuring)"])).await;
    waiting.poke().await;
    let young = scene.create("c", &["pulp-worker"]).await;
    scene.until_queued(&young, &scene.behind("pulp-worker", &["a (measuring)", "b"])).await;
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    end(&holder).await;
    until_started(&waiting).await;
    assert_ne!(asked.load(Ordering::Relaxed), 0, "before it claims, it makes sure that its Pulp answers");
}

#[tokio::test]
async fn who_is_deleted_lets_the_next_one_start() {
    let scene = Scene::new().await;
    let _operator = scene.operator().await;
    let holder = scene.create("a", &["pulp-worker"]).await;
    until_started(&holder).await;
    let tests = scene.create_all(&["b", "c", "d"]).await;
    let [front, next, last] = tests.as_slice() else { panic!("three tests") };
    scene.until_queued(last, &scene.behind("pulp-worker", &["a (measuring)", "b", "c"])).await;
    front.delete().await;
    front.until_it_is_gone().await;
    scene.until_queued(last, &scene.behind("pulp-worker", &["a (measuring)", "c"])).await;
    holder.delete().await;
    until_started(next).await;
    assert!(!has_started(last).await);
}

#[tokio::test]
async fn the_order_outlives_the_operator() {
    let scene = Scene::new().await;
    let operator = scene.operator().await;
    let holder = scene.create("a", &["pulp-worker"]).await;
    until_started(&holder).await;
    let tests = scene.create_all(&["b", "c", "d", "e"]).await;
    for test in &tests {
        test.until_condition(ConditionType::TargetsReady, ConditionStatus::False, "Queued").await;
    }
    operator.kill();
    // What holds everybody up goes while nobody looks.
    holder.abort().await;
    let late = scene.create("f", &["pulp-worker"]).await;
    let _operator = scene.operator_again();
    let mut starts = Vec::new();
    for test in tests.iter().chain([&late]) {
        starts.push(until_started(test).await);
        end(test).await;
    }
    assert!(starts.is_sorted(), "{starts:?}");
}

#[tokio::test]
async fn the_time_in_the_queue_is_no_part_of_timeouts_start() {
    let scene = Scene::new().await;
    let operator = scene.operator().await;
    let holder = scene.create("a", &["pulp-worker"]).await;
    until_started(&holder).await;
    let mut hasty = scene.spec(&["pulp-worker"]);
    // Enough for the looks that it takes, however busy the machine is.
    hasty["timeouts"] = json!({"start": "10s"});
    scene.tenant.test("b", hasty).await;
    let hasty = scene.watched("b");
    let since = |status: &ThroughputTestStatus| {
        let current = status.current.as_ref()?;
        (current.stage == Stage::Queued).then(|| current.timeline.last().map(|entry| entry.since))?
    };
    let queued = hasty.until("it is queued", |status| since(status).is_some()).await;
    let queued_since = since(&queued);
    operator.kill();
    let _operator = scene.operator_again();
    let has_waited = |_: &ThroughputTestStatus| {
        queued_since.is_some_and(|since| Timestamp::now().duration_since(since).as_secs() > 12)
    };
    let status = hasty.until("it has waited for longer than timeouts.start", has_waited).await;
    assert_eq!((status.phase, since(&status)), (Some(Phase::Queued), queued_since));
    end(&holder).await;
    until_started(&hasty).await;
}
