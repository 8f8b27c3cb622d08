use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use throughput_core::plan::Plan;
use throughput_core::plan::permissions::Permissions;
use throughput_sources::registry::Registry;

use throughput_model::cell::CellAddress;

use super::*;

const TOKENS: [&str; 3] = ["the-first-token", "the-second-token", "the-third-token"];

fn test() -> TestFacts {
    TestFacts {
        namespace: "pulp".to_owned(),
        name: "small".to_owned(),
        uid: "3f1c".to_owned(),
        generation: Some(1),
    }
}

fn settings() -> GeneratorSettings {
    GeneratorSettings {
        image: "throughput-loadgen:test".to_owned(),
        image_pull_policy: "IfNotPresent".to_owned(),
        collector_url: "http://collector.throughput.svc:8081".to_owned(),
        pod: serde_json::from_value(json!({"resources": {
            "requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"},
        }}))
        .unwrap(),
    }
}

/// The objects of the third cell of a test with three generators.
fn objects(credentials_secret: Option<&str>) -> CellObjects {
    objects_with(credentials_secret, Trust::default())
}

fn objects_with(credentials_secret: Option<&str>, trust: Trust) -> CellObjects {
    let credentials = credentials_secret
        .map(|secret| CredentialsSource { secret: secret.to_owned(), keys: &["username", "password"] });
    made(&GeneratorOrder { credentials, trust, ..order() })
}

/// What is made of this order.
fn made(order: &GeneratorOrder) -> CellObjects {
    let ingredients = CellIngredients { test: &test(), order, tokens: &TOKENS.map(str::to_owned) };
    cell_objects(&settings(), &ingredients).unwrap()
}

/// Three generators for the third cell of a test, without credentials.
fn order() -> GeneratorOrder {
    let spec = json!({
        "targets": [{"name": "pulp", "service": {"name": "pulp-api", "port": 24817}, "credentials": {"method": "None"}, "pulp": {}}],
        "scale": [{"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pulp-worker"}}],
        "workload": {"pulpTasks": {"tasks": 10}},
    });
    let plan = Plan::new("pulp", &serde_json::from_value(spec).unwrap(), &Permissions::default(), &Registry)
        .unwrap();
    let address = CellAddress { test_uid: "3f1c".to_owned(), cell: 2, attempt: 1 };
    GeneratorOrder {
        generators: 3,
        credentials: None,
        lifetime: Duration::from_mins(35),
        ..plan.order(&plan.cells[0], &address)
    }
}

/// Whoever changes the Job looks at all of it: what is checked in is what is made.
#[test]
fn the_job_is_the_one_that_is_checked_in() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/apply/pods/job.json");
    let checked_in: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let made = serde_json::to_value(objects(Some("pulp-admin")).job).unwrap();
    assert_eq!(made, checked_in, "made: {made:#}");
}

#[test]
fn the_pods_meet_the_pod_security_standard_restricted() {
    let pod = objects(Some("pulp-admin")).job.spec.unwrap().template.spec.unwrap();
    let pod_context = pod.security_context.unwrap();
    assert_eq!(pod_context.run_as_non_root, Some(true));
    assert_eq!(pod_context.seccomp_profile.unwrap().type_, "RuntimeDefault");
    assert!(pod.volumes.iter().flatten().all(|volume| volume.secret.is_some() && volume.host_path.is_none()));
    assert_eq!((pod.host_network, pod.host_pid, pod.host_ipc), (None, None, None));
    assert!(pod.init_containers.is_none());
    for container in pod.containers {
        let context = container.security_context.unwrap();
        assert_eq!((context.allow_privilege_escalation, context.privileged), (Some(false), None));
        let dropped = Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None };
        assert_eq!(context.capabilities, Some(dropped));
        assert_eq!((context.run_as_user, context.run_as_non_root, context.proc_mount), (None, None, None));
        assert!(container.ports.is_none());
    }
}

#[test]
fn the_pods_have_no_rights_in_the_cluster() {
    let pod = objects(None).job.spec.unwrap().template.spec.unwrap();
    assert_eq!((pod.automount_service_account_token, pod.service_account_name), (Some(false), None));
}

#[test]
fn no_secret_value_is_in_the_job_or_in_the_config_map() {
    let CellObjects { config_map, secret, job } = objects(Some("pulp-admin"));
    for text in [serde_json::to_string(&job).unwrap(), serde_json::to_string(&config_map).unwrap()] {
        assert!(TOKENS.iter().all(|token| !text.contains(token)), "{text}");
    }
    let data = secret.data.unwrap();
    for (index, token) in TOKENS.iter().enumerate() {
        assert_eq!(data[&format!("token-{index}")], ByteString((*token).into()));
    }
}

#[test]
fn a_pod_sees_no_other_generators_token() {
    let pod = objects(None).job.spec.unwrap().template.spec.unwrap();
    let mounts = pod.containers.into_iter().flat_map(|container| container.volume_mounts.unwrap());
    let tokens: Vec<VolumeMount> = mounts.filter(|mount| mount.name == "tokens").collect();
    let paths: Vec<Option<&str>> = tokens.iter().map(|mount| mount.sub_path_expr.as_deref()).collect();
    assert_eq!(paths, [Some("token-$(JOB_COMPLETION_INDEX)")]);
    let cell = pod.volumes.into_iter().flatten().find(|volume| volume.name == "cell").unwrap();
    let keys: Vec<String> = cell.secret.unwrap().items.unwrap().into_iter().map(|item| item.key).collect();
    assert_eq!(keys, ["assignment.json"]);
}

#[test]
fn a_ca_bundle_is_mounted_under_a_name_of_its_own() {
    let bundle = ConfigMapKey { name: "our-ca".to_owned(), key: "bundle.pem".to_owned() };
    let trust = Trust { ca_bundle: Some(bundle), ..Trust::default() };
    let pod = objects_with(None, trust).job.spec.unwrap().template.spec.unwrap();
    let volume = pod.volumes.into_iter().flatten().find(|volume| volume.name == "ca").unwrap();
    let expected = json!({"name": "our-ca", "items": [{"key": "bundle.pem", "path": "ca.crt"}]});
    assert_eq!(serde_json::to_value(volume.config_map.unwrap()).unwrap(), expected);
    let arguments: Vec<String> =
        pod.containers.into_iter().flat_map(|container| container.args.unwrap()).collect();
    assert!(arguments.contains(&"--ca-bundle=/etc/throughput/ca/ca.crt".to_owned()), "{arguments:?}");
}

#[test]
fn a_certificate_to_show_is_mounted_with_its_key_and_nothing_else_of_its_secret() {
    let trust = Trust { client_certificate: Some("pulp-mtls".to_owned()), ..Trust::default() };
    let pod = objects_with(None, trust).job.spec.unwrap().template.spec.unwrap();
    let mut volumes = pod.volumes.into_iter().flatten();
    let volume = volumes.find(|volume| volume.name == "client-certificate").unwrap().secret.unwrap();
    let keys: Vec<String> = volume.items.into_iter().flatten().map(|item| item.key).collect();
    assert_eq!(
        (volume.secret_name.as_deref(), keys),
        (Some("pulp-mtls"), vec!["tls.crt".into(), "tls.key".into()])
    );
    let arguments: Vec<String> =
        pod.containers.into_iter().flat_map(|container| container.args.unwrap()).collect();
    assert!(arguments.contains(&"--client-certificate=/etc/throughput/client-certificate".to_owned()));
}

#[test]
fn without_credentials_none_are_mounted() {
    let pod = objects(None).job.spec.unwrap().template.spec.unwrap();
    let volumes: Vec<String> = pod.volumes.into_iter().flatten().map(|volume| volume.name).collect();
    assert_eq!(volumes, ["cell", "tokens"]);
    let arguments = pod.containers.into_iter().flat_map(|container| container.args.unwrap());
    assert!(!arguments.collect::<Vec<_>>().iter().any(|argument| argument.starts_with("--credentials")));
}

#[test]
fn all_objects_of_a_cell_have_its_name_and_belong_to_the_test() {
    let CellObjects { config_map, secret, job } = objects(None);
    assert_eq!(config_map.metadata, job.metadata);
    assert_eq!(secret.metadata, job.metadata);
    assert_eq!(job.metadata.name.as_deref(), Some("small-cell-2-attempt-1"));
    assert_eq!(job.metadata.owner_references.map(|owners| owners.len()), Some(1));
}

#[test]
fn the_assignment_is_what_a_generator_reads() {
    let data = objects(None).secret.data.unwrap();
    let GeneratorOrder { address, workload, .. } = order();
    let assignment: Assignment = serde_json::from_slice(&data["assignment.json"].0).unwrap();
    assert_eq!(assignment, Assignment { version: ASSIGNMENT_VERSION, address, generators: 3, workload });
    assert_eq!(data.keys().collect::<Vec<_>>(), ["assignment.json", "token-0", "token-1", "token-2"]);
}

mod in_process {
    use throughput_crds::InProcessDispatch;

    use super::*;

    /// The same cell's Job, whose tasks are dispatched in a container of Pulp's.
    fn objects() -> CellObjects {
        let dispatch: InProcessDispatch = serde_json::from_value(json!({
            "image": "localhost/pulp:1",
            "runAsUser": 700,
            "function": "pulpcore.app.tasks.test.dummy_task",
            "env": [
                {"name": "PULP_SETTINGS", "value": "/etc/pulp/settings.py"},
                {"name": "POSTGRES_PASSWORD", "secretKeyRef": {"name": "pulp-dispatch", "key": "postgres"}},
            ],
            "envFrom": [{"configMapRef": {"name": "pulp-parameters"}}, {"secretRef": {"name": "pulp-more"}}],
            "mounts": [
                {"path": "/etc/pulp", "configMap": {"name": "pulp-settings"}},
                {"path": "/etc/pulp-keys", "secret": {"name": "pulp-dispatch"}},
                {"path": "/tmp", "empty": {}},
            ],
        }))
        .unwrap();
        let credentials =
            Some(CredentialsSource { secret: "pulp-admin".to_owned(), keys: &["username", "password"] });
        made(&GeneratorOrder { in_process: Some(dispatch), credentials, ..order() })
    }

    fn pod() -> PodSpec {
        objects().job.spec.unwrap().template.spec.unwrap()
    }

    #[test]
    fn the_pod_is_the_one_that_is_checked_in() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/apply/pods/pod-in-process.json");
        let made = serde_json::to_value(pod()).unwrap();
        let checked_in: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(made, checked_in, "made: {made:#}");
    }

    #[test]
    fn both_containers_meet_the_pod_security_standard_restricted() {
        let pod = pod();
        let containers: Vec<Container> =
            pod.init_containers.into_iter().flatten().chain(pod.containers).collect();
        assert_eq!(containers.len(), 2);
        for container in containers {
            let context = container.security_context.unwrap();
            assert_eq!((context.allow_privilege_escalation, context.privileged), (Some(false), None));
            let dropped = Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None };
            assert_eq!(
                (context.capabilities, context.read_only_root_filesystem),
                (Some(dropped), Some(true))
            );
        }
        assert!(pod.volumes.iter().flatten().all(|volume| volume.host_path.is_none()));
    }

    #[test]
    fn the_users_container_gets_neither_the_token_nor_pulps_password() {
        let pod = pod();
        let mounted =
            pod.containers[0].volume_mounts.as_ref().unwrap().iter().map(|mount| mount.name.as_str());
        assert!(
            !mounted.clone().any(|name| ["cell", "tokens"].contains(&name)),
            "{:?}",
            mounted.collect::<Vec<_>>()
        );
        let volumes = pod.volumes.unwrap();
        let script = volumes.iter().find(|volume| volume.name == "script").unwrap().secret.as_ref().unwrap();
        let keys: Vec<&str> = script.items.iter().flatten().map(|item| item.key.as_str()).collect();
        assert_eq!(keys, ["dispatch.py"]);
        assert!(!serde_json::to_string(&volumes).unwrap().contains("pulp-admin"));
    }

    #[test]
    fn the_script_is_in_the_cells_secret() {
        let data = objects().secret.data.unwrap();
        assert!(String::from_utf8(data["dispatch.py"].0.clone()).unwrap().contains("THROUGHPUT_EXCHANGE"));
    }
}
