//! Waiting for the sources.

use serde_json::json;
use throughput_crds::{ConditionStatus, ConditionType, Stage, StageEntry, ThroughputTestStatus};
use throughput_model::source_report::{Shortfall, SourceReport, SourceSummary};

use crate::decide::fixture::{
    at, completed, condition, counts, delivered, events, facts, generators, observed, place, plan_of, read,
    status_at,
};
use crate::decide::{Action, Decision, decide};
use crate::kinds::pulp_tasks::observed::OwnTasks;
use crate::observed::{Job, Observed, Sources};
use crate::plan::Plan;

fn watched() -> Plan {
    let observe = json!({"pods": [{"name": "api", "selector": {"matchLabels": {"app": "pulp"}}}]});
    let mut plan = plan_of(&json!([{"name": "workers", "of": "Scale", "values": [2, 4]}]));
    plan.observe = serde_json::from_value(observe).unwrap();
    plan.is_watched = true;
    plan
}

fn decided(status: &ThroughputTestStatus, observed: &Observed, seconds: i64) -> Decision {
    decide(&facts(), &Ok(watched()), status, observed, at(seconds))
}

/// A cell in this stage that has dispatched its tasks.
fn dispatched(stage: Stage) -> ThroughputTestStatus {
    let mut status = status_at(0, stage);
    let timeline = &mut status.current.as_mut().unwrap().timeline;
    timeline.insert(0, StageEntry { stage: Stage::Dispatching, since: at(0) });
    if stage == Stage::Collecting {
        timeline.insert(1, StageEntry { stage: Stage::Settling, since: at(0) });
    }
    status
}

fn shortfall() -> Shortfall {
    Shortfall {
        reason: "MetricsApiMissing".to_owned(),
        message: "the server could not find the requested resource".to_owned(),
        metrics: None,
        count: 1,
        first_at: at(0),
        last_at: at(0),
    }
}

fn seen(settled: bool, shortfalls: Vec<Shortfall>) -> Sources {
    let summary = SourceSummary {
        source: "pods".to_owned(),
        shortfalls: shortfalls.clone(),
        figures: [("pods.api.restarts.total".to_owned(), 2.0)].into(),
        ..SourceSummary::default()
    };
    let report =
        SourceReport { summary, base: at(0), series: Vec::new(), tables: Vec::new(), documents: Vec::new() };
    let shortfalls = shortfalls.into_iter().map(|shortfall| ("pods".to_owned(), shortfall)).collect();
    Sources::Seen { settled, shortfalls, reports: vec![report] }
}

fn with(sources: Sources) -> Observed {
    let drained = counts(Some(OwnTasks { submitted: 10, unfinished: 0 }), 2);
    let generators = generators(Job::Complete, 1, vec![delivered(10)]);
    read(completed(10), Observed { pulp: drained, sources, generators, ..observed() })
}

#[test]
fn a_cell_whose_tasks_have_ended_waits_for_its_sources_where_it_has_any() {
    let drained = dispatched(Stage::Draining);
    assert_eq!(place(&decided(&drained, &with(Sources::NotYet), 1)), Some((0, Stage::Settling)));
    // Nothing was dispatched, so there is nothing to be seen.
    let mut never = dispatched(Stage::CancelingTasks);
    never.current.as_mut().unwrap().timeline.remove(0);
    assert_eq!(place(&decided(&never, &with(Sources::NotYet), 1)), Some((0, Stage::Collecting)));
}

#[test]
fn the_sources_are_waited_for_until_their_time_is_up() {
    let settling = dispatched(Stage::Settling);
    for waiting in [Sources::NotYet, seen(false, Vec::new())] {
        assert_eq!(place(&decided(&settling, &with(waiting.clone()), 300)), Some((0, Stage::Settling)));
        let late = decided(&settling, &with(waiting), 301);
        assert_eq!(
            (place(&late), events(&late)),
            (Some((0, Stage::Collecting)), vec!["!SourcesIncomplete".to_owned()])
        );
    }
    assert_eq!(place(&decided(&settling, &with(seen(true, Vec::new())), 1)), Some((0, Stage::Collecting)));
}

#[test]
fn what_a_source_does_not_see_is_a_condition_and_ends_nothing() {
    let draining = dispatched(Stage::Dispatching);
    let decision = decided(&draining, &with(seen(false, vec![shortfall()])), 1);
    let said = condition(&decision, ConditionType::SourcesComplete);
    let words = "pods: MetricsApiMissing: the server could not find the requested resource";
    assert_eq!((said.0, said.2), (ConditionStatus::False, words));
    let decision = decided(&draining, &with(seen(false, Vec::new())), 1);
    assert_eq!(condition(&decision, ConditionType::SourcesComplete).0, ConditionStatus::True);
}

#[test]
fn an_operator_that_was_started_again_reads_what_the_sources_saw_before_it_writes_the_figures() {
    let collecting = dispatched(Stage::Collecting);
    for waiting in [Sources::NotYet, seen(false, Vec::new())] {
        let decision = decided(&collecting, &with(waiting), 1);
        assert_eq!((place(&decision), decision.actions), (Some((0, Stage::Collecting)), Vec::new()));
    }
}

#[test]
fn what_the_sources_saw_is_in_the_status_the_report_and_the_events() {
    let decision = decided(&dispatched(Stage::Collecting), &with(seen(true, Vec::new())), 1);
    let observed = decision.status.results[0].observed.clone().unwrap();
    assert_eq!((observed.restarts, observed.incomplete.len()), (Some(2), 0));
    assert!(decision.status.results[0].observations[0].starts_with("2 restarts of containers of api"));
    assert!(events(&decision).contains(&"Observed".to_owned()), "{:?}", decision.events);
    let detail = decision.actions.iter().find_map(|action| match action {
        Action::WriteReport { detail, .. } => Some(detail),
        _ => None,
    });
    assert_eq!(detail.unwrap().sources.len(), 1);
}
