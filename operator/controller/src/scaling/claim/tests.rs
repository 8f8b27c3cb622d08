use k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1;

use super::*;

fn claimant() -> Claimant {
    Claimant { namespace: "pulp".to_owned(), test: "small".to_owned(), test_uid: "3f1c".to_owned() }
}

fn record() -> ClaimRecord {
    ClaimRecord {
        target: TargetName::deployment("pulp-worker"),
        uid: "77aa".to_owned(),
        replicas: 2,
        replicas_owners: vec![ManagedFieldsEntry {
            manager: Some("helm".to_owned()),
            operation: Some("Update".to_owned()),
            api_version: Some("apps/v1".to_owned()),
            fields_v1: Some(FieldsV1(json!({"f:spec": {"f:replicas": {}}}))),
            ..ManagedFieldsEntry::default()
        }],
        replicas_field: None,
    }
}

/// The claim as the API server stores it.
fn stored() -> Lease {
    let mut lease = lease(&claimant(), &record());
    lease.metadata.uid = Some("0001".to_owned());
    serde_json::from_str(&serde_json::to_string(&lease).unwrap()).unwrap()
}

#[test]
fn a_claim_is_named_after_the_uid_of_what_it_claims_and_tells_who_holds_it() {
    let mut lease = stored();
    assert!(lease.spec.as_mut().unwrap().acquire_time.take().is_some());
    lease.metadata.annotations = None;
    assert_eq!(
        serde_json::to_value(lease).unwrap(),
        json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": "throughput-77aa",
                "namespace": "pulp",
                "uid": "0001",
                "labels": {
                    "app.kubernetes.io/managed-by": "throughput-operator",
                    "perf.pulpproject.org/claim": "true",
                    "perf.pulpproject.org/test-uid": "3f1c",
                },
            },
            "spec": {"holderIdentity": "pulp/small/3f1c"},
        })
    );
}

#[test]
fn what_was_before_is_read_back_from_the_claim() {
    let expected =
        Claim { lease: "throughput-77aa".to_owned(), lease_uid: "0001".to_owned(), record: record() };
    assert_eq!(read(&stored()), Some(expected));
}

#[test]
fn a_lease_that_is_no_claim_is_not_read() {
    let mut without_record = stored();
    without_record.metadata.annotations = None;
    let mut spoiled = stored();
    spoiled.metadata.annotations.as_mut().unwrap().insert(RECORD_ANNOTATION.to_owned(), "{".to_owned());
    assert_eq!((read(&without_record), read(&spoiled)), (None, None));
}

#[test]
fn a_claim_of_the_first_version_which_knew_only_deployments_is_read() {
    let first = json!({
        "deployment": "pulp-worker",
        "uid": "77aa",
        "replicas": 2,
        "replicasOwners": [{
            "manager": "helm",
            "operation": "Update",
            "apiVersion": "apps/v1",
            "fieldsV1": {"f:spec": {"f:replicas": {}}},
        }],
    });
    let mut lease = stored();
    lease.metadata.annotations.as_mut().unwrap().insert(RECORD_ANNOTATION.to_owned(), first.to_string());
    assert_eq!(read(&lease).unwrap().record, record());
}

#[test]
fn a_claim_keeps_what_an_owner_was_told_before() {
    let field = ReplicasField {
        field: crate::scaling::owner::OwnerField::Pulp { component: "worker".to_owned() },
        api_version: "repo-manager.pulpproject.org/v1".to_owned(),
        name: "example".to_owned(),
        uid: "55bb".to_owned(),
        before: None,
        parent_was_absent: true,
        owners: record().replicas_owners,
    };
    for before in [None, Some(json!(2)), Some(json!("2"))] {
        let field = ReplicasField { before, ..field.clone() };
        let record = ClaimRecord {
            target: TargetName {
                kind: throughput_core::target::TargetKind::StatefulSet,
                name: "worker".to_owned(),
            },
            replicas_field: Some(field),
            ..record()
        };
        let mut stored = super::lease(&claimant(), &record);
        stored.metadata.uid = Some("0001".to_owned());
        assert_eq!(read(&stored).unwrap().record, record);
    }
}
