//! Specs that do not become plans, and what is said of them.

use super::*;

#[test]
fn what_is_wrong_with_a_target_or_a_text_is_told_with_what_to_write() {
    let cases = [
        (
            "/targets/0/pulp",
            Value::Null,
            "NoPulp",
            "pulpTasks needs targets that are a Pulp: write pulp: {} in the target pulp, all in it has defaults",
        ),
        ("/targets", json!([]), "NoTarget", "name a target in targets"),
        (
            "/workload/pulpTasks/dispatch",
            json!({"request": {"path": "a/", "body": "{\"name\": \"$(unique)-$(user)\"}"}}),
            "UnknownVariable",
            "workload.pulpTasks.dispatch.request.body: there is no value for $(user); write $$(user) for a text that stays as it is; there is: $(unique)",
        ),
        (
            "/targets/0/credentials",
            Value::Null,
            "NoCredentials",
            "say as whom the target pulp is asked: credentials with a secretRef, or credentials: {method: None}",
        ),
        (
            "/matrix",
            json!([{"name": "by", "of": "Target", "values": ["gateway"]}]),
            "AxisValueNotAllowed",
            "the value \"gateway\" of the axis \"by\" is the name of no entry of targets",
        ),
    ];
    for (pointer, value, reason, message) in cases {
        let rejection =
            Plan::new("pulp", &spec(pointer, value), &Permissions::default(), &OneSource).unwrap_err();
        assert_eq!((rejection.reason().as_str(), rejection.to_string().as_str()), (reason, message));
    }
}

#[test]
fn each_rejection_says_what_to_write() {
    let bound = "the criterion on tasks.perSecond needs one bound, atLeast or atMost, that is a decimal such as \"0.99\"";
    let unnamed = json!([scaled("content", "pulp-content"), scaled("api", "pulp-api")]);
    let cases = [
        (
            "/workload",
            json!({}),
            "NoWorkload",
            "the workload is not one that this version can carry out: write workload.pulpTasks",
        ),
        ("/targets/0/service", Value::Null, "NoTarget", "the target pulp needs one of service and url"),
        (
            "/targets/0/credentials",
            json!({"method": "Header", "secretRef": {"name": "identity"}}),
            "NoHeader",
            "credentials of the method Header need the header's name in credentials.header",
        ),
        (
            "/scale",
            json!([]),
            "NoWorkers",
            "pulpTasks needs to know the workers: name their Deployment or StatefulSet in scale",
        ),
        (
            "/scale",
            unnamed,
            "WorkersNotNamed",
            "scale has several entries, and none is named workers: give the entry of Pulp's workers the name \
             workers, so that it is known whose replicas Pulp has to confirm",
        ),
        (
            "/scale/0/ref/kind",
            json!("DaemonSet"),
            "NotScalable",
            "apps/v1 DaemonSet cannot be scaled, only a Deployment or a StatefulSet can: write one of these kinds, \
             with the apiVersion apps/v1",
        ),
        ("/criteria", json!([{"metric": "tasks.perSecond", "atLeast": "fast"}]), "CriterionBound", bound),
        ("/criteria", json!([{"metric": "tasks.perSecond"}]), "CriterionBound", bound),
        (
            "/criteria",
            json!([{"metric": "repeats.tasksPerSecond.median", "atLeast": "1"}]),
            "NoRepeats",
            "the criterion on repeats.tasksPerSecond.median needs repeats to judge: give repeat at least 2",
        ),
    ];
    for (pointer, value, reason, message) in cases {
        let rejection =
            Plan::new("pulp", &spec(pointer, value), &Permissions::default(), &OneSource).unwrap_err();
        assert_eq!((rejection.reason().as_str(), rejection.to_string().as_str()), (reason, message));
    }
}

#[test]
fn an_axis_that_cannot_be_varied_is_rejected() {
    let unknown = |name: &str| format!("the axis {name:?} varies nothing that the spec has");
    let not_allowed = |value: &str, name: &str, expected: &str| {
        format!("the value {value:?} of the axis {name:?} is not a number that it can have: {expected}")
    };
    let no_workers = "a cell needs at least one worker: take 0 out of the values of the axis \"workers\"";
    let cases = [
        ("content", "Scale", json!(1), "UnknownAxis", unknown("content")),
        ("users", "Load", json!(1), "UnknownAxis", unknown("users")),
        (
            "workers",
            "Scale",
            json!("many"),
            "AxisValueNotAllowed",
            not_allowed("many", "workers", "a whole number from 0"),
        ),
        (
            "workers",
            "Scale",
            json!(-1),
            "AxisValueNotAllowed",
            not_allowed("-1", "workers", "a whole number from 0"),
        ),
        (
            "concurrency",
            "Load",
            json!(0),
            "AxisValueNotAllowed",
            not_allowed("0", "concurrency", "a whole number from 1"),
        ),
        ("workers", "Scale", json!(0), "NoWorkers", no_workers.to_owned()),
    ];
    for (name, of, value, reason, message) in cases {
        let matrix = json!([{"name": name, "of": of, "values": [value]}]);
        let rejection =
            Plan::new("pulp", &spec("/matrix", matrix), &Permissions::default(), &OneSource).unwrap_err();
        assert_eq!((rejection.reason().as_str(), rejection.to_string()), (reason, message));
    }
}

#[test]
fn an_unknown_metric_is_rejected_with_those_that_there_are() {
    let criteria = json!([{"metric": "tasks.speed", "atLeast": "1"}]);
    let rejection =
        Plan::new("pulp", &spec("/criteria", criteria), &Permissions::default(), &OneSource).unwrap_err();
    let message = rejection.to_string();
    assert_eq!(rejection.reason(), "UnknownMetric");
    assert!(
        message.starts_with("there is no figure \"tasks.speed\" to judge; there are: tasks.submitted, "),
        "{message}"
    );
    assert!(message.contains("tasks.wait.p99Milliseconds"), "{message}");
}

#[test]
fn no_duration_of_an_older_schema_gets_past_the_plan() {
    let dispatch = json!({"testView": {}, "request": {"path": "x/"}});
    for (pointer, field, whole) in [
        ("/observe", "interval", json!({})),
        ("/observe", "profile/delay", json!({"profile": {"selector": {"matchLabels": {"app": "pulp"}}}})),
        ("/observe", "profile/duration", json!({"profile": {"selector": {"matchLabels": {"app": "pulp"}}}})),
        ("/workload/pulpTasks/dispatch", "testView/timeout", dispatch.clone()),
        ("/workload/pulpTasks/dispatch", "request/timeout", dispatch),
        ("/timeouts", "start", json!({})),
        ("/timeouts", "settle", json!({})),
    ] {
        let (mut whole, path) = (json!({"at": whole}), format!("/at/{field}"));
        let (parent, name) = path.rsplit_once('/').unwrap();
        whole.pointer_mut(parent).unwrap()[name] = json!("999h");
        let mut spec = serde_json::to_value(spec("/matrix", json!([]))).unwrap();
        *spec.pointer_mut(pointer).unwrap() = whole["at"].take();
        let spec = serde_json::from_value(spec).unwrap();
        let rejection = Plan::new("pulp", &spec, &Permissions::default(), &OneSource).unwrap_err();
        let told = format!("{}.{}", pointer[1..].replace('/', "."), field.replace('/', "."));
        assert!(
            rejection.to_string().starts_with(&format!("{told} is 999h: write a duration")),
            "{rejection}"
        );
        assert_eq!(rejection.reason(), "DurationOutOfBounds");
    }
}
