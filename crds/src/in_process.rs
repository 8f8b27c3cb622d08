//! Tasks that are dispatched in Pulp's own process.

use serde::{Deserialize, Serialize};

#[cfg(feature = "kube")]
use crate::target::NAME;
use crate::target::SecretReference;

/// A container with Pulp's image and settings that dispatches exactly the wanted number of tasks, without
/// any request. What it runs is a script of the operator's; what the tasks run is a function of Pulp's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InProcessDispatch {
    /// Pulp's image. The operator's administrator has to permit it.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 512)))]
    pub image: String,
    /// When the image is pulled.
    #[serde(default)]
    pub image_pull_policy: PullPolicy,
    /// The user that the container runs as, where the image names its user in letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(range(min = 1, max = 4_294_967_294_i64)))]
    pub run_as_user: Option<i64>,
    /// The Python of Pulp's installation; the script's path is added to it.
    #[serde(default = "default_command")]
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 8), inner(length(min = 1, max = 256))))]
    pub command: Vec<String>,
    /// The tasks' function, by its full name: `pulpcore.app.tasks.test.dummy_task`.
    #[cfg_attr(
        feature = "kube",
        schemars(length(max = 256), regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z_][A-Za-z0-9_]*)+$"))
    )]
    pub function: String,
    /// The function's arguments: a JSON array, as text.
    #[serde(default = "default_args")]
    #[cfg_attr(feature = "kube", schemars(length(max = 4096)))]
    pub args: String,
    /// The function's named arguments: a JSON object, as text.
    #[serde(default = "default_kwargs")]
    #[cfg_attr(feature = "kube", schemars(length(max = 4096)))]
    pub kwargs: String,
    /// What each task locks.
    #[serde(default)]
    pub locks: Locks,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "kube", schemars(length(max = 64)))]
    pub env: Vec<Variable>,
    /// Environment variables, one for each key of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "kube", schemars(length(max = 16)))]
    pub env_from: Vec<VariableSource>,
    /// What is mounted: Pulp's settings, its keys, empty folders to write to. All else is read-only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "kube", schemars(length(max = 16)))]
    pub mounts: Vec<Mount>,
}

fn default_command() -> Vec<String> {
    vec!["python3".to_owned()]
}

fn default_args() -> String {
    "[]".to_owned()
}

fn default_kwargs() -> String {
    "{}".to_owned()
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum PullPolicy {
    /// Each time.
    Always,
    /// When the node does not have it.
    #[default]
    IfNotPresent,
    /// Never: the node has it.
    Never,
}

/// What each task locks. Tasks that share no exclusive lock can run at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Locks {
    /// Whether each task locks a resource that no other task has, as tasks of real requests do.
    #[serde(default = "default_unique")]
    pub unique: bool,
    /// Resources that every task locks for itself alone: their tasks run one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "kube", schemars(length(max = 16), inner(length(min = 1, max = 256))))]
    pub exclusive: Vec<String>,
    /// Resources that every task shares.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "kube", schemars(length(max = 16), inner(length(min = 1, max = 256))))]
    pub shared: Vec<String>,
}

impl Default for Locks {
    fn default() -> Self {
        Self { unique: default_unique(), exclusive: Vec::new(), shared: Vec::new() }
    }
}

fn default_unique() -> bool {
    true
}

/// An environment variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("has(self.value) != has(self.secretKeyRef)").message("give an environment variable a value, or a secretKeyRef to take it from")),
)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// Its name.
    #[cfg_attr(feature = "kube", schemars(length(max = 128), regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$")))]
    pub name: String,
    /// Its value; nothing secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(max = 1024)))]
    pub value: Option<String>,
    /// The key of a Secret that holds its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<SecretKey>,
}

/// A key of a Secret of the test's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecretKey {
    /// The Secret's name. It must carry the annotation `perf.pulpproject.org/images` with the image.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 253), regex(pattern = NAME)))]
    pub name: String,
    /// The key.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 253)))]
    pub key: String,
}

/// Environment variables, one for each key of a `ConfigMap` or Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("has(self.configMapRef) != has(self.secretRef)").message("give each entry of envFrom either a configMapRef or a secretRef")),
)]
#[serde(rename_all = "camelCase")]
pub struct VariableSource {
    /// A `ConfigMap` of the test's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<ConfigMapReference>,
    /// A Secret of the test's namespace. It must carry the annotation `perf.pulpproject.org/images` with
    /// the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
}

/// A `ConfigMap` of the test's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapReference {
    /// The `ConfigMap`'s name.
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 253)))]
    pub name: String,
}

/// A folder of the container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("[has(self.configMap), has(self.secret), has(self.empty)].exists_one(given, given)").message("give each mount one of configMap, secret and empty: {}")),
)]
#[serde(rename_all = "camelCase")]
pub struct Mount {
    /// Where.
    #[cfg_attr(
        feature = "kube",
        schemars(length(max = 256), regex(pattern = "^/[-._A-Za-z0-9]+(/[-._A-Za-z0-9]+)*$"))
    )]
    pub path: String,
    /// The files of a `ConfigMap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapReference>,
    /// The files of a Secret. It must carry the annotation `perf.pulpproject.org/images` with the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretReference>,
    /// An empty folder to write to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty: Option<EmptyFolder>,
}

/// An empty folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EmptyFolder {}

impl InProcessDispatch {
    /// The Secrets that the container gets something of, each once.
    pub fn secrets(&self) -> Vec<&str> {
        let of_env = self.env.iter().filter_map(|variable| variable.secret_key_ref.as_ref());
        let of_env_from = self.env_from.iter().filter_map(|source| source.secret_ref.as_ref());
        let of_mounts = self.mounts.iter().filter_map(|mount| mount.secret.as_ref());
        let mut names: Vec<&str> = of_env
            .map(|key| key.name.as_str())
            .chain(of_env_from.chain(of_mounts).map(|secret| secret.name.as_str()))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
