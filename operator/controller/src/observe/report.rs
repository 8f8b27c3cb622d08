//! The report of the cells before this one. What its `ConfigMap` does not have any more is made anew of what the cells
//! themselves kept.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::Api;
use kube::{Client, ResourceExt};
use throughput_core::identity::TestFacts;
use throughput_core::judge::result::summarized;
use throughput_crds::{CellResult, ThroughputTestStatus};
use throughput_model::cell::CellAddress;
use throughput_report::data::{CellDetail, SCHEMA_VERSION, TestReport};
use throughput_report::fit::details::{CELL_FILE, unpack};
use throughput_report::fit::pictures;
use throughput_report::timeline::Timelines;

use crate::objects::deadline::{RequestError, within};
use crate::objects::names;

/// Reads the report, and completes it to all the cells of the status. Those of which nothing was kept are its
/// `lost_cells`.
pub(super) async fn read(
    client: &Client,
    facts: &TestFacts,
    main_axis: &str,
    status: &ThroughputTestStatus,
) -> Result<Option<TestReport>, RequestError> {
    let stored = stored(client, facts).await?;
    if stored.is_none() && status.results.is_empty() {
        return Ok(None);
    }
    let mut report =
        stored.unwrap_or_else(|| TestReport::empty(&facts.namespace, &facts.name, &facts.uid, main_axis));
    report.lost_cells.clear();
    for result in &status.results {
        if report.cells.iter().any(|cell| cell.cell == result.cell) {
            continue;
        }
        match kept(client, facts, result).await? {
            Some(detail) => {
                tracing::warn!(
                    test = facts.name,
                    cell = result.cell,
                    "the report is completed by what its cell kept"
                );
                report.timelines = report.timelines.with(detail.to_timeline());
                report = report.with(detail.figures);
            }
            None => report.lost_cells.push(result.cell),
        }
    }
    Ok(Some(report))
}

/// What the report's `ConfigMap` has, if it is this test's.
async fn stored(client: &Client, facts: &TestFacts) -> Result<Option<TestReport>, RequestError> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &facts.namespace);
    let map = within("read the report", maps.get_opt(&names::report(&facts.name))).await?;
    let Some(mut map) = map else {
        return Ok(None);
    };
    let Some(text) = map.data.as_mut().and_then(|data| data.remove("report.json")) else {
        return Ok(None);
    };
    match serde_json::from_str::<TestReport>(&text) {
        Ok(report) if report.test_uid == facts.uid && report.schema_version == SCHEMA_VERSION => {
            Ok(Some(TestReport { timelines: timelines(&map, facts), ..report }))
        }
        Ok(_) => Ok(None),
        Err(error) => {
            tracing::error!(test = facts.name, %error, "the report so far cannot be read; it is begun anew");
            Ok(None)
        }
    }
}

/// What is drawn of the cells before this one.
fn timelines(map: &ConfigMap, facts: &TestFacts) -> Timelines {
    let file = map.binary_data.as_ref().and_then(|files| files.get(pictures::TIMELINES_FILE));
    let read = file.map(|file| pictures::read_timelines(&file.0)).transpose().unwrap_or_else(|error| {
        tracing::error!(test = facts.name, %error, "the pictures so far cannot be read; they are begun anew");
        None
    });
    read.unwrap_or_default()
}

/// The details that a cell kept, if they are those of which this row of the status was made.
async fn kept(
    client: &Client,
    facts: &TestFacts,
    result: &CellResult,
) -> Result<Option<CellDetail>, RequestError> {
    let address = CellAddress { test_uid: facts.uid.clone(), cell: result.cell, attempt: result.attempt };
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &facts.namespace);
    let map = within("read a cell's details", maps.get_opt(&names::cell(&facts.name, &address))).await?;
    let Some(map) = map.filter(|map| map.owner_references().iter().any(|owner| owner.uid == facts.uid))
    else {
        return Ok(None);
    };
    let Some(file) = map.binary_data.as_ref().and_then(|files| files.get(CELL_FILE)) else {
        return Ok(None);
    };
    match unpack(&file.0) {
        Ok(detail) if is_of(&detail, result) => Ok(Some(detail)),
        Ok(_) => {
            tracing::error!(
                test = facts.name,
                cell = result.cell,
                "what the cell kept is not what was measured"
            );
            Ok(None)
        }
        Err(error) => {
            tracing::error!(test = facts.name, cell = result.cell, %error, "what the cell kept cannot be read");
            Ok(None)
        }
    }
}

/// Whether a row of the status was made of these details. Observations may have come to the row since.
fn is_of(detail: &CellDetail, result: &CellResult) -> bool {
    let row = |result: CellResult| CellResult { observations: Vec::new(), ..result };
    row(summarized(&detail.figures)) == row(result.clone())
}
