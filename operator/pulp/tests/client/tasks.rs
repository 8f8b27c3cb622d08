//! Reading tasks page by page, and cancelling them, against a task table in memory.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use throughput_model::task::{TaskRecord, TaskState};
use throughput_model::workload::Authentication;
use throughput_pulp::{Cancellation, PulpError, TaskFilter};
use uuid::Uuid;

use crate::server::{client, serve};

/// A task table, and what was asked of it.
struct Table {
    states: Vec<TaskState>,
    /// Added to the announced count of every page but the first.
    late_tasks: u64,
    /// The last query with an ordering.
    ordered_by: Option<String>,
    nudges: Vec<(String, Value)>,
    /// What each task says that it created.
    created: Vec<Value>,
    /// The resources that were deleted, with the correlation id of the deletion.
    deleted: Vec<(String, String)>,
    /// The length of each failed task's description.
    description_length: usize,
}

type Shared = Arc<Mutex<Table>>;

fn table(states: Vec<TaskState>) -> Shared {
    let table = Table {
        states,
        late_tasks: 0,
        ordered_by: None,
        nudges: Vec::new(),
        created: Vec::new(),
        deleted: Vec::new(),
        description_length: 1_000,
    };
    Arc::new(Mutex::new(table))
}

fn id(number: usize) -> Uuid {
    Uuid::from_u128(number as u128 + 1)
}

#[derive(Deserialize)]
struct Asked {
    limit: usize,
    #[serde(default)]
    offset: usize,
    #[serde(rename = "state__in")]
    states: Option<String>,
    ordering: Option<String>,
}

async fn list(State(shared): State<Shared>, Query(asked): Query<Asked>) -> Json<Value> {
    let mut table = shared.lock().unwrap();
    let matching: Vec<usize> = (0..table.states.len())
        .filter(|&task| {
            let state = table.states[task].as_str();
            asked.states.as_ref().is_none_or(|states| states.split(',').any(|wanted| wanted == state))
        })
        .collect();
    let entry = |&task: &usize| {
        let state = table.states[task];
        let error = (state == TaskState::Failed)
            .then(|| json!({"description": "é".repeat(table.description_length), "traceback": null}));
        json!({
            "pulp_href": format!("/pulp/api/v3/tasks/{}/", id(task)),
            "pulp_created": "2026-05-01T12:00:00Z",
            "unblocked_at": null,
            "started_at": "2026-05-01T12:00:01.5Z",
            "finished_at": "2026-05-01T12:00:02.000001Z",
            "state": state.as_str(),
            "error": error,
            "created_resources": table.created.get(task).cloned().unwrap_or_else(|| json!([])),
        })
    };
    let results: Vec<Value> = matching.iter().skip(asked.offset).take(asked.limit).map(entry).collect();
    let late = if asked.offset > 0 { table.late_tasks } else { 0 };
    let count = matching.len() as u64 + late;
    table.ordered_by = asked.ordering.or(table.ordered_by.take());
    Json(json!({"count": count, "next": "http://192.0.2.1/elsewhere", "previous": null, "results": results}))
}

async fn cancel(State(shared): State<Shared>, Path(task): Path<Uuid>, Json(body): Json<Value>) -> StatusCode {
    assert_eq!(body, json!({"state": "canceled"}));
    let mut table = shared.lock().unwrap();
    let Some(task) = (0..table.states.len()).find(|&number| id(number) == task) else {
        return StatusCode::NOT_FOUND;
    };
    match table.states[task] {
        // Running tasks end just before they are cancelled.
        TaskState::Running => {
            table.states[task] = TaskState::Completed;
            StatusCode::CONFLICT
        }
        state if state.is_final() => StatusCode::CONFLICT,
        _ => {
            table.states[task] = TaskState::Canceling;
            StatusCode::OK
        }
    }
}

async fn purge(State(shared): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> StatusCode {
    let correlation_id = headers["correlation-id"].to_str().unwrap().to_owned();
    shared.lock().unwrap().nudges.push((correlation_id, body));
    StatusCode::ACCEPTED
}

async fn delete(State(shared): State<Shared>, Path(name): Path<String>, headers: HeaderMap) -> StatusCode {
    let correlation_id = headers["correlation-id"].to_str().unwrap().to_owned();
    match name.as_str() {
        "gone" => return StatusCode::NOT_FOUND,
        "kept" => return StatusCode::FORBIDDEN,
        _ => {}
    }
    shared.lock().unwrap().deleted.push((name, correlation_id));
    StatusCode::ACCEPTED
}

async fn serve_table(shared: &Shared) -> String {
    let application = Router::new()
        .route("/pulp/api/v3/tasks/", get(list))
        .route("/pulp/api/v3/tasks/purge/", post(purge))
        .route("/pulp/api/v3/tasks/{task}/", axum::routing::patch(cancel))
        .route("/pulp/api/v3/distributions/{name}/", axum::routing::delete(delete))
        .with_state(Arc::clone(shared));
    serve(application).await
}

#[tokio::test]
async fn all_tasks_are_read_over_several_pages_and_whole() {
    let mut states = vec![TaskState::Completed; 2_499];
    states.push(TaskState::Failed);
    let shared = table(states);
    let client = client(&serve_table(&shared).await, Authentication::None);
    let tasks = client.tasks_of(Uuid::nil(), 10_000).await.unwrap();
    assert_eq!(tasks.len(), 2_500);
    let completed = TaskRecord {
        pulp_created: "2026-05-01T12:00:00Z".parse().unwrap(),
        unblocked_at: None,
        started_at: Some("2026-05-01T12:00:01.5Z".parse().unwrap()),
        finished_at: Some("2026-05-01T12:00:02.000001Z".parse().unwrap()),
        state: TaskState::Completed,
        error_description: None,
    };
    assert_eq!(tasks[0], completed);
    let failed =
        TaskRecord { state: TaskState::Failed, error_description: Some("é".repeat(300)), ..completed };
    assert_eq!(tasks[2_499], failed);
    assert_eq!(shared.lock().unwrap().ordered_by.as_deref(), Some("pulp_created,pk"));
}

#[tokio::test]
async fn pages_that_are_too_long_are_asked_for_in_parts() {
    let shared = table(vec![TaskState::Failed; 1_000]);
    shared.lock().unwrap().description_length = 9_000;
    let client = client(&serve_table(&shared).await, Authentication::None);
    assert_eq!(client.tasks_of(Uuid::nil(), 10_000).await.unwrap().len(), 1_000);
}

#[tokio::test]
async fn no_task_is_no_error_and_too_many_are() {
    let client_of = async |tasks| {
        client(&serve_table(&table(vec![TaskState::Completed; tasks])).await, Authentication::None)
    };
    assert_eq!(client_of(0).await.tasks_of(Uuid::nil(), 10).await, Ok(Vec::new()));
    assert_eq!(client_of(10).await.tasks_of(Uuid::nil(), 10).await.unwrap().len(), 10);
    let too_many = client_of(11).await.tasks_of(Uuid::nil(), 10).await;
    assert_eq!(too_many, Err(PulpError::TooManyTasks { count: 11, most: 10 }));
}

#[tokio::test]
async fn a_table_that_changes_while_it_is_read_is_noticed() {
    let shared = table(vec![TaskState::Completed; 1_500]);
    shared.lock().unwrap().late_tasks = 1;
    let client = client(&serve_table(&shared).await, Authentication::None);
    let changed = client.tasks_of(Uuid::nil(), 10_000).await;
    assert!(matches!(changed, Err(PulpError::Changed(_))), "{changed:?}");
}

#[tokio::test]
async fn counts_are_of_the_filter_alone() {
    let mut states = vec![TaskState::Completed; 5];
    states.extend([TaskState::Waiting, TaskState::Running, TaskState::Canceling]);
    let client = client(&serve_table(&table(states)).await, Authentication::None);
    let unfinished = TaskFilter { states: TaskState::UNFINISHED.to_vec(), ..TaskFilter::default() };
    assert_eq!(client.count_tasks(&unfinished).await, Ok(3));
    assert_eq!(client.count_tasks(&TaskFilter::default()).await, Ok(8));
}

#[tokio::test]
async fn all_unfinished_tasks_are_cancelled_but_those_that_end_meanwhile() {
    let mut states = vec![TaskState::Waiting; 1_200];
    states.extend([TaskState::Running, TaskState::Completed, TaskState::Canceling]);
    let shared = table(states);
    let client = client(&serve_table(&shared).await, Authentication::None);
    let cancellation = client.cancel_unfinished(Uuid::nil()).await;
    assert_eq!(cancellation, Ok(Cancellation { canceling: 1_200, already_ended: 1 }));
    let left = shared.lock().unwrap().states.iter().filter(|state| **state == TaskState::Waiting).count();
    assert_eq!(left, 0);
    assert_eq!(client.cancel(id(5_000)).await, Ok(false), "a task that is gone");
}

#[tokio::test]
async fn a_nudge_purges_nothing_under_its_own_correlation_id() {
    let shared = table(Vec::new());
    let client = client(&serve_table(&shared).await, Authentication::None);
    assert_eq!(client.purge_nothing(id(6)).await, Ok(()));
    let body = json!({"finished_before": "1970-01-01T00:00:00Z", "states": ["skipped"]});
    assert_eq!(shared.lock().unwrap().nudges, [(id(6).to_string(), body)]);
}

#[tokio::test]
async fn what_tasks_created_is_named_in_their_order() {
    let shared = table(vec![TaskState::Completed; 1_002]);
    shared.lock().unwrap().created =
        (0..1_002).map(|number| json!([format!("/pulp/api/v3/distributions/{number}/"), null])).collect();
    let pulp = client(&serve_table(&shared).await, Authentication::None);
    let created = pulp.created_by(Uuid::nil(), 5_000).await.unwrap();
    assert_eq!(created.len(), 1_002);
    assert_eq!(created[1_001], "/pulp/api/v3/distributions/1001/");
}

#[tokio::test]
async fn a_resource_is_deleted_under_the_given_correlation_id_and_one_that_is_gone_is_no_failure() {
    let shared = table(Vec::new());
    let pulp = client(&serve_table(&shared).await, Authentication::None);
    let id = Uuid::from_u128(7);
    pulp.delete("/pulp/api/v3/distributions/made/", id).await.unwrap();
    pulp.delete("/pulp/api/v3/distributions/gone/", id).await.unwrap();
    pulp.delete("/pulp/api/v3/distributions/kept/", id).await.unwrap_err();
    pulp.delete("/elsewhere/", id).await.unwrap_err();
    assert_eq!(shared.lock().unwrap().deleted, [("made".to_owned(), id.to_string())]);
}
