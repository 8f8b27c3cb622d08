//! Whether the API server would take a cell's generators: asked by a dry run before anything is scaled. Of a quota, a
//! `LimitRange`, Pod Security or a webhook nothing is known otherwise until the workers have been scaled for nothing.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use throughput_core::identity::TestFacts;
use throughput_core::plan::generator_order::GeneratorOrder;
use throughput_core::reason::{Reason, Why};

use crate::apply::pods::{CellError, CellIngredients, CellObjects, GeneratorSettings, cell_objects};
use crate::objects::deadline::{RequestError, within};

/// What a webhook says that was never asked, since its owner did not say that it may be.
const NOT_ASKED: &str = "does not support dry run";

/// Why the generators of this order would not be made, if so.
pub(super) async fn refusal(
    client: &Client,
    settings: &GeneratorSettings,
    test: &TestFacts,
    order: &GeneratorOrder,
) -> Result<Option<Why>, RequestError> {
    // Their tokens are in the Secret, which is not asked for.
    let ingredients = CellIngredients { test, order, tokens: &[] };
    let job = match cell_objects(settings, &ingredients) {
        Ok(CellObjects { job, .. }) => job,
        Err(error @ (CellError::Affinity(_) | CellError::Json(_))) => {
            return Ok(Some(Why::new(Reason::GeneratorsRefused, error.to_string())));
        }
    };
    let pod = job.spec.as_ref().map(|spec| spec.template.clone()).unwrap_or_default();
    let metadata = pod.metadata.unwrap_or_default();
    let pod = Pod {
        metadata: ObjectMeta { name: job.metadata.name.clone(), ..metadata },
        spec: pod.spec,
        ..Pod::default()
    };
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let jobs: Api<Job> = Api::namespaced(client.clone(), &test.namespace);
    let pods: Api<Pod> = Api::namespaced(client.clone(), &test.namespace);
    let asked = within("ask for the load generators' Job by a dry run", jobs.create(&dry_run, &job)).await;
    if let Some(why) = refused(asked.map(drop))? {
        return Ok(Some(why));
    }
    refused(
        within("ask for a load generator's pod by a dry run", pods.create(&dry_run, &pod)).await.map(drop),
    )
}

fn refused(asked: Result<(), RequestError>) -> Result<Option<Why>, RequestError> {
    match asked {
        Err(error) if error.is_refusal() && error.to_string().contains(NOT_ASKED) => Ok(None),
        Err(error) if error.is_refusal() => {
            let words = format!("the load generators would not be started: {error}");
            Ok(Some(Why::new(Reason::GeneratorsRefused, words)))
        }
        // It is there already: a look before has made it.
        Err(error) if error.is_conflict() => Ok(None),
        Err(error) => Err(error),
        Ok(()) => Ok(None),
    }
}
