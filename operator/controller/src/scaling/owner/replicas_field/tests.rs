use serde_json::json;

use super::*;

fn field(field: OwnerField) -> ReplicasField {
    ReplicasField::new(field, "group.example.com/v1", "example".to_owned(), "55bb".to_owned())
}

fn pulp() -> ReplicasField {
    field(OwnerField::Pulp { component: "worker".to_owned() })
}

fn clowd_app() -> ReplicasField {
    field(OwnerField::ClowdApp { deployment: "worker".to_owned() })
}

fn object(content: &Value) -> Value {
    let mut object = json!({"metadata": {"uid": "55bb", "resourceVersion": "7"}});
    for (key, value) in content.as_object().unwrap() {
        match value {
            Value::Object(inner) if key == "metadata" => {
                object["metadata"].as_object_mut().unwrap().extend(inner.clone());
            }
            value => object[key] = value.clone(),
        }
    }
    object
}

/// A merge patch of the object that was read.
#[expect(clippy::unnecessary_wraps, reason = "it is compared with what is there only sometimes")]
fn merge(patch: &Value) -> Option<Change> {
    Some(Change::Merge(object(patch)))
}

fn deployments(replicas: &Value) -> Value {
    let mut worker = json!({"name": "worker", "podSpec": {}});
    if !replicas.is_null() {
        worker["replicas"] = replicas.clone();
    }
    object(&json!({"spec": {"deployments": [{"name": "api", "replicas": 1}, worker]}}))
}

#[test]
fn a_pulp_is_told_in_its_component_and_the_number_is_put_back() {
    let before = object(&json!({"spec": {"worker": {"replicas": 2}, "api": {"replicas": 1}}}));
    let field = pulp().found_in(&before, &[]);
    assert_eq!((field.before.clone(), field.settles_at()), (Some(json!(2)), Some(2)));
    assert_eq!(field.tell(&before, 9), merge(&json!({"spec": {"worker": {"replicas": 9}}})));
    let now = object(&json!({"spec": {"worker": {"replicas": 9}, "api": {"replicas": 1}}}));
    assert_eq!(field.told(&now), Some(9));
    assert_eq!(field.put_back(&now), merge(&json!({"spec": {"worker": {"replicas": 2}}})));
    assert_eq!(field.put_back(&before), None);
}

#[test]
fn what_a_pulp_did_not_say_it_does_not_say_afterwards() {
    let absent = [json!({"spec": {}}), json!({"spec": {"worker": {"env": []}}})];
    let removed = [json!({"spec": {"worker": null}}), json!({"spec": {"worker": {"replicas": null}}})];
    let told = [
        json!({"spec": {"worker": {"replicas": 9}}}),
        json!({"spec": {"worker": {"env": [], "replicas": 9}}}),
    ];
    for ((before, now), removed) in absent.iter().zip(&told).zip(&removed) {
        let field = pulp().found_in(&object(before), &[]);
        assert_eq!((field.before.clone(), field.settles_at()), (None, None));
        assert_eq!(field.put_back(&object(now)), merge(removed), "{before}");
        assert_eq!(field.put_back(&object(before)), None);
    }
    // Somebody wrote something else there meanwhile.
    let field = pulp().found_in(&object(&absent[0]), &[]);
    assert_eq!(field.put_back(&object(&told[1])), merge(&removed[1]));
}

#[test]
fn a_clowd_app_is_told_in_the_entry_of_its_list_that_has_the_name() {
    let tests = [
        json!({"op": "test", "path": "/metadata/uid", "value": "55bb"}),
        json!({"op": "test", "path": "/metadata/resourceVersion", "value": "7"}),
        json!({"op": "test", "path": "/spec/deployments/1/name", "value": "worker"}),
    ];
    let change_of = |change: Value| Some(Change::Json(json!([tests[0], tests[1], tests[2], change])));
    let path = "/spec/deployments/1/replicas";
    let (before, now) = (deployments(&json!(3)), deployments(&json!(9)));
    let field = clowd_app().found_in(&before, &[]);
    assert_eq!(field.told(&now), Some(9));
    assert_eq!(field.tell(&before, 9), change_of(json!({"op": "add", "path": path, "value": 9})));
    assert_eq!(field.put_back(&now), change_of(json!({"op": "add", "path": path, "value": 3})));
    let absent = deployments(&Value::Null);
    let field = clowd_app().found_in(&absent, &[]);
    assert_eq!(field.put_back(&now), change_of(json!({"op": "remove", "path": path})));
    assert_eq!((field.put_back(&absent), field.told(&absent)), (None, None));
    // The entry was taken out meanwhile.
    let without = object(&json!({"spec": {"deployments": []}}));
    assert_eq!((field.tell(&without, 9), field.put_back(&without)), (None, None));
}

#[test]
fn a_scaled_object_is_told_by_an_annotation() {
    let annotated =
        |number: Option<&str>| object(&json!({"metadata": {"annotations": {PAUSED_REPLICAS: number}}}));
    let before = object(&json!({"spec": {}}));
    let field = field(OwnerField::ScaledObject).found_in(&before, &[]);
    assert_eq!((field.told(&before), field.settles_at()), (None, None));
    assert_eq!(field.tell(&before, 9), Some(Change::Merge(annotated(Some("9")))));
    assert_eq!(field.told(&annotated(Some("9"))), Some(9));
    assert_eq!(field.put_back(&annotated(Some("9"))), Some(Change::Merge(annotated(None))));
    // Somebody had paused it before.
    let field = super::tests::field(OwnerField::ScaledObject).found_in(&annotated(Some("4")), &[]);
    assert_eq!(field.put_back(&annotated(Some("9"))), Some(Change::Merge(annotated(Some("4")))));
}
