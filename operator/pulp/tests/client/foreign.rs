//! Finding tasks of others among many of the cell's own, in a table that knows the filters of pulpcore of two years ago.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use throughput_model::foreign::{ForeignTask, ForeignTasks};
use throughput_model::task::{TaskRecord, TaskState};
use throughput_model::workload::Authentication;
use throughput_pulp::PulpClient;
use uuid::Uuid;

use crate::server::{client, serve};

const OWN: Uuid = Uuid::from_u128(1);
const NUDGE: Uuid = Uuid::from_u128(2);
const MOST: u64 = 50;

#[derive(Clone)]
struct Task {
    name: &'static str,
    correlation_id: Uuid,
    created: Timestamp,
    started: Option<Timestamp>,
    finished: Option<Timestamp>,
    state: TaskState,
}

#[derive(Default)]
struct Table {
    tasks: Vec<Task>,
    /// How many tasks were sent on pages of more than one.
    sent: usize,
}

type Shared = Arc<Mutex<Table>>;

fn at(milliseconds: i64) -> Timestamp {
    "2026-05-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_millis(milliseconds)
}

/// So many tasks of the cell, dispatched at second 0, each of 10 ms, one after the other.
fn own(tasks: i64) -> Vec<Task> {
    let task = |number: i64| Task {
        name: "dummy",
        correlation_id: OWN,
        created: at(0),
        started: Some(at(number * 10)),
        finished: Some(at(number * 10 + 10)),
        state: TaskState::Completed,
    };
    (0..tasks).map(task).collect()
}

/// A task of somebody else that has ended.
fn ended(name: &'static str, started: i64, finished: i64) -> Task {
    Task {
        name,
        correlation_id: Uuid::nil(),
        created: at(started - 5),
        started: Some(at(started)),
        finished: Some(at(finished)),
        state: TaskState::Completed,
    }
}

/// A task of somebody else that has not.
fn unfinished(name: &'static str, created: i64, started: Option<i64>) -> Task {
    let state = if started.is_some() { TaskState::Running } else { TaskState::Waiting };
    Task { created: at(created), started: started.map(at), finished: None, state, ..ended(name, 0, 0) }
}

fn records(own: &[Task]) -> Vec<TaskRecord> {
    let record = |task: &Task| TaskRecord {
        pulp_created: task.created,
        unblocked_at: None,
        started_at: task.started,
        finished_at: task.finished,
        state: task.state,
        error_description: None,
    };
    own.iter().map(record).collect()
}

async fn list(
    State(shared): State<Shared>,
    Query(asked): Query<HashMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
    let (mut limit, mut offset) = (100_usize, 0_usize);
    let mut table = shared.lock().unwrap();
    let mut meant: Vec<(usize, Task)> = table.tasks.iter().cloned().enumerate().collect();
    for (name, value) in &asked {
        let instant = || value.parse::<Timestamp>().unwrap();
        match name.as_str() {
            "fields" | "ordering" => {}
            "limit" => limit = value.parse().unwrap(),
            "offset" => offset = value.parse().unwrap(),
            "state__in" => {
                meant.retain(|(_, task)| value.split(',').any(|state| state == task.state.as_str()));
            }
            "started_at__lte" => {
                meant.retain(|(_, task)| task.started.is_some_and(|started| started <= instant()));
            }
            "finished_at__gte" => {
                meant.retain(|(_, task)| task.finished.is_some_and(|finished| finished >= instant()));
            }
            "finished_at__lt" => {
                meant.retain(|(_, task)| task.finished.is_some_and(|finished| finished < instant()));
            }
            _ => return Err(StatusCode::BAD_REQUEST),
        }
    }
    let results: Vec<Value> = meant.iter().skip(offset).take(limit).map(entry).collect();
    table.sent += if limit > 1 { results.len() } else { 0 };
    Ok(Json(json!({"count": meant.len(), "results": results})))
}

fn entry((number, task): &(usize, Task)) -> Value {
    let Task { name, correlation_id, created, started, finished, state: _ } = task;
    json!({
        "pulp_href": format!("/pulp/api/v3/tasks/{}/", Uuid::from_u128(*number as u128 + 1)),
        "pulp_created": created, "name": name, "logging_cid": correlation_id,
        "started_at": started, "finished_at": finished,
    })
}

async fn table(tasks: Vec<Task>) -> (Shared, PulpClient) {
    let shared = Shared::new(Mutex::new(Table { tasks, sent: 0 }));
    let router = Router::new().route("/pulp/api/v3/tasks/", get(list)).with_state(Arc::clone(&shared));
    let pulp = client(&serve(router).await, Authentication::None);
    (shared, pulp)
}

fn named(found: &ForeignTasks) -> Vec<&str> {
    let ForeignTasks::Read(tasks) = found else { unreachable!("too many: {found:?}") };
    tasks.iter().map(|task| task.name.as_str()).collect()
}

#[tokio::test]
async fn tasks_of_others_are_found_among_many_and_few_of_those_are_read() {
    let own = own(20_000);
    let others =
        [ended("early", -50, 30), ended("middle", 100_000, 103_000), ended("late", 199_000, 250_000)];
    let nudge = Task { correlation_id: NUDGE, ..ended("nudge", 50_000, 50_001) };
    let (shared, pulp) = table([&own[..], &others, &[nudge]].concat()).await;
    let found = pulp.foreign_tasks(&records(&own), &[OWN, NUDGE], MOST).await.unwrap();
    let ended = |name: &str, started, finished| ForeignTask {
        name: name.to_owned(),
        started_at: Some(at(started)),
        finished_at: Some(at(finished)),
    };
    let expected =
        [ended("early", -50, 30), ended("middle", 100_000, 103_000), ended("late", 199_000, 250_000)];
    assert_eq!(found, ForeignTasks::Read(expected.into()));
    let sent = shared.lock().unwrap().sent;
    assert!(sent <= 4 * 1_000, "{sent} of 20,004 tasks were read");
}

#[tokio::test]
async fn where_there_are_no_others_no_task_is_read() {
    let own = own(3_000);
    let before_and_after = [ended("before", -100, -1), ended("after", 30_001, 40_000)];
    let (shared, pulp) = table([&own[..], &before_and_after].concat()).await;
    let found = pulp.foreign_tasks(&records(&own), &[OWN], MOST).await.unwrap();
    assert_eq!(named(&found), Vec::<&str>::new());
    assert_eq!(shared.lock().unwrap().sent, 0);
}

#[tokio::test]
async fn tasks_that_have_not_ended_count_when_they_were_there_meanwhile() {
    let own = own(10);
    let others = [
        unfinished("long", -10_000, Some(-9_000)),
        unfinished("waiting", 20, None),
        unfinished("running", 20, Some(50)),
        unfinished("begun later", 20, Some(500)),
        unfinished("dispatched later", 500, None),
    ];
    let (_, pulp) = table([&own[..], &others].concat()).await;
    let found = pulp.foreign_tasks(&records(&own), &[OWN], MOST).await.unwrap();
    assert_eq!(named(&found), ["waiting", "long", "running"]);
}

#[tokio::test]
async fn tasks_that_ended_at_the_same_instant_are_read_over_several_pages() {
    let mut own = own(2_500);
    for task in &mut own {
        task.finished = Some(at(30_000));
    }
    let (_, pulp) = table([&own[..], &[ended("other", 10, 30_000)]].concat()).await;
    let found = pulp.foreign_tasks(&records(&own), &[OWN], MOST).await.unwrap();
    assert_eq!(named(&found), ["other"]);
}

#[tokio::test]
async fn more_others_than_are_read_are_only_counted() {
    let own = own(10);
    for other in [ended("ended", 10, 20), unfinished("running", 10, Some(20))] {
        let others = vec![other; usize::try_from(MOST).unwrap() + 1];
        let (shared, pulp) = table([&own[..], &others].concat()).await;
        let found = pulp.foreign_tasks(&records(&own), &[OWN], MOST).await;
        assert_eq!(found, Ok(ForeignTasks::TooMany(MOST + 1)));
        shared.lock().unwrap().tasks.pop();
        let found = pulp.foreign_tasks(&records(&own), &[OWN], MOST).await.unwrap();
        assert_eq!(named(&found).len(), usize::try_from(MOST).unwrap());
    }
}

#[tokio::test]
async fn a_name_is_one_short_line() {
    let own = own(10);
    let long: &'static str = Box::leak("a\n".repeat(10_000).into_boxed_str());
    let (_, pulp) = table([&own[..], &[ended(long, 10, 20)]].concat()).await;
    let found = pulp.foreign_tasks(&records(&own), &[OWN], MOST).await.unwrap();
    assert_eq!(named(&found), ["a ".repeat(64)]);
}
