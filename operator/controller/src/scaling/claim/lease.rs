//! The Lease that a claim is, and the signature without which it is none.
//!
//! Many programs may write Leases, since they elect their leaders by them. None of them is to have this operator
//! scale something by a Lease of the right name, so that all that is believed of a claim is signed with its key.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::ResourceExt;
use kube::api::ObjectMeta;
use serde_json::json;

use super::{Claim, ClaimRecord, Claimant};
use crate::generators::token::TokenKey;
use crate::objects::names::{MANAGED_BY_LABEL, MANAGED_BY_VALUE, TEST_UID_LABEL};

/// Marks a Lease as a claim.
pub(super) const CLAIM_LABEL: &str = "perf.pulpproject.org/claim";
/// The annotation of a claim that holds its [`ClaimRecord`].
pub(super) const RECORD_ANNOTATION: &str = "perf.pulpproject.org/claim";
/// The annotation of a claim that says who holds it. What its spec says of that is for people.
pub(super) const HOLDER_ANNOTATION: &str = "perf.pulpproject.org/claim-holder";
/// The annotation of a claim that holds its signature.
pub(super) const SIGNATURE_ANNOTATION: &str = "perf.pulpproject.org/claim-signature";

/// The name of the Lease that claims the target with this UID.
pub fn lease_name(target_uid: &str) -> String {
    format!("throughput-{target_uid}")
}

/// A claim as it is to be created.
pub(super) fn lease(key: &TokenKey, claimant: &Claimant, record: &ClaimRecord) -> Lease {
    let labels =
        [(MANAGED_BY_LABEL, MANAGED_BY_VALUE), (CLAIM_LABEL, "true"), (TEST_UID_LABEL, &claimant.test_uid)];
    let annotations =
        [(RECORD_ANNOTATION, json!(record).to_string()), (HOLDER_ANNOTATION, claimant.identity())];
    let mut lease = Lease {
        metadata: ObjectMeta {
            name: Some(lease_name(&record.uid)),
            namespace: Some(claimant.namespace.clone()),
            labels: Some(labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
            annotations: Some(annotations.map(|(name, value)| (name.to_owned(), value)).into()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(claimant.identity()),
            acquire_time: Some(MicroTime(jiff::Timestamp::now())),
            ..LeaseSpec::default()
        }),
    };
    sign(key, &mut lease);
    lease
}

/// Signs a claim as it is now.
pub fn sign(key: &TokenKey, lease: &mut Lease) {
    if let Some(text) = signed_text(lease) {
        let annotations = lease.metadata.annotations.get_or_insert_default();
        annotations.insert(SIGNATURE_ANNOTATION.to_owned(), key.signature(&text));
    }
}

/// The claim that a Lease is; `None` when it is none, or none of this key's.
pub(super) fn read(key: &TokenKey, lease: &impl ResourceExt) -> Option<Claim> {
    if !is_marked(lease) {
        return None;
    }
    let annotations = lease.annotations();
    let signature = annotations.get(SIGNATURE_ANNOTATION)?;
    if !key.has_signed(&signed_text(lease)?, signature) {
        return None;
    }
    match serde_json::from_str(annotations.get(RECORD_ANNOTATION)?) {
        Ok(record) => Some(Claim {
            lease: lease.name_any(),
            lease_uid: lease.uid()?,
            holder: annotations.get(HOLDER_ANNOTATION)?.clone(),
            test_uid: lease.labels().get(TEST_UID_LABEL)?.clone(),
            record,
        }),
        Err(error) => {
            tracing::error!(lease = lease.name_any(), %error, "a claim cannot be read; its target is not restored");
            None
        }
    }
}

/// Whether it says that it is a claim.
pub(super) fn is_marked(lease: &impl ResourceExt) -> bool {
    lease.labels().get(CLAIM_LABEL).is_some_and(|value| value == "true")
}

/// All that is believed of a claim, in one way only: in JSON no value reaches into the next. Its UID is not among it,
/// since it is signed before it has one.
fn signed_text(lease: &impl ResourceExt) -> Option<String> {
    let annotations = lease.annotations();
    let believed = json!([
        lease.namespace()?,
        lease.meta().name.as_ref()?,
        lease.labels().get(TEST_UID_LABEL)?,
        annotations.get(HOLDER_ANNOTATION)?,
        annotations.get(RECORD_ANNOTATION)?,
    ]);
    Some(format!("claim/1\n{believed}"))
}
