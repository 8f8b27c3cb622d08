//! The command line, and the settings that are made of it once.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use throughput_core::plan::permissions::{AllowedAws, AllowedPods, Permissions};
use throughput_crds::{DurationText, GeneratorPod};
use throughput_sources::access::Installation;

use crate::apply::pods::GeneratorSettings;
use crate::cadence::polling::PollingInterval;

/// Carries out ThroughputTests.
#[derive(Clone, Debug, Parser)]
#[command(name = "throughput-operator", version, about)]
pub struct Flags {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Carry out the tests of the watched namespaces.
    Run(Box<RunFlags>),
    /// Put back everything that is claimed in the watched namespaces, and end. Run before uninstalling.
    Restore(CommonFlags),
}

/// What all commands take.
#[derive(Clone, Debug, Args)]
pub struct CommonFlags {
    /// The operator's own namespace.
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAME")]
    pub namespace: String,
    /// The name of the pod that this runs in.
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub pod_name: String,
    /// The namespaces whose tests are carried out, separated by commas; the operator's own when there is none.
    #[arg(long, env = "WATCH_NAMESPACES", value_name = "NAMES", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,
    /// How log lines look.
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
    /// Which log lines are written: error, warn, info, debug, or a filter such as `info,kube=warn`.
    #[arg(long, default_value = "info", value_name = "FILTER")]
    pub log: String,
}

/// What `run` takes.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the chart by itself")]
pub struct RunFlags {
    /// What all commands take.
    #[command(flatten)]
    pub common: CommonFlags,
    /// Where `/livez` and `/readyz` are served.
    #[arg(long, default_value = "0.0.0.0:8082", value_name = "ADDRESS")]
    pub probes_listen: SocketAddr,
    /// Where `/metrics` is served.
    #[arg(long, default_value = "0.0.0.0:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Where the load generators are served.
    #[arg(long, default_value = "0.0.0.0:8081", value_name = "ADDRESS")]
    pub collector_listen: SocketAddr,
    /// The collector's base URL as a pod reaches it.
    #[arg(long, env = "COLLECTOR_URL", value_name = "URL")]
    pub collector_url: String,
    /// The load generators' image.
    #[arg(long, env = "LOADGEN_IMAGE", value_name = "IMAGE")]
    pub loadgen_image: String,
    /// When the load generators' image is pulled: `Always`, `IfNotPresent` or `Never`.
    #[arg(long, default_value = "IfNotPresent", value_name = "POLICY")]
    pub loadgen_image_pull_policy: String,
    /// The URLs, besides Services, that tests may be sent to, separated by commas: `https://pulp.example.com`.
    #[arg(long, env = "ALLOW_URLS", value_name = "URLS", value_delimiter = ',')]
    pub allow_urls: Vec<String>,
    /// The images, besides the load generators', that tests may run, separated by commas. A `*` at the end of one
    /// stands for anything.
    #[arg(long, env = "ALLOW_IMAGES", value_name = "IMAGES", value_delimiter = ',')]
    pub allow_images: Vec<String>,
    /// What load pods are like, where a test does not say it: `load.generatorPod` of a test, in JSON.
    #[arg(long, env = "GENERATOR_POD", value_name = "JSON", value_parser = generator_pod, default_value = "{}")]
    pub generator_pod: GeneratorPod,
    /// The labels that load pods may have besides, by their keys, separated by commas. A `*` at the end of one stands for
    /// anything.
    #[arg(long, env = "ALLOW_POD_LABELS", value_name = "KEYS", value_delimiter = ',')]
    pub allow_pod_labels: Vec<String>,
    /// The annotations that load pods may have, by their keys, separated by commas, as above.
    #[arg(long, env = "ALLOW_POD_ANNOTATIONS", value_name = "KEYS", value_delimiter = ',')]
    pub allow_pod_annotations: Vec<String>,
    /// The priority classes that load pods may have, separated by commas, as above.
    #[arg(long, env = "ALLOW_PRIORITY_CLASSES", value_name = "NAMES", value_delimiter = ',')]
    pub allow_priority_classes: Vec<String>,
    /// The runtime classes that load pods may have, separated by commas, as above.
    #[arg(long, env = "ALLOW_RUNTIME_CLASSES", value_name = "NAMES", value_delimiter = ',')]
    pub allow_runtime_classes: Vec<String>,
    /// The kernel settings that are not safe and that load pods may have, separated by commas, as above.
    #[arg(long, env = "ALLOW_SYSCTLS", value_name = "NAMES", value_delimiter = ',')]
    pub allow_sysctls: Vec<String>,
    /// Whether load pods may use their node's network.
    #[arg(long, env = "ALLOW_HOST_NETWORK")]
    pub allow_host_network: bool,
    /// The roles of AWS that sources of tests may assume, separated by commas: whole names.
    #[arg(long, env = "ALLOW_AWS_ROLES", value_name = "ROLES", value_delimiter = ',')]
    pub allow_aws_roles: Vec<String>,
    /// The RDS instances that sources of tests may read with the operator's own rights in AWS, separated by commas. A
    /// `*` at the end of one stands for anything.
    #[arg(long, env = "ALLOW_RDS_INSTANCES", value_name = "INSTANCES", value_delimiter = ',')]
    pub allow_rds_instances: Vec<String>,
    /// The log groups of CloudWatch that sources of tests may read with the operator's own rights in AWS, separated by
    /// commas. A `*` at the end of one stands for anything.
    #[arg(long, env = "ALLOW_LOG_GROUPS", value_name = "GROUPS", value_delimiter = ',')]
    pub allow_log_groups: Vec<String>,
    /// Whether sources of tests may ask the kubelets. It takes rights on the cluster's nodes.
    #[arg(long, env = "OBSERVE_KUBELET")]
    pub observe_kubelet: bool,
    /// Whether sources of tests may read what kind of machines the nodes are. It takes rights on the cluster's nodes.
    #[arg(long, env = "OBSERVE_NODES")]
    pub observe_nodes: bool,
    /// Whether sources of tests may read logs of pods.
    #[arg(long, env = "OBSERVE_LOGS")]
    pub observe_logs: bool,
    /// Whether sources of tests may profile Python processes.
    #[arg(long, env = "OBSERVE_PROFILE")]
    pub observe_profile: bool,
    /// Whether the profiler may run as root with the capability `SYS_PTRACE`.
    #[arg(long, env = "OBSERVE_PROFILE_SYS_PTRACE")]
    pub observe_profile_sys_ptrace: bool,
    /// The image with py-spy, where processes may be profiled.
    #[arg(long, env = "PROFILER_IMAGE", value_name = "IMAGE")]
    pub profiler_image: Option<String>,
    /// The shortest time between two looks at a cell that is dispatched or drained, as in `60s`: each asks Pulp. As
    /// often as the stage needs when it is not given.
    #[arg(long, value_name = "DURATION")]
    pub polling_interval: Option<DurationText>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line, for programs.
    Json,
    /// For people.
    Text,
}

impl CommonFlags {
    /// The namespaces whose tests are carried out: each once, at least one.
    pub fn namespaces(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .watch_namespaces
            .iter()
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        if names.is_empty() {
            names.push(self.namespace.clone());
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl RunFlags {
    /// What tests may do besides what everybody's may.
    pub fn permissions(&self) -> Permissions {
        let aws = AllowedAws {
            roles: &self.allow_aws_roles,
            rds_instances: &self.allow_rds_instances,
            log_groups: &self.allow_log_groups,
        };
        let pods = AllowedPods {
            labels: self.allow_pod_labels.clone(),
            annotations: self.allow_pod_annotations.clone(),
            priority_classes: self.allow_priority_classes.clone(),
            runtime_classes: self.allow_runtime_classes.clone(),
            sysctls: self.allow_sysctls.clone(),
            host_network: self.allow_host_network,
        };
        Permissions::new(&self.allow_urls, &self.allow_images).with_aws(aws).with_pods(pods)
    }

    /// What the sources of tests may use.
    pub fn installation(&self) -> Installation {
        Installation {
            kubelet: self.observe_kubelet,
            nodes: self.observe_nodes,
            logs: self.observe_logs,
            profile: self.observe_profile,
            profile_sys_ptrace: self.observe_profile_sys_ptrace,
            profiler_image: self.profiler_image.clone().filter(|image| !image.is_empty()),
        }
    }

    /// How often Pulp is asked.
    pub fn pace(&self) -> PollingInterval {
        PollingInterval::new(self.polling_interval.map(DurationText::get))
    }

    /// What is the same for all generators.
    pub fn generators(&self) -> GeneratorSettings {
        GeneratorSettings {
            image: self.loadgen_image.clone(),
            image_pull_policy: self.loadgen_image_pull_policy.clone(),
            collector_url: self.collector_url.trim_end_matches('/').to_owned(),
            pod: self.generator_pod.clone(),
        }
    }
}

/// Reads what load pods are like.
fn generator_pod(text: &str) -> Result<GeneratorPod, serde_json::Error> {
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespaces(watched: &[&str]) -> Vec<String> {
        CommonFlags {
            namespace: "own".to_owned(),
            pod_name: "own-0".to_owned(),
            watch_namespaces: watched.iter().map(|name| (*name).to_owned()).collect(),
            log_format: LogFormat::Json,
            log: "info".to_owned(),
        }
        .namespaces()
    }

    #[test]
    fn without_a_list_the_own_namespace_is_watched() {
        assert_eq!(namespaces(&[]), ["own"]);
        assert_eq!(namespaces(&[""]), ["own"]);
    }

    #[test]
    fn each_namespace_is_watched_once() {
        assert_eq!(namespaces(&["b", " a", "b"]), ["a", "b"]);
    }
}
