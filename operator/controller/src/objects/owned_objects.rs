//! What belongs to a test: its objects, by their owner. What only has the name of one is not touched.

use std::fmt::Debug;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use throughput_core::identity::TestFacts;
use throughput_model::cell::CellAddress;

use crate::objects::deadline::{RequestError, within};
use crate::objects::names::{self, FIELD_MANAGER};

/// An object that was not written.
#[derive(Debug, thiserror::Error)]
pub enum OwnedObjectError {
    /// The API server did not do it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The name is another's.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
}

/// An object has a name that one of the test's should have, and belongs to somebody else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {kind} {name} exists and does not belong to this test: delete it, or give the test another name"
)]
pub struct NameTaken {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A kind of object that tests have.
pub(crate) trait OwnedObject:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize
{
}

impl OwnedObject for ConfigMap {}
impl OwnedObject for Secret {}
impl OwnedObject for Job {}

/// Makes an object of the test, or makes it again as it should be.
pub(crate) async fn apply<K: OwnedObject>(
    client: &Client,
    facts: &TestFacts,
    object: &K,
) -> Result<(), OwnedObjectError> {
    let (objects, name) = (api::<K>(client, facts), object.name_any());
    let Some(uid) = find(&objects, facts, &name).await? else {
        return create(&objects, facts, object).await;
    };
    // With the UID, so that what takes its place meanwhile is not written to.
    let mut wanted = object.clone();
    wanted.meta_mut().uid = Some(uid);
    let params = PatchParams::apply(FIELD_MANAGER).force();
    within("apply an object of the test", objects.patch(&name, &params, &Patch::Apply(&wanted))).await?;
    Ok(())
}

/// Makes an object of the test that stays as it was made: a Job's pods cannot be changed, so one that an operator of
/// another version made is left as it is. Whether it was not there.
pub(crate) async fn create_if_absent<K: OwnedObject>(
    client: &Client,
    facts: &TestFacts,
    object: &K,
) -> Result<bool, OwnedObjectError> {
    let objects = api::<K>(client, facts);
    let is_absent = find(&objects, facts, &object.name_any()).await?.is_none();
    if is_absent {
        create(&objects, facts, object).await?;
    }
    Ok(is_absent)
}

async fn create<K: OwnedObject>(
    objects: &Api<K>,
    facts: &TestFacts,
    object: &K,
) -> Result<(), OwnedObjectError> {
    let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    match within("make an object of the test", objects.create(&params, object)).await {
        Ok(_) => Ok(()),
        // Somebody was faster: the operator that was here before, or another who takes the name.
        Err(error) if error.is_conflict() => find(objects, facts, &object.name_any()).await.map(drop),
        Err(error) => Err(error.into()),
    }
}

/// Deletes an object of the test. What is not there, or is another's, need not be deleted.
pub(crate) async fn remove<K: OwnedObject>(
    client: &Client,
    facts: &TestFacts,
    name: &str,
    params: DeleteParams,
) -> Result<(), RequestError> {
    let objects = api::<K>(client, facts);
    let uid = match find(&objects, facts, name).await {
        Ok(Some(uid)) => uid,
        Ok(None) | Err(OwnedObjectError::NameTaken(_)) => return Ok(()),
        Err(OwnedObjectError::Request(error)) => return Err(error),
    };
    let params = params.preconditions(Preconditions { uid: Some(uid), resource_version: None });
    match within("delete an object of the test", objects.delete(name, &params)).await {
        Ok(_) => Ok(()),
        // Gone, or another has its name now.
        Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
        Err(error) => Err(error),
    }
}

/// The first name that the test will need and that is another's. Those of later cells are looked at when they are
/// needed.
pub(crate) async fn name_conflict(
    client: &Client,
    facts: &TestFacts,
    first_cell: &CellAddress,
) -> Result<Option<NameTaken>, RequestError> {
    let (report, cell) = (names::report(&facts.name), names::cell(&facts.name, first_cell));
    let looked_at = [
        is_taken::<ConfigMap>(client, facts, &report).await?,
        is_taken::<ConfigMap>(client, facts, &cell).await?,
        is_taken::<Secret>(client, facts, &cell).await?,
        is_taken::<Job>(client, facts, &cell).await?,
    ];
    Ok(looked_at.into_iter().flatten().next())
}

async fn is_taken<K: OwnedObject>(
    client: &Client,
    facts: &TestFacts,
    name: &str,
) -> Result<Option<NameTaken>, RequestError> {
    match find(&api::<K>(client, facts), facts, name).await {
        Ok(_) => Ok(None),
        Err(OwnedObjectError::NameTaken(taken)) => Ok(Some(taken)),
        Err(OwnedObjectError::Request(error)) => Err(error),
    }
}

/// The UID of the test's object of this name, if there is one.
async fn find<K: OwnedObject>(
    objects: &Api<K>,
    facts: &TestFacts,
    name: &str,
) -> Result<Option<String>, OwnedObjectError> {
    let found = within("read an object of the test", objects.get_opt(name)).await?;
    match found {
        Some(found) if !found.owner_references().iter().any(|owner| owner.uid == facts.uid) => {
            Err(NameTaken { kind: K::kind(&()).into_owned(), name: name.to_owned() }.into())
        }
        found => Ok(found.and_then(|found| found.uid())),
    }
}

fn api<K: OwnedObject>(client: &Client, facts: &TestFacts) -> Api<K> {
    Api::namespaced(client.clone(), &facts.namespace)
}
