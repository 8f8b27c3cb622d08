//! Builds the objects of a cell. Pure: names, owners, security contexts, nothing else.

mod generator_pod;
pub(crate) mod sidecar;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMap, ConfigMapVolumeSource, Container, EnvVar, EnvVarSource, KeyToPath,
    ObjectFieldSelector, PodSecurityContext, PodSpec, PodTemplateSpec, SeccompProfile, Secret,
    SecretVolumeSource, SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::ObjectMeta;
use throughput_core::identity::TestFacts;
use throughput_core::plan::destination::{CERTIFICATE_KEYS, ConfigMapKey, Trust};
use throughput_core::plan::generator_order::{CredentialsSource, GeneratorOrder};
use throughput_crds::GeneratorPod;
use throughput_model::workload::{ASSIGNMENT_VERSION, Assignment};

use crate::objects::metadata;
use crate::objects::names;

/// Where a generator finds its assignment.
const CELL_FOLDER: &str = "/etc/throughput/cell";
/// Where a generator finds its token.
const TOKEN_FILE: &str = "/etc/throughput/token";
/// Where a generator finds what Pulp asks for.
const CREDENTIALS_FOLDER: &str = "/etc/throughput/credentials";
/// Where the certificate is mounted that is shown to the target.
const CERTIFICATE_FOLDER: &str = "/etc/throughput/client-certificate";
/// Where a generator finds the certificates that it trusts, where not the system's.
const CA_FOLDER: &str = "/etc/throughput/ca";
/// The file that they are in.
const CA_FILE: &str = "ca.crt";
/// How long a generator goes on trying to deliver, should the operator be away.
const DELIVERY: Duration = Duration::from_hours(1);

/// What is the same for all generators of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratorSettings {
    /// The generators' image.
    pub image: String,
    /// When it is pulled.
    pub image_pull_policy: String,
    /// The collector's base URL, as a pod reaches it.
    pub collector_url: String,
    /// What the pods are like, where a test does not say it.
    pub pod: GeneratorPod,
}

/// Objects that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CellError {
    /// The assignment was not written as JSON.
    #[error("cannot write the assignment: {0}")]
    Json(#[from] serde_json::Error),
    /// What a test says of its pods' affinity is none.
    #[error("load.generatorPod.affinity is no affinity of a pod: {0}")]
    Affinity(String),
}

/// All of a cell's objects.
#[derive(Clone, Debug, PartialEq)]
pub struct CellObjects {
    /// Where the sources' figures and the cell's details are stored.
    pub config_map: ConfigMap,
    /// Assignment and tokens.
    pub secret: Secret,
    /// The generators.
    pub job: Job,
}

/// What a cell's objects are made of.
#[derive(Clone, Copy, Debug)]
pub struct CellIngredients<'a> {
    /// The test.
    pub test: &'a TestFacts,
    /// What was ordered.
    pub order: &'a GeneratorOrder,
    /// The generators' tokens, by index.
    pub tokens: &'a [String],
}

/// Builds a cell's objects.
///
/// # Errors
/// What a test says of its pods is no part of a pod.
pub fn cell_objects(
    settings: &GeneratorSettings,
    ingredients: &CellIngredients<'_>,
) -> Result<CellObjects, CellError> {
    let CellIngredients { test, order, tokens } = *ingredients;
    let GeneratorOrder { address, generators, workload, in_process, .. } = order;
    let assignment = Assignment {
        version: ASSIGNMENT_VERSION,
        address: address.clone(),
        generators: *generators,
        workload: workload.clone(),
    };
    let assignment = ("assignment.json".to_owned(), ByteString(serde_json::to_vec(&assignment)?));
    let tokens =
        (0..).zip(tokens).map(|(index, token)| (token_key(index), ByteString(token.clone().into_bytes())));
    let script = in_process
        .as_ref()
        .map(|_| (sidecar::SCRIPT.0.to_owned(), ByteString(sidecar::SCRIPT.1.as_bytes().to_vec())));
    Ok(CellObjects {
        config_map: ConfigMap { metadata: metadata::of_cell(test, address), ..ConfigMap::default() },
        secret: Secret {
            metadata: metadata::of_cell(test, address),
            data: Some(std::iter::once(assignment).chain(tokens).chain(script).collect()),
            ..Secret::default()
        },
        job: job(settings, ingredients)?,
    })
}

fn job(settings: &GeneratorSettings, ingredients: &CellIngredients<'_>) -> Result<Job, CellError> {
    let CellIngredients { test, order, tokens: _ } = *ingredients;
    let GeneratorOrder { address, generators, lifetime, .. } = order;
    let completions = i32::try_from(*generators).unwrap_or(i32::MAX);
    let deadline = (*lifetime + DELIVERY).as_secs();
    let template = template(settings, ingredients)?;
    let mut metadata = metadata::of_cell(test, address);
    // What queues Jobs knows them by their own labels.
    metadata.labels = template.metadata.as_ref().and_then(|metadata| metadata.labels.clone());
    Ok(Job {
        metadata,
        spec: Some(JobSpec {
            completion_mode: Some("Indexed".to_owned()),
            completions: Some(completions),
            parallelism: Some(completions),
            // A generator that fails has measured half of something: the cell ends, it is not tried again.
            backoff_limit: Some(0),
            active_deadline_seconds: Some(i64::try_from(deadline).unwrap_or(i64::MAX)),
            template,
            ..JobSpec::default()
        }),
        ..Job::default()
    })
}

/// What the pods of a cell are made of.
fn template(
    settings: &GeneratorSettings,
    ingredients: &CellIngredients<'_>,
) -> Result<PodTemplateSpec, CellError> {
    let CellIngredients { test, order, tokens: _ } = *ingredients;
    let like = generator_pod::over(&settings.pod, &order.pod);
    let cell = metadata::cell_labels(test, &order.address);
    let mut pod = cell_pod(settings, ingredients, &like);
    generator_pod::shape(&mut pod, &like, &cell).map_err(CellError::Affinity)?;
    // The operator finds its pods by its own labels, whatever else is said.
    let labels = like.labels.into_iter().chain(cell).collect();
    let metadata = ObjectMeta {
        labels: Some(labels),
        annotations: Some(like.annotations).filter(|annotations| !annotations.is_empty()),
        ..ObjectMeta::default()
    };
    Ok(PodTemplateSpec { metadata: Some(metadata), spec: Some(pod) })
}

fn cell_pod(settings: &GeneratorSettings, ingredients: &CellIngredients<'_>, like: &GeneratorPod) -> PodSpec {
    let CellIngredients { test, order, tokens: _ } = *ingredients;
    match &order.in_process {
        // The calls need no user of Pulp's API, and the generator makes no request of it.
        Some(dispatch) => {
            let order = &GeneratorOrder { credentials: None, trust: Trust::default(), ..order.clone() };
            let pod = pod(settings, &CellIngredients { order, ..*ingredients }, like);
            sidecar::beside(dispatch, &names::cell(&test.name, &order.address), pod)
        }
        None => pod(settings, ingredients, like),
    }
}

fn pod(settings: &GeneratorSettings, ingredients: &CellIngredients<'_>, like: &GeneratorPod) -> PodSpec {
    let CellIngredients { test, order, tokens } = *ingredients;
    let cell = names::cell(&test.name, &order.address);
    let token_keys: Vec<String> = (0..).zip(tokens).map(|(index, _)| token_key(index)).collect();
    let mut volumes = vec![
        secret_volume("cell", &cell, &["assignment.json"]),
        secret_volume("tokens", &cell, &token_keys.iter().map(String::as_str).collect::<Vec<_>>()),
    ];
    let mut mounts = vec![mount("cell", CELL_FOLDER), token_mount()];
    if let Some(CredentialsSource { secret, keys }) = &order.credentials {
        volumes.push(secret_volume("credentials", secret, keys));
        mounts.push(mount("credentials", CREDENTIALS_FOLDER));
    }
    if let Some(bundle) = &order.trust.ca_bundle {
        volumes.push(ca_volume(bundle));
        mounts.push(mount("ca", CA_FOLDER));
    }
    if let Some(secret) = &order.trust.client_certificate {
        volumes.push(secret_volume("client-certificate", secret, CERTIFICATE_KEYS));
        mounts.push(mount("client-certificate", CERTIFICATE_FOLDER));
    }
    PodSpec {
        restart_policy: Some("Never".to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(30),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                ..SeccompProfile::default()
            }),
            ..PodSecurityContext::default()
        }),
        containers: vec![Container {
            name: "loadgen".to_owned(),
            image: Some(settings.image.clone()),
            image_pull_policy: Some(settings.image_pull_policy.clone()),
            args: Some(arguments(settings, ingredients)),
            env: Some(vec![field("POD_NAME", "metadata.name"), field("POD_UID", "metadata.uid")]),
            resources: Some(generator_pod::resources(like)),
            security_context: Some(SecurityContext {
                allow_privilege_escalation: Some(false),
                read_only_root_filesystem: Some(true),
                capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
                ..SecurityContext::default()
            }),
            termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
            volume_mounts: Some(mounts),
            ..Container::default()
        }],
        volumes: Some(volumes),
        ..PodSpec::default()
    }
}

fn arguments(settings: &GeneratorSettings, ingredients: &CellIngredients<'_>) -> Vec<String> {
    let CellIngredients { test, order, tokens: _ } = *ingredients;
    let mut arguments = vec![
        format!("--assignment={CELL_FOLDER}/assignment.json"),
        format!("--token-file={TOKEN_FILE}"),
        format!("--collector={}", settings.collector_url),
        format!("--namespace={}", test.namespace),
        format!("--test={}", test.name),
        format!("--give-up-after={}", DELIVERY.as_secs()),
    ];
    if order.credentials.is_some() {
        arguments.push(format!("--credentials={CREDENTIALS_FOLDER}"));
    }
    if order.trust.ca_bundle.is_some() {
        arguments.push(format!("--ca-bundle={CA_FOLDER}/{CA_FILE}"));
    }
    if order.trust.client_certificate.is_some() {
        arguments.push(format!("--client-certificate={CERTIFICATE_FOLDER}"));
    }
    arguments
}

fn secret_volume(name: &str, secret: &str, keys: &[&str]) -> Volume {
    let items =
        keys.iter().map(|key| KeyToPath { key: (*key).to_owned(), path: (*key).to_owned(), mode: None });
    Volume {
        name: name.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.to_owned()),
            items: Some(items.collect()),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

fn ca_volume(bundle: &ConfigMapKey) -> Volume {
    let ConfigMapKey { name, key } = bundle;
    Volume {
        name: "ca".to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: name.clone(),
            items: Some(vec![KeyToPath { key: key.clone(), path: CA_FILE.to_owned(), mode: None }]),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    }
}

fn mount(volume: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: volume.to_owned(),
        mount_path: path.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    }
}

/// The key of a generator's token in the cell's Secret.
fn token_key(index: u32) -> String {
    format!("token-{index}")
}

/// Of all tokens a pod sees its own: the one of its index, which an Indexed Job's pods have in their environment.
fn token_mount() -> VolumeMount {
    VolumeMount {
        sub_path_expr: Some("token-$(JOB_COMPLETION_INDEX)".to_owned()),
        ..mount("tokens", TOKEN_FILE)
    }
}

fn field(name: &str, path: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector { field_path: path.to_owned(), api_version: None }),
            ..EnvVarSource::default()
        }),
        value: None,
    }
}

fn quantities(quantities: &[(&str, &str)]) -> BTreeMap<String, Quantity> {
    quantities.iter().map(|(name, quantity)| ((*name).to_owned(), Quantity((*quantity).to_owned()))).collect()
}

#[cfg(test)]
mod tests;
