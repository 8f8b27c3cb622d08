use k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1;

use super::lease::{HOLDER_ANNOTATION, RECORD_ANNOTATION, SIGNATURE_ANNOTATION};
use super::*;

fn key() -> TokenKey {
    TokenKey::new(vec![7; TokenKey::BYTES]).unwrap()
}

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
    let mut lease = lease(&key(), &claimant(), &record());
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
    let expected = Claim {
        lease: "throughput-77aa".to_owned(),
        lease_uid: "0001".to_owned(),
        holder: "pulp/small/3f1c".to_owned(),
        test_uid: "3f1c".to_owned(),
        record: record(),
    };
    assert_eq!(read(&key(), &stored()), Some(expected));
}

#[test]
fn a_lease_that_is_no_claim_is_not_read() {
    let mut without_record = stored();
    without_record.metadata.annotations = None;
    let mut unmarked = stored();
    unmarked.metadata.labels.as_mut().unwrap().remove("perf.pulpproject.org/claim");
    let mut spoiled = stored();
    spoiled.metadata.annotations.as_mut().unwrap().insert(RECORD_ANNOTATION.to_owned(), "{".to_owned());
    sign(&key(), &mut spoiled);
    for lease in [without_record, unmarked, spoiled] {
        assert_eq!(read(&key(), &lease), None, "{lease:?}");
    }
}

#[test]
fn a_claim_of_which_anything_was_changed_is_none() {
    let annotate = |lease: &mut Lease, name: &str, value: &str| {
        lease.metadata.annotations.as_mut().unwrap().insert(name.to_owned(), value.to_owned());
    };
    let mut more = record();
    more.replicas = 20;
    let mut of_others = record();
    of_others.replicas_owners.clear();
    let mut another = record();
    another.target = TargetName::deployment("pulp-content");
    let [more, of_others, another] = [more, of_others, another].map(|record| json!(record).to_string());
    let changes: [&dyn Fn(&mut Lease); 10] = [
        &|lease| lease.metadata.name = Some("throughput-88bb".to_owned()),
        &|lease| lease.metadata.namespace = Some("other".to_owned()),
        &|lease| {
            let labels = lease.metadata.labels.as_mut().unwrap();
            labels.insert(TEST_UID_LABEL.to_owned(), "4a2d".to_owned());
        },
        &|lease| annotate(lease, HOLDER_ANNOTATION, "pulp/large/3f1c"),
        &|lease| annotate(lease, RECORD_ANNOTATION, &more),
        &|lease| annotate(lease, RECORD_ANNOTATION, &of_others),
        &|lease| annotate(lease, RECORD_ANNOTATION, &another),
        &|lease| annotate(lease, SIGNATURE_ANNOTATION, ""),
        &|lease| annotate(lease, SIGNATURE_ANNOTATION, "AAAA"),
        &|lease| drop(lease.metadata.annotations.as_mut().unwrap().remove(SIGNATURE_ANNOTATION)),
    ];
    assert!(read(&key(), &stored()).is_some());
    for (number, change) in changes.iter().enumerate() {
        let mut lease = stored();
        change(&mut lease);
        assert_eq!(read(&key(), &lease), None, "change {number}");
    }
}

#[test]
fn a_claim_that_another_key_signed_is_none_of_this_operator() {
    let other = TokenKey::new(vec![8; TokenKey::BYTES]).unwrap();
    let mut signed = stored();
    sign(&other, &mut signed);
    assert_eq!(read(&key(), &signed), None);
    assert!(read(&other, &signed).is_some());
}

#[test]
fn a_generators_token_signs_no_claim() {
    // Whoever has a token chose nothing of what it is the signature of, and none of it has the words of a claim.
    let address = throughput_model::cell::CellAddress { test_uid: "3f1c".to_owned(), cell: 0, attempt: 1 };
    let mut lease = stored();
    let annotations = lease.metadata.annotations.as_mut().unwrap();
    annotations.insert(SIGNATURE_ANNOTATION.to_owned(), key().token(&address, 0));
    assert_eq!(read(&key(), &lease), None);
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
        let mut stored = super::lease(&key(), &claimant(), &record);
        stored.metadata.uid = Some("0001".to_owned());
        assert_eq!(read(&key(), &stored).unwrap().record, record);
    }
}
