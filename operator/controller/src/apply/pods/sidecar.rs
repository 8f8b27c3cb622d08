//! The pods of generators that dispatch in Pulp's own process: the user's container with our script, and the load
//! generator as a native sidecar beside it. It starts first, and ends after the script.

use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapEnvSource, ConfigMapVolumeSource, Container, EmptyDirVolumeSource, EnvFromSource,
    EnvVar, EnvVarSource, PodSpec, ResourceRequirements, SecretEnvSource, SecretKeySelector,
    SecretVolumeSource, SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use throughput_core::kinds::pulp_tasks::in_process::{EXCHANGE_FOLDER, EXCHANGE_VARIABLE, SCRIPT_FOLDER};
use throughput_crds::{InProcessDispatch, Mount, PullPolicy, Variable, VariableSource};

use super::{mount, quantities, secret_volume};

/// The script, and its key in the cell's Secret.
pub(super) const SCRIPT: (&str, &str) = ("dispatch.py", throughput_loadgen::sidecar::DISPATCH_SCRIPT);
/// More than the script writes: 200,000 times of some digits each.
const EXCHANGE_SIZE: &str = "64Mi";

/// Puts the load generator of a pod beside the container that dispatches.
pub(super) fn beside(dispatch: &InProcessDispatch, cell_secret: &str, mut pod: PodSpec) -> PodSpec {
    let exchange = VolumeMount { read_only: None, ..mount("exchange", EXCHANGE_FOLDER) };
    let sidecars = pod.containers.into_iter().map(|mut container| {
        container.restart_policy = Some("Always".to_owned());
        container.args.get_or_insert_default().push(format!("--exchange={EXCHANGE_FOLDER}"));
        container.volume_mounts.get_or_insert_default().push(exchange.clone());
        container
    });
    pod.init_containers = Some(sidecars.collect());
    pod.containers = vec![container(dispatch, exchange)];
    let volumes = pod.volumes.get_or_insert_default();
    volumes.push(secret_volume("script", cell_secret, &[SCRIPT.0]));
    volumes.push(empty_folder("exchange", Some(EXCHANGE_SIZE)));
    volumes.extend(dispatch.mounts.iter().zip(0..).map(|(mount, number)| volume(mount, number)));
    pod
}

fn container(dispatch: &InProcessDispatch, exchange: VolumeMount) -> Container {
    let InProcessDispatch {
        image,
        image_pull_policy,
        run_as_user,
        command,
        // These are the script's to know, which reads them from the assignment.
        function: _,
        args: _,
        kwargs: _,
        locks: _,
        env,
        env_from,
        mounts,
    } = dispatch;
    let own = EnvVar {
        name: EXCHANGE_VARIABLE.to_owned(),
        value: Some(EXCHANGE_FOLDER.to_owned()),
        value_from: None,
    };
    let mut volume_mounts = vec![mount("script", SCRIPT_FOLDER), exchange];
    volume_mounts.extend(mounts.iter().zip(0..).map(|(wanted, number)| VolumeMount {
        read_only: wanted.empty.is_none().then_some(true),
        ..mount(&volume_name(number), &wanted.path)
    }));
    Container {
        name: "pulp".to_owned(),
        image: Some(image.clone()),
        image_pull_policy: Some(pull_policy(*image_pull_policy).to_owned()),
        command: Some(command.iter().cloned().chain([format!("{SCRIPT_FOLDER}/{}", SCRIPT.0)]).collect()),
        env: Some(env.iter().map(variable).chain([own]).collect()),
        env_from: Some(env_from.iter().map(variables).collect()),
        resources: Some(ResourceRequirements {
            requests: Some(quantities(&[("cpu", "100m"), ("memory", "128Mi")])),
            limits: Some(quantities(&[("memory", "1Gi")])),
            ..ResourceRequirements::default()
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            run_as_user: *run_as_user,
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            ..SecurityContext::default()
        }),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some(volume_mounts),
        ..Container::default()
    }
}

fn pull_policy(policy: PullPolicy) -> &'static str {
    match policy {
        PullPolicy::Always => "Always",
        PullPolicy::IfNotPresent => "IfNotPresent",
        PullPolicy::Never => "Never",
    }
}

fn variable(variable: &Variable) -> EnvVar {
    let Variable { name, value, secret_key_ref } = variable;
    EnvVar {
        name: name.clone(),
        value: value.clone(),
        value_from: secret_key_ref.as_ref().map(|secret| EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: secret.name.clone(),
                key: secret.key.clone(),
                optional: None,
            }),
            ..EnvVarSource::default()
        }),
    }
}

fn variables(source: &VariableSource) -> EnvFromSource {
    let VariableSource { config_map_ref, secret_ref } = source;
    EnvFromSource {
        config_map_ref: config_map_ref
            .as_ref()
            .map(|map| ConfigMapEnvSource { name: map.name.clone(), optional: None }),
        secret_ref: secret_ref
            .as_ref()
            .map(|secret| SecretEnvSource { name: secret.name.clone(), optional: None }),
        prefix: None,
    }
}

fn volume(mount: &Mount, number: u32) -> Volume {
    let Mount { path: _, config_map, secret, empty: _ } = mount;
    let name = volume_name(number);
    match (config_map, secret) {
        (Some(map), _) => Volume {
            name,
            config_map: Some(ConfigMapVolumeSource {
                name: map.name.clone(),
                ..ConfigMapVolumeSource::default()
            }),
            ..Volume::default()
        },
        (None, Some(secret)) => Volume {
            name,
            secret: Some(SecretVolumeSource {
                secret_name: Some(secret.name.clone()),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        },
        (None, None) => empty_folder(&name, None),
    }
}

/// The name of the volume of a mount, by its position.
fn volume_name(number: u32) -> String {
    format!("mount-{number}")
}

fn empty_folder(name: &str, size_limit: Option<&str>) -> Volume {
    Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            size_limit: size_limit.map(|size| Quantity(size.to_owned())),
            ..EmptyDirVolumeSource::default()
        }),
        ..Volume::default()
    }
}
