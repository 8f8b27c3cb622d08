//! Where Python processes spend their time.

use serde::{Deserialize, Serialize};

use crate::duration::BoundedDuration;
use crate::selector::LabelSelector;

/// The time from the first dispatch to a profile: none, to a day.
pub type Delay = BoundedDuration<0, { 24 * 60 * 60 }>;

/// The length of a profile: up to a quarter of an hour, since its stacks are kept in memory while it is taken.
pub type ProfileDuration = BoundedDuration<1, { 15 * 60 }>;

/// Where the Python processes of some containers spend their time, by py-spy in an ephemeral container. A profiled cell
/// is marked, and its figures are not compared with others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ObserveProfile {
    /// Which pods.
    pub selector: LabelSelector,
    /// The container; the first of a pod's when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))
    )]
    pub container: Option<String>,
    /// How many of the pods are profiled, by name.
    #[serde(default = "default_pods")]
    #[cfg_attr(feature = "kube", schemars(range(min = 1, max = 4)))]
    pub pods: u32,
    /// How long after the dispatch began.
    #[serde(default = "default_delay")]
    pub delay: Delay,
    /// For how long: 15m at most.
    #[serde(default = "default_duration")]
    pub duration: ProfileDuration,
    /// Samples per second.
    #[serde(default = "default_rate")]
    #[cfg_attr(feature = "kube", schemars(range(min = 1, max = 500)))]
    pub samples_per_second: u32,
    /// What the profiler may do beyond what any container may.
    #[serde(default)]
    pub capabilities: ProfilerCapabilities,
}

/// What the profiler may do beyond what any container may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum ProfilerCapabilities {
    /// Nothing: it runs as the user of what it profiles.
    #[default]
    None,
    /// It runs as root with the capability `SYS_PTRACE`, for targets that are closed to it otherwise (see the README):
    /// namespaces that are restricted refuse it.
    SysPtrace,
}

fn default_pods() -> u32 {
    1
}

fn default_delay() -> Delay {
    const { Delay::from_seconds(5) }
}

fn default_duration() -> ProfileDuration {
    const { ProfileDuration::from_seconds(30) }
}

fn default_rate() -> u32 {
    100
}
