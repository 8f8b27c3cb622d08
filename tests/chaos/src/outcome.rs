//! What came of a row, against what is expected.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::ListParams;
use serde_json::Value;
use throughput_crds::{ConditionStatus, ConditionType, ThroughputTest, ThroughputTestStatus, Verdict};
use throughput_e2e_tests::{AsFound, Cluster, condition, sql};
use throughput_test_support::spec::WORKERS;

use super::{Expected, Fault, Row, TEST};

/// How long a test may take to come to its end after the fault.
const RUN: Duration = Duration::from_mins(6);
/// How long the queue may take to be empty after that.
const QUEUE: Duration = Duration::from_mins(1);
/// How long the claims of a test may stay that was removed by force.
const CLAIMS: Duration = Duration::from_mins(2);
/// The reason of a cell that says that tasks are left in the queue.
const TASKS_LEFT: &str = "TasksNotCanceled";

/// What a row found.
pub(super) struct Before {
    workers: AsFound,
    distributions: String,
}

impl Before {
    pub(super) async fn of(cluster: &Cluster) -> Self {
        Self { workers: cluster.as_found(WORKERS).await, distributions: distributions().await }
    }

    /// Asserts that it is there again.
    pub(super) async fn assert_restored(&self, cluster: &Cluster, row: &Row) {
        if row.fault.not_restored().is_none() {
            assert_eq!(cluster.as_found(WORKERS).await, self.workers, "the target is not as it was found");
        }
        // A test that is deleted does not delete what its tasks made.
        if row.expected == [Expected::Completes] {
            assert_eq!(distributions().await, self.distributions, "distributions of the tasks are left");
        }
    }
}

async fn distributions() -> String {
    sql::one("SELECT count(*) FROM core_distribution").await
}

/// Asserts that what came of the tests is one of the expected ends, and that nothing of them is left.
pub(super) async fn check(cluster: &Cluster, row: &Row, further: &[&str]) {
    let goes = row.expected.contains(&Expected::Goes);
    let says_left = if goes {
        goes_away(cluster).await;
        if row.fault == Fault::RemoveFinalizer {
            claims_go_away(cluster).await;
        }
        cluster.assert_no_traces(TEST).await;
        false
    } else {
        let status = ends(cluster, row, TEST).await;
        status.results.iter().any(|result| result.reason.as_deref() == Some(TASKS_LEFT))
    };
    for name in further {
        ends(cluster, row, name).await;
    }
    if !says_left {
        cluster
            .until("Pulp's queue is empty", QUEUE, || async { (sql::unfinished().await? == 0).then_some(()) })
            .await;
    }
}

/// Claims that no test holds are looked for each minute.
async fn claims_go_away(cluster: &Cluster) {
    let leases = cluster.api::<Lease>();
    let claims = ListParams::default().labels("perf.pulpproject.org/claim=true");
    cluster
        .until("the claims of the removed test are gone", CLAIMS, || async {
            leases.list(&claims).await.ok()?.items.is_empty().then_some(())
        })
        .await;
}

async fn goes_away(cluster: &Cluster) {
    let tests = cluster.api::<ThroughputTest>();
    cluster
        .until("the deleted test is gone", RUN, || async {
            tests.get_opt(TEST).await.ok()?.is_none().then_some(())
        })
        .await;
}

/// Waits for the end of a test, and asserts that it is one of the expected ones.
async fn ends(cluster: &Cluster, row: &Row, name: &str) -> ThroughputTestStatus {
    let status = cluster.until_finished(name, RUN).await;
    assert!(
        row.expected.iter().any(|expected| is_met(*expected, &status)),
        "{name} came to another end than one of {:?}: {status:#?}",
        row.expected
    );
    let (holds, reason, message) = condition(&status, ConditionType::TargetsRestored).expect("a condition");
    let restored = row.fault.not_restored().map_or((ConditionStatus::True, "AsFound"), |reason| {
        (if reason == "ClaimLost" { ConditionStatus::Unknown } else { ConditionStatus::False }, reason)
    });
    assert_eq!((holds, reason), restored, "{name}: {message}");
    cluster.assert_nothing_left(name).await;
    if status.report.is_some() {
        figures_are_those_of_sql(&cluster.report(name).await).await;
    }
    status
}

fn is_met(expected: Expected, status: &ThroughputTestStatus) -> bool {
    match expected {
        Expected::Completes => status.verdict == Some(Verdict::Passed),
        Expected::Ends(reason) => {
            status.results.iter().any(|result| result.reason.as_deref() == Some(reason))
        }
        Expected::EndsSaying(reason, words) => status.results.iter().any(|result| {
            result.reason.as_deref() == Some(reason)
                && result.message.as_deref().is_some_and(|message| message.contains(words))
        }),
        Expected::Over(reason) => {
            condition(status, ConditionType::Finished).is_some_and(|(_, found, _)| found == reason)
        }
        Expected::Goes => false,
    }
}

async fn figures_are_those_of_sql(report: &Value) {
    for cell in report["cells"].as_array().expect("cells") {
        // What is left in the queue goes on changing, and of nothing there are no figures.
        if cell["tasks"]["submitted"] != 0 && cell["tasks"]["unfinished"] == 0 {
            sql::assert_equal(cell).await;
        }
    }
}
