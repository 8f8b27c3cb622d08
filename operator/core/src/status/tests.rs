use serde_json::{Value, json};
use throughput_crds::{CellParameter, StatusSummary};

use super::*;
use crate::reason::Reason;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

fn set_accepted(
    conditions: &mut Vec<Condition>,
    status: ConditionStatus,
    reason: Reason,
    message: &str,
    now: Timestamp,
) {
    set(conditions, ConditionType::Accepted, status, reason, message, now, Some(1));
}

fn accepted(status: ConditionStatus, reason: Reason, message: &str, since: Timestamp) -> Condition {
    Condition {
        type_: ConditionType::Accepted,
        status,
        reason: reason.to_string(),
        message: message.to_owned(),
        last_transition_time: since,
        observed_generation: Some(1),
    }
}

/// A result of a cell, by what matters here.
fn result(
    cell: u32,
    outcome: &str,
    verdict: &str,
    tasks_per_second: Option<&str>,
    p99: Option<u64>,
) -> Value {
    json!({
        "cell": cell, "repeat": 1, "attempt": 1, "parameters": [{"name": "workers", "value": cell.to_string()}],
        "outcome": outcome, "verdict": verdict, "tasksCompleted": 10, "tasksPerSecond": tasks_per_second,
        "total": p99.map(total), "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:01:00Z",
    })
}

fn total(p99: u64) -> Value {
    json!({"mean": 1, "p50": 1, "p95": 1, "p99": p99, "max": p99})
}

/// The status that reads this JSON, summarized.
fn summarized(status: Value) -> ThroughputTestStatus {
    let mut status: ThroughputTestStatus = serde_json::from_value(status).unwrap();
    summarize(&mut status);
    status
}

#[test]
fn the_time_of_a_transition_changes_only_with_the_status() {
    let mut conditions = Vec::new();
    set_accepted(&mut conditions, ConditionStatus::False, Reason::Planned, "a", at(0));
    set_accepted(&mut conditions, ConditionStatus::False, Reason::NoPulp, "b", at(5_000));
    assert_eq!(conditions, [accepted(ConditionStatus::False, Reason::NoPulp, "b", at(0))]);
    set_accepted(&mut conditions, ConditionStatus::True, Reason::NoPulp, "b", at(9_000));
    assert_eq!(conditions, [accepted(ConditionStatus::True, Reason::NoPulp, "b", at(9_000))]);
    set_accepted(&mut conditions, ConditionStatus::Unknown, Reason::NoPulp, "b", at(9_500));
    assert_eq!(conditions, [accepted(ConditionStatus::Unknown, Reason::NoPulp, "b", at(9_000))]);
}

#[test]
fn conditions_do_not_disturb_each_other() {
    let mut conditions = Vec::new();
    set_accepted(&mut conditions, ConditionStatus::True, Reason::Planned, "a", at(0));
    set(
        &mut conditions,
        ConditionType::Running,
        ConditionStatus::False,
        Reason::NotStarted,
        "r",
        at(0),
        None,
    );
    set_accepted(&mut conditions, ConditionStatus::True, Reason::NoPulp, "b", at(1_000));
    assert_eq!(conditions[0], accepted(ConditionStatus::True, Reason::NoPulp, "b", at(0)));
    assert_eq!((conditions.len(), conditions[1].reason.as_str()), (2, "NotStarted"));
}

#[test]
fn a_long_message_is_cut_between_characters() {
    let mut conditions = Vec::new();
    set_accepted(&mut conditions, ConditionStatus::True, Reason::Planned, &"ä".repeat(5_000), at(0));
    assert_eq!(conditions[0].message, "ä".repeat(1_000));
}

#[test]
fn the_columns_are_those_of_the_best_cell() {
    let status = summarized(json!({
        "cells": {"total": 6, "finished": 0},
        "results": [
            result(0, "Completed", "Passed", Some("9.500"), Some(1)),
            result(1, "Completed", "Failed", Some("18.437"), Some(412_650)),
        ],
    }));
    let summary = StatusSummary {
        cells: Some("2/6".to_owned()),
        tasks: Some(20),
        tasks_per_second: Some("18.437".to_owned()),
        p99: Some("412.7s".to_owned()),
    };
    assert_eq!(status.summary, summary);
    let parameters = vec![CellParameter { name: "workers".to_owned(), value: "1".to_owned() }];
    assert_eq!(status.best, Some(Best { cell: 1, parameters, tasks_per_second: "18.437".to_owned() }));
}

#[test]
fn the_best_cell_is_one_whose_figures_can_be_trusted() {
    let status = summarized(json!({"results": [
        result(0, "Completed", "Invalid", Some("99.000"), Some(1)),
        result(1, "Incomplete", "Failed", Some("98.000"), Some(1)),
        result(2, "Completed", "Passed", Some("2.000"), None),
        result(3, "Completed", "Passed", None, None),
    ]}));
    assert_eq!(status.best.map(|best| best.cell), Some(2));
    assert_eq!((status.summary.tasks_per_second.as_deref(), status.summary.p99), (Some("2.000"), None));
    let none = summarized(json!({"results": [result(0, "Completed", "Invalid", Some("99.000"), Some(1))]}));
    assert_eq!((none.best, none.summary.tasks_per_second, none.summary.tasks), (None, None, Some(10)));
}

#[test]
fn tasks_of_the_current_cell_count_once() {
    let current = |cell: u32, stage: &str| {
        json!({
            "cell": cell, "attempt": 1, "stage": stage, "timeline": [],
            "live": {"at": "2026-01-01T00:00:00Z", "tasksSubmitted": 9, "tasksUnfinished": 2},
        })
    };
    let results = json!([result(0, "Completed", "Passed", Some("2.000"), Some(1))]);
    let tasks = |current: Value, results: &Value| {
        summarized(json!({"current": current, "results": results})).summary.tasks
    };
    assert_eq!(tasks(current(0, "Draining"), &json!([])), Some(7));
    assert_eq!(tasks(current(1, "Draining"), &results), Some(17));
    // The last cell stays the current one until everything is put back.
    assert_eq!(tasks(current(0, "Restoring"), &results), Some(10));
}

#[test]
fn nothing_is_said_before_there_is_something_to_say() {
    let status = summarized(json!({}));
    assert_eq!(
        (status.phase, status.summary, status.best),
        (Some(Phase::Pending), StatusSummary::default(), None)
    );
}

#[test]
fn the_phase_follows_the_stage_until_the_run_is_over() {
    let phase = |stage: &str, finished: &str| {
        let finished = json!({
            "type": "Finished", "status": finished, "reason": "R", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        let current = json!({"cell": 0, "attempt": 1, "stage": stage, "timeline": []});
        summarized(json!({"conditions": [finished], "current": current})).phase.unwrap()
    };
    for stage in ["AwaitingTargets", "Claiming"] {
        assert_eq!(phase(stage, "False"), Phase::Pending, "{stage}");
    }
    for stage in [
        "EmptyingQueue",
        "ScalingWorkers",
        "StartingGenerators",
        "Dispatching",
        "Draining",
        "CancelingTasks",
        "Collecting",
    ] {
        assert_eq!(phase(stage, "False"), Phase::Running, "{stage}");
    }
    assert_eq!(phase("Restoring", "False"), Phase::Restoring);
    assert_eq!(phase("Restoring", "Unknown"), Phase::Restoring);
    assert_eq!(phase("Restoring", "True"), Phase::Finished);
}
