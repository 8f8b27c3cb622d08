//! The load generators of a cell: their Job, and what they have stored with the collector.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, ListParams};
use throughput_core::identity::TestFacts;
use throughput_core::observed::{Generators, Job as JobState};
use throughput_model::cell::CellAddress;
use throughput_model::generator::GeneratorResult;

use super::pods;
use crate::generators::token::TokenKey;
use crate::objects::deadline::{RequestError, within};
use crate::objects::generator_maps::{self, Stored};
use crate::objects::names;
use crate::objects::pages;

/// How many of a Job's pods are looked at: it has 64, and others in the place of those that have failed.
const MOST_PODS: usize = 200;

/// Looks at the Job of a cell, and at what so many of its generators have stored.
pub(super) async fn look(
    (client, key): (&Client, &TokenKey),
    facts: &TestFacts,
    address: &CellAddress,
    stored_by: u32,
) -> Result<Generators, RequestError> {
    let name = names::cell(&facts.name, address);
    let jobs: Api<Job> = Api::namespaced(client.clone(), &facts.namespace);
    // Before what is stored: of a Job that has ended well all is stored then.
    let job = within("read the cell's Job", jobs.get_opt(&name)).await?;
    let stored = generator_maps::read((client, key), facts, address, stored_by).await?;
    let mut generators =
        Generators { job: job.as_ref().map(state).unwrap_or_default(), ..Generators::default() };
    for Stored { registered, result } in stored {
        generators.registered += u32::from(registered);
        match result.map(|text| GeneratorResult::from_json(text.as_bytes())).transpose() {
            Ok(result) => generators.results.extend(result),
            // The collector stores only what it has read: an operator of another version stored it.
            Err(error) => tracing::error!(name, %error, "a stored result cannot be read"),
        }
    }
    if matches!(generators.job, JobState::Active { .. } | JobState::Failed { .. }) {
        let words = pod_words(client, facts, &name).await?;
        match &mut generators.job {
            JobState::Active { trouble } => *trouble = words,
            // What the pod said tells more than that the Job's limit of failures is reached.
            JobState::Failed { message } => *message = words.unwrap_or_else(|| std::mem::take(message)),
            JobState::Absent | JobState::Complete => {}
        }
    }
    Ok(generators)
}

fn state(job: &Job) -> JobState {
    if job.metadata.deletion_timestamp.is_some() {
        return JobState::Active { trouble: None };
    }
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ended = conditions.into_iter().flatten().find(|condition| {
        condition.status == "True"
            && ["Complete", "Failed", "FailureTarget"].contains(&condition.type_.as_str())
    });
    match ended {
        None => JobState::Active { trouble: None },
        Some(condition) if condition.type_ == "Complete" => JobState::Complete,
        Some(condition) => JobState::Failed { message: condition.message.clone().unwrap_or_default() },
    }
}

/// Why the Job's pods do not start, or what they ended with, in the kubelet's words.
async fn pod_words(client: &Client, facts: &TestFacts, job: &str) -> Result<Option<String>, RequestError> {
    let api: Api<Pod> = Api::namespaced(client.clone(), &facts.namespace);
    let selector = format!("batch.kubernetes.io/job-name={job}");
    let of_job = ListParams::default().labels(&selector);
    let pods: Vec<Pod> =
        pages::listed("list the Job's pods", &api, of_job).take(MOST_PODS).try_collect().await?;
    Ok(pods::words(&pods))
}
