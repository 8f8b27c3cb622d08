//! Lists of the API server, by pages whose bytes have a bound. The API server bounds only how many objects a page has, and
//! each may have up to 1.5 MB. So a page that is longer than it may be is given up, and a shorter one is asked for.

use std::fmt::Debug;
use std::time::Duration;

use futures::AsyncReadExt;
use k8s_openapi::api::core::v1::{Container, EphemeralContainer, Pod, PodSpec};
use kube::Resource;
use kube::api::{Api, ListParams};
use kube::core::{ObjectList, Request};
use serde::de::DeserializeOwned;
use throughput_answers::{Budget, Share, weight};
use tokio::time::Instant;

use crate::kubernetes::{DEADLINE, NoAnswer, await_answer};

/// What the lists of a process may take together, in bytes.
pub const BUDGET_BYTES: u32 = 16 << 20;
/// The longest page.
const MOST_BYTES: usize = 4 << 20;
/// The most that a page may take, as it came and as it was understood.
const MOST_WEIGHT: usize = 12 << 20;
/// A structure of Kubernetes's API: the largest, containers, have a kilobyte and are written in hundreds of bytes.
const OBJECT_BYTES: usize = 512;
/// How many objects a page has, at most: as many as fit in, each of the next steps if they do not.
const STEPS: [u32; 4] = [50, 10, 3, 1];
/// How long the request for a page may take, waiting for room included.
const PAGE_DEADLINE: Duration = DEADLINE;
/// The labels of a pod that are kept. Nobody has more who wants to be found by them.
const MOST_LABELS: usize = 100;

/// Hands out the objects of a list, page by page, `most` at most. Returns whether there are more.
pub(crate) async fn each<K>(
    objects: &Api<K>,
    wanted: &ListParams,
    most: usize,
    lists: &Budget,
    mut take: impl FnMut(K),
) -> Result<bool, NoAnswer>
where
    K: Clone + DeserializeOwned + Debug + Resource,
{
    let (mut wanted, mut steps, mut taken) = (wanted.clone(), STEPS.iter(), 0);
    let mut limit = steps.next();
    while let Some(objects_of_page) = limit {
        let rest = u32::try_from(most - taken).unwrap_or(u32::MAX);
        wanted.limit = Some((*objects_of_page).min(rest));
        let Some((page, _share)) = page(objects, &wanted, lists).await? else {
            limit = steps.next();
            continue;
        };
        taken += page.items.len();
        page.items.into_iter().for_each(&mut take);
        match page.metadata.continue_.filter(|more| !more.is_empty()) {
            Some(_) if taken >= most => return Ok(true),
            Some(more) => wanted.continue_token = Some(more),
            None => return Ok(false),
        }
    }
    Err(NoAnswer::TooLarge)
}

/// All objects of a list that has no pages, such as the metrics API's.
pub(crate) async fn whole<K>(
    objects: &Api<K>,
    wanted: &ListParams,
    lists: &Budget,
) -> Result<Vec<K>, NoAnswer>
where
    K: Clone + DeserializeOwned + Debug + Resource,
{
    let (list, _share) = page(objects, wanted, lists).await?.ok_or(NoAnswer::TooLarge)?;
    Ok(list.items)
}

/// A page with what it takes of the budget; none where it would be more than it may.
async fn page<K>(
    objects: &Api<K>,
    wanted: &ListParams,
    lists: &Budget,
) -> Result<Option<(ObjectList<K>, Share)>, NoAnswer>
where
    K: Clone + DeserializeOwned + Debug + Resource,
{
    let request = Request::new(objects.resource_url()).list(wanted);
    let request = request.map_err(|error| NoAnswer::Failed(kube::Error::BuildRequest(error)))?;
    let client = objects.clone().into_client();
    let mut share =
        lists.take(MOST_WEIGHT, Instant::now() + PAGE_DEADLINE).await.map_err(|_| NoAnswer::TimedOut)?;
    let read = async {
        let answer = client.request_stream(request).await?;
        let mut body = Vec::new();
        let read = answer.take(MOST_BYTES as u64 + 1).read_to_end(&mut body).await;
        read.map_err(|error| kube::Error::Service(error.into()))?;
        Ok(body)
    };
    let body = await_answer(PAGE_DEADLINE, read).await?;
    let weight = weight(&body, OBJECT_BYTES);
    if body.len() > MOST_BYTES || weight > MOST_WEIGHT {
        return Ok(None);
    }
    share.keep(weight);
    let list =
        serde_json::from_slice(&body).map_err(|error| NoAnswer::Failed(kube::Error::SerdeError(error)))?;
    Ok(Some((list, share)))
}

/// A pod without what no source needs: annotations, environments, volumes.
pub(crate) fn slim(pod: Pod) -> Pod {
    let Pod { mut metadata, spec, status } = pod;
    metadata.annotations = None;
    metadata.managed_fields = None;
    metadata.finalizers = None;
    if let Some(labels) = &mut metadata.labels
        && let Some(first) = labels.keys().nth(MOST_LABELS).cloned()
    {
        drop(labels.split_off(&first));
    }
    Pod { metadata, spec: spec.map(slim_spec), status }
}

fn slim_spec(spec: PodSpec) -> PodSpec {
    let containers = |containers: Vec<Container>| containers.into_iter().map(slim_container).collect();
    let named = |container: EphemeralContainer| EphemeralContainer {
        name: container.name,
        ..EphemeralContainer::default()
    };
    PodSpec {
        containers: containers(spec.containers),
        init_containers: spec.init_containers.map(containers),
        ephemeral_containers: spec.ephemeral_containers.map(|all| all.into_iter().map(named).collect()),
        node_name: spec.node_name,
        security_context: spec.security_context,
        share_process_namespace: spec.share_process_namespace,
        ..PodSpec::default()
    }
}

fn slim_container(container: Container) -> Container {
    Container {
        name: container.name,
        image: container.image,
        resources: container.resources,
        restart_policy: container.restart_policy,
        security_context: container.security_context,
        ..Container::default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::Mutex;

    use kube::Client;
    use kube::client::Body;
    use serde_json::json;

    use super::*;

    /// An API server that has so many pods, each with so many bytes of annotations; it notes each page's length that was
    /// asked for.
    fn api_server(pods: usize, bytes: usize) -> (Api<Pod>, Arc<Mutex<Vec<usize>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let number =
                |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.parse::<usize>().ok());
            let (first, limit) = (number("continue=").unwrap_or_default(), number("limit=").unwrap_or(pods));
            noted.lock().unwrap().push(limit);
            let end = pods.min(first + limit);
            let pod = |number| {
                json!({
                    "metadata": {"name": format!("pod-{number}"), "annotations": {"notes": "n".repeat(bytes)}},
                    "spec": {"containers": [{"name": "main", "env": [{"name": "A", "value": "a"}]}]},
                })
            };
            let more = if end < pods { end.to_string() } else { String::new() };
            let items: Vec<_> = (first..end).map(pod).collect();
            let list = json!({"metadata": {"continue": more}, "items": items});
            std::future::ready(Ok::<_, std::convert::Infallible>(http::Response::new(Body::from(
                list.to_string().into_bytes(),
            ))))
        });
        (Api::namespaced(Client::new(service, "perf"), "perf"), asked)
    }

    async fn listed(pods: &Api<Pod>, most: usize, lists: &Budget) -> Result<(Vec<Pod>, bool), NoAnswer> {
        let mut found = Vec::new();
        let more = each(pods, &ListParams::default(), most, lists, |pod| found.push(slim(pod))).await?;
        Ok((found, more))
    }

    #[tokio::test]
    async fn a_page_that_is_too_long_is_asked_for_again_with_fewer_objects_and_none_is_missed() {
        let (pods, asked) = api_server(60, 250 << 10);
        let lists = Budget::new(BUDGET_BYTES);
        let (found, more) = listed(&pods, 500, &lists).await.ok().unwrap();
        let names: Vec<String> = (0..60).map(|number| format!("pod-{number}")).collect();
        let found: Vec<String> = found.into_iter().filter_map(|pod| pod.metadata.name).collect();
        assert_eq!((found, more), (names, false));
        assert_eq!(asked.lock().unwrap()[..3], [50, 10, 10]);
        assert_eq!(lists.free_bytes(), BUDGET_BYTES as usize);
    }

    #[tokio::test]
    async fn an_object_that_is_too_long_by_itself_is_told() {
        let (pods, asked) = api_server(1, 5 << 20);
        let listed = listed(&pods, 500, &Budget::new(BUDGET_BYTES)).await;
        assert!(matches!(listed, Err(NoAnswer::TooLarge)));
        assert_eq!(*asked.lock().unwrap(), STEPS.map(|limit| limit as usize));
    }

    #[tokio::test]
    async fn of_more_objects_than_are_wanted_the_first_are_handed_out() {
        let (pods, _) = api_server(200, 10);
        let (found, more) = listed(&pods, 120, &Budget::new(BUDGET_BYTES)).await.ok().unwrap();
        assert_eq!((found.len(), more), (120, true));
    }

    #[tokio::test]
    async fn what_no_source_needs_of_a_pod_is_not_kept() {
        let (pods, _) = api_server(1, 1_000);
        let (found, _) = listed(&pods, 500, &Budget::new(BUDGET_BYTES)).await.ok().unwrap();
        let kept = serde_json::to_value(&found[0]).unwrap();
        let expected = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod-0"}, "spec": {"containers": [{"name": "main"}]}});
        assert_eq!(kept, expected);
    }
}
