//! Claims: who scales a target, and what it was before.
//!
//! A claim is a `Lease` named after the target's UID. Creating it is the lock: the API server lets one
//! creator win. What it holds is the undo log: enough to put the target back even when the test that
//! claimed it is gone, and the field of its owner that was changed in its stead. It is created before anything
//! is scaled and deleted after everything is restored. A Lease that this operator's key did not sign is no claim:
//! nothing is restored by it, and what it is named after goes to nobody.

mod lease;
mod restore;
mod scale;

use std::collections::BTreeSet;
use std::future::ready;

use futures::{Stream, TryStreamExt};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions,
};
use kube::core::PartialObjectMeta;
use kube::{Client, ResourceExt};
use serde::{Deserialize, Serialize};
use serde_json::json;
use throughput_core::target::{Claimed, Holder, TargetName};

pub use lease::{lease_name, sign};
pub use restore::{RestoreError, Restored, restore, restore_all};
pub(crate) use scale::scale;

use crate::generators::token::TokenKey;
use crate::objects::deadline::{RequestError, within};
use crate::objects::names::{FIELD_MANAGER, TEST_UID_LABEL};
use crate::objects::obstacle::Obstacle;
use crate::objects::pages;
use crate::scaling::managed_fields;
use crate::scaling::own_pods::OwnPods;
use crate::scaling::owner::{self, ReplicasField};
use crate::scaling::scalable;

use lease::{CLAIM_LABEL, lease, read};

/// The annotation on a claimed target: a notice for people.
pub(crate) const NOTICE_ANNOTATION: &str = "perf.pulpproject.org/claimed-by";

/// Who claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// The namespace of the test and of everything that it scales.
    pub namespace: String,
    /// The test's name.
    pub test: String,
    /// The test's UID.
    pub test_uid: String,
}

/// What a claimed target was before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimRecord {
    /// Its kind and its name.
    #[serde(flatten)]
    pub target: TargetName,
    /// Its UID: another one of the same name is not restored.
    pub uid: String,
    /// Its replicas before.
    pub replicas: i32,
    /// Those of its `managedFields` that owned `spec.replicas` before.
    pub replicas_owners: Vec<ManagedFieldsEntry>,
    /// The field of its owner that says how many replicas there shall be; `None` when its own scale does.
    #[serde(default, rename = "lever", skip_serializing_if = "Option::is_none")]
    pub replicas_field: Option<ReplicasField>,
}

/// A claim of this operator's.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The Lease's name.
    pub lease: String,
    /// The Lease's UID.
    pub lease_uid: String,
    /// Who holds it, as [`Claimant::identity`] names him.
    pub holder: String,
    /// The UID of the test that holds it.
    pub test_uid: String,
    /// What was before.
    pub record: ClaimRecord,
}

/// Why a target was not claimed, or not scaled.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The API server did not claim it.
    #[error("cannot claim the {target}: {source}")]
    Request {
        /// The target.
        target: TargetName,
        /// What it said.
        source: RequestError,
    },
    /// It shall be scaled without being claimed.
    #[error("the {0} is not claimed by this test, and so it is not scaled")]
    NotHeld(TargetName),
    /// The API server did not scale it.
    #[error("cannot scale the {target} by {place}: {source}")]
    Scale {
        /// The target.
        target: TargetName,
        /// Where it was to be said how many there shall be.
        place: String,
        /// What it said.
        source: RequestError,
    },
}

impl Claim {
    /// It, as far as decisions depend on it.
    pub fn claimed(&self) -> Claimed {
        let ClaimRecord { target, replicas, replicas_field, uid: _, replicas_owners: _ } = &self.record;
        Claimed {
            target: target.clone(),
            replicas: u32::try_from(*replicas).unwrap_or_default(),
            through: replicas_field.as_ref().map(ToString::to_string),
        }
    }
}

impl Claimant {
    /// How the holder is named in a Lease.
    pub fn identity(&self) -> String {
        format!("{}/{}/{}", self.namespace, self.test, self.test_uid)
    }
}

/// A Lease that is marked as a claim, and is none of this operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsigned {
    /// Its name.
    pub(crate) lease: String,
    /// Its UID.
    pub(crate) uid: String,
}

/// The claims that this test holds.
pub async fn held_by(
    client: &Client,
    key: &TokenKey,
    namespace: &str,
    test_uid: &str,
) -> Result<Vec<Claim>, RequestError> {
    list(client, key, namespace, &format!("{CLAIM_LABEL}=true,{TEST_UID_LABEL}={test_uid}")).await
}

/// All claims of a namespace, whoever holds them.
pub async fn all_in(client: &Client, key: &TokenKey, namespace: &str) -> Result<Vec<Claim>, RequestError> {
    list(client, key, namespace, &format!("{CLAIM_LABEL}=true")).await
}

async fn list(
    client: &Client,
    key: &TokenKey,
    namespace: &str,
    selector: &str,
) -> Result<Vec<Claim>, RequestError> {
    let mut claims: Vec<Claim> = leases(client, namespace, selector)
        .try_filter_map(|lease| ready(Ok(read(key, &lease))))
        .try_collect()
        .await?;
    claims.sort_by(|one, other| one.record.target.cmp(&other.record.target));
    Ok(claims)
}

/// The UIDs of the tests that hold claims in a namespace.
pub(crate) async fn claimants(
    client: &Client,
    key: &TokenKey,
    namespace: &str,
) -> Result<BTreeSet<String>, RequestError> {
    leases(client, namespace, &format!("{CLAIM_LABEL}=true"))
        .try_filter_map(|lease| ready(Ok(read(key, &lease).map(|claim| claim.test_uid))))
        .try_collect()
        .await
}

/// The Leases of a namespace that are marked as claims and are none of this operator's.
pub(crate) fn unsigned(
    client: &Client,
    key: &TokenKey,
    namespace: &str,
) -> impl Stream<Item = Result<Unsigned, RequestError>> {
    leases(client, namespace, &format!("{CLAIM_LABEL}=true")).try_filter_map(move |lease| {
        let is_none = read(key, &lease).is_none();
        let told = || Unsigned { lease: lease.name_any(), uid: lease.uid().unwrap_or_default() };
        ready(Ok(is_none.then(told)))
    })
}

/// Leases, of which all that matters is in their metadata.
fn leases(
    client: &Client,
    namespace: &str,
    selector: &str,
) -> impl Stream<Item = Result<PartialObjectMeta<Lease>, RequestError>> + use<> {
    let leases: Api<PartialObjectMeta<Lease>> = Api::namespaced(client.clone(), namespace);
    pages::listed("list claims", &leases, ListParams::default().labels(selector))
}

/// Who holds the claim on this target.
pub async fn holder(
    client: &Client,
    key: &TokenKey,
    claimant: &Claimant,
    target_uid: &str,
) -> Result<Holder, RequestError> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), &claimant.namespace);
    let name = lease_name(target_uid);
    let Some(lease) = within("read a claim", leases.get_opt(&name)).await? else {
        return Ok(Holder::Nobody);
    };
    Ok(match read(key, &lease) {
        None => Holder::Unsigned { lease: name },
        Some(claim) if claim.holder == claimant.identity() => Holder::This,
        Some(claim) => Holder::Another(claim.holder),
    })
}

/// Claims these targets, all or none, in the order of their names so that two tests cannot each hold
/// what the other waits for. `false` when another test was first, or one of them is refused: then nothing new is held.
pub async fn claim_all(
    client: &Client,
    key: &TokenKey,
    claimant: &Claimant,
    targets: &[TargetName],
    own: &OwnPods,
) -> Result<bool, ClaimError> {
    let mut targets = targets.to_vec();
    targets.sort_unstable();
    let mut made = Vec::new();
    for target in &targets {
        let failed = |source| ClaimError::Request { target: target.clone(), source };
        match claim_one((client, key), claimant, target, own).await {
            Err(Obstacle::Request(error)) => return Err(failed(error)),
            Ok(Attempt::Made(claim)) => made.push(*claim),
            Ok(Attempt::AlreadyOurs) => {}
            // Why it cannot be scaled is said by the next look at it.
            Ok(Attempt::NotNow) | Err(Obstacle::Refused(_)) => {
                for claim in &made {
                    release(client, &claimant.namespace, claim).await.map_err(failed)?;
                }
                return Ok(false);
            }
        }
    }
    for target in &targets {
        announce(client, claimant, target)
            .await
            .map_err(|source| ClaimError::Request { target: target.clone(), source })?;
    }
    Ok(true)
}

enum Attempt {
    Made(Box<Claim>),
    AlreadyOurs,
    /// It is not there, or another test was first.
    NotNow,
}

async fn claim_one(
    (client, key): (&Client, &TokenKey),
    claimant: &Claimant,
    target: &TargetName,
    own: &OwnPods,
) -> Result<Attempt, Obstacle> {
    let namespace = claimant.namespace.as_str();
    let Some(found) = owner::target(client, namespace, target, own).await? else {
        return Ok(Attempt::NotNow);
    };
    let uid = found.uid().unwrap_or_default();
    match holder(client, key, claimant, &uid).await? {
        Holder::This => return Ok(Attempt::AlreadyOurs),
        Holder::Another(_) | Holder::Unsigned { .. } => return Ok(Attempt::NotNow),
        Holder::Nobody => {}
    }
    // Read again, now that nobody holds it: the first look may have seen what the last holder scaled, just
    // before it was put back.
    let Some(found) = owner::target(client, namespace, target, own).await? else {
        return Ok(Attempt::NotNow);
    };
    if found.uid().as_ref() != Some(&uid) {
        return Ok(Attempt::NotNow);
    }
    let field = owner::find(client, namespace, target, &found).await?;
    let record = ClaimRecord {
        target: target.clone(),
        replicas: scalable::wanted_replicas(&found),
        replicas_owners: managed_fields::owners_of(found.managed_fields(), &managed_fields::replicas()),
        uid,
        replicas_field: field,
    };
    let leases: Api<Lease> = Api::namespaced(client.clone(), &claimant.namespace);
    let lease = lease(key, claimant, &record);
    match within("create a claim", leases.create(&PostParams::default(), &lease)).await {
        Ok(lease) => Ok(Attempt::Made(Box::new(Claim {
            lease: lease.name_any(),
            lease_uid: lease.uid().unwrap_or_default(),
            holder: claimant.identity(),
            test_uid: claimant.test_uid.clone(),
            record,
        }))),
        Err(error) if error.is_conflict() => Ok(Attempt::NotNow),
        Err(error) => Err(error.into()),
    }
}

/// Writes the notice for people onto the target.
async fn announce(client: &Client, claimant: &Claimant, target: &TargetName) -> Result<(), RequestError> {
    let targets = targets(client, &claimant.namespace, target);
    let notice = json!({"metadata": {"annotations": {NOTICE_ANNOTATION: format!("ThroughputTest {}", claimant.test)}}});
    within("announce a claim", targets.patch(&target.name, &ours(), &Patch::Merge(&notice))).await?;
    Ok(())
}

/// Where the targets of this one's kind are.
fn targets(client: &Client, namespace: &str, target: &TargetName) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &scalable::resource(target.kind))
}

/// A patch in the operator's name.
fn ours() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}

/// Gives up a claim. What it claimed has been restored.
async fn release(client: &Client, namespace: &str, claim: &Claim) -> Result<(), RequestError> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
    let precondition = Preconditions { uid: Some(claim.lease_uid.clone()), resource_version: None };
    let params = DeleteParams { preconditions: Some(precondition), ..DeleteParams::default() };
    match within("release a claim", leases.delete(&claim.lease, &params)).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
