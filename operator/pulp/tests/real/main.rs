//! The client against a real Pulp whose workers run, named by `PULP_URL`, `PULP_USERNAME` and
//! `PULP_PASSWORD`; `PULP_API_ROOT`, `PULP_DOMAIN` and `PULP_CA` (a file) if it needs them. It dispatches a few tasks: `cargo test -p throughput-pulp --test real -- --ignored`.
#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise, in their helpers too")]

use std::env::var;
use std::fs;
use std::time::{Duration, Instant};

use throughput_model::foreign::ForeignTasks;
use throughput_model::task::TaskState;
use throughput_model::workload::{Authentication, PulpEndpoint};
use throughput_pulp::{ClientOptions, Credentials, PulpClient, PulpError, TaskFilter};
use tokio::time::sleep;
use uuid::Uuid;

fn client(authentication: Authentication, password: &str) -> PulpClient {
    let endpoint = PulpEndpoint {
        base_url: var("PULP_URL").unwrap(),
        api_root: var("PULP_API_ROOT").unwrap_or_else(|_| "/pulp/".to_owned()),
        domain: var("PULP_DOMAIN").ok(),
        authentication,
        username: None,
        verifies_certificate: true,
    };
    let credentials =
        Credentials::Password { username: var("PULP_USERNAME").unwrap(), password: password.to_owned() };
    let certificates = var("PULP_CA").ok().map(|file| fs::read(file).unwrap());
    let options = ClientOptions { certificates, ..ClientOptions::default() };
    PulpClient::new(&endpoint, Some(credentials), options).unwrap()
}

/// A correlation id that no other run has.
fn fresh_id() -> Uuid {
    let now = jiff::Timestamp::now().as_nanosecond();
    Uuid::new_v5(&Uuid::NAMESPACE_URL, now.to_string().as_bytes())
}

#[tokio::test]
#[ignore = "needs a real Pulp"]
async fn a_real_pulp_answers_all_that_the_client_asks() {
    let password = var("PULP_PASSWORD").unwrap();
    for authentication in [Authentication::Session, Authentication::Basic] {
        let client = client(authentication, &password);
        let status = client.status().await.unwrap();
        assert_eq!(client.online_workers_count().await, Ok(status.online_workers.len() as u64));
        assert!(status.versions.iter().any(|version| version.component == "core"));

        let (id, other) = (fresh_id(), fresh_id());
        for _ in 0..5 {
            client.purge_nothing(id).await.unwrap();
            client.purge_nothing(other).await.unwrap();
        }
        let own = TaskFilter { correlation_id: Some(id), ..TaskFilter::default() };
        assert_eq!(client.count_tasks(&own).await, Ok(5));
        let unfinished = TaskFilter { states: TaskState::UNFINISHED.to_vec(), ..own };
        let deadline = Instant::now() + Duration::from_mins(1);
        while client.count_tasks(&unfinished).await.unwrap() > 0 {
            assert!(Instant::now() < deadline, "the tasks do not end");
            sleep(Duration::from_millis(200)).await;
        }
        let tasks = client.tasks_of(id, 5).await.unwrap();
        assert_eq!(tasks.len(), 5);
        assert!(tasks.iter().all(|task| task.state == TaskState::Completed && task.finished_at.is_some()));
        assert_eq!(client.tasks_of(id, 4).await, Err(PulpError::TooManyTasks { count: 5, most: 4 }));
        let others = client.foreign_tasks(&tasks, &[id], 1_000).await.unwrap();
        let ForeignTasks::Read(others) = others else { panic!("{others:?}") };
        assert!(others.iter().any(|task| task.name.contains("purge")), "{others:?}");
        assert_eq!(
            client.foreign_tasks(&tasks, &[id, other], 1_000).await,
            Ok(ForeignTasks::Read(Vec::new()))
        );
        assert_eq!(client.cancel_unfinished(id).await.unwrap(), throughput_pulp::Cancellation::default());
        assert_eq!(client.cancel(id).await, Ok(false), "no such task");
    }
}

#[tokio::test]
#[ignore = "needs a real Pulp"]
async fn a_real_pulp_refuses_a_wrong_password() {
    for authentication in [Authentication::Session, Authentication::Basic] {
        let refused = client(authentication, "wrong").online_workers_count().await.unwrap_err();
        assert!(matches!(refused, PulpError::Unauthorized { status: 401, .. }), "{refused}");
    }
}
