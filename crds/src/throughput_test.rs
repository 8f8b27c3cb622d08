//! The root of the API: one performance run.

use serde::{Deserialize, Serialize};

use crate::criteria::Criterion;
use crate::duration::BoundedDuration;
use crate::load::Load;
use crate::matrix::Axis;
use crate::observe::Observe;
use crate::scale::ScaleTarget;
use crate::target::Target;
use crate::workload::Workload;

/// One performance run: what is tested, what may be scaled, which combinations are measured, and what has
/// to be reached. Once it is created, only `suspend`, `abort` and `ttlSecondsAfterFinished` can be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::CustomResource, kube::KubeSchema),
    kube(
        group = "perf.pulpproject.org",
        version = "v1alpha1",
        kind = "ThroughputTest",
        plural = "throughputtests",
        shortname = "tt",
        category = "perf",
        namespaced,
        selectable = ".status.phase",
        selectable = ".status.verdict",
        status = "crate::status::ThroughputTestStatus",
        derive = "PartialEq",
        doc = "One performance run inside the cluster: workers are scaled, load is started, and tasks per second, latency and a verdict are written into the status.",
        validation = kube::core::Rule::new("size(self.metadata.name) <= 40").message("the name of a ThroughputTest has at most 40 characters, so that its Jobs can be named after it"),
        printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
        printcolumn(name = "Cells", type_ = "string", json_path = ".status.summary.cells"),
        printcolumn(name = "Tasks", type_ = "integer", json_path = ".status.summary.tasks"),
        printcolumn(name = "TPS", type_ = "string", json_path = ".status.summary.tasksPerSecond"),
        printcolumn(name = "P99", type_ = "string", json_path = ".status.summary.p99"),
        printcolumn(name = "Verdict", type_ = "string", json_path = ".status.verdict"),
        printcolumn(name = "Stage", type_ = "string", json_path = ".status.current.stage", priority = 1),
        printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    ),
    x_kube(validation = kube::core::Rule::new("self.targets == oldSelf.targets && self.scale == oldSelf.scale && self.matrix == oldSelf.matrix && self.repeat == oldSelf.repeat && self.workload == oldSelf.workload && self.load == oldSelf.load && self.observe == oldSelf.observe && self.criteria == oldSelf.criteria && self.timeouts == oldSelf.timeouts").message("the spec of a ThroughputTest cannot be changed but for suspend, abort and ttlSecondsAfterFinished: create another one (metadata.generateName gives it a name of its own)")),
    x_kube(validation = kube::core::Rule::new("!oldSelf.abort || self.abort").message("an abort cannot be taken back: create another test")),
    x_kube(validation = kube::core::Rule::new("!has(self.workload.pulpTasks) || self.targets.all(target, has(target.pulp))").message("pulpTasks needs targets that are a Pulp: write pulp: {} in each target, all in it has defaults")),
    x_kube(validation = kube::core::Rule::new("self.matrix.all(axis, axis.of != 'Target' || axis.values.all(value, self.targets.exists(target, type(value) == string && target.name == string(value))))").message("the values of an axis of: Target are names of entries of targets; one of them is none")),
    x_kube(validation = kube::core::Rule::new("!has(self.workload.pulpTasks) || size(self.scale) > 0").message("pulpTasks needs to know the workers: name their Deployment or StatefulSet in scale")),
    x_kube(validation = kube::core::Rule::new("self.matrix.all(axis, axis.of != 'Scale' || self.scale.exists(entry, entry.name == axis.name))").message("an axis of: Scale is named after an entry of scale; no entry of scale has this axis's name")),
    x_kube(validation = kube::core::Rule::new("self.scale.all(entry, self.scale.exists_one(other, other.ref == entry.ref))").message("each object in scale stands once")),
    x_kube(validation = kube::core::Rule::new("self.repeat * (size(self.matrix) > 0 ? size(self.matrix[0].values) : 1) * (size(self.matrix) > 1 ? size(self.matrix[1].values) : 1) * (size(self.matrix) > 2 ? size(self.matrix[2].values) : 1) * (size(self.matrix) > 3 ? size(self.matrix[3].values) : 1) <= 64").message("the matrix has more than 64 cells (the product of its axes' values and repeat): measure fewer values, or split it into several tests")),
)]
#[serde(rename_all = "camelCase")]
pub struct ThroughputTestSpec {
    /// The systems under test: load goes to the first, or to those that an axis of the matrix names.
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 8)),
        x_kube(merge_strategy = kube::core::ListMerge::Map(vec!["name".to_owned()]))
    )]
    pub targets: Vec<Target>,
    /// What the run may scale. Everything here is put back as it was, whatever happens.
    #[serde(default)]
    #[cfg_attr(
        feature = "kube",
        schemars(length(max = 8)),
        x_kube(merge_strategy = kube::core::ListMerge::Map(vec!["name".to_owned()]))
    )]
    pub scale: Vec<ScaleTarget>,
    /// Which combinations are measured; one cell with everything as it is when there is no axis.
    #[serde(default)]
    #[cfg_attr(
        feature = "kube",
        schemars(length(max = 4)),
        x_kube(merge_strategy = kube::core::ListMerge::Map(vec!["name".to_owned()]))
    )]
    pub matrix: Vec<Axis>,
    /// How often the whole matrix is measured.
    #[serde(default = "default_repeat")]
    #[cfg_attr(feature = "kube", schemars(range(min = 1, max = 64)))]
    pub repeat: u32,
    /// What the load consists of.
    pub workload: Workload,
    /// How much load, where no axis varies it.
    #[serde(default)]
    pub load: Load,
    /// What of the system under test is watched meanwhile; each source is off until it is named.
    #[serde(default)]
    pub observe: Observe,
    /// What every cell has to reach.
    #[serde(default)]
    #[cfg_attr(feature = "kube", schemars(length(max = 16)))]
    pub criteria: Vec<Criterion>,
    /// How long each part of the run may take.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Holds the run between two cells: the cell at hand is measured to its end, then everything is put back
    /// until this is false again. A test that is created so begins nothing.
    #[serde(default)]
    pub suspend: bool,
    /// Ends the run now: what is left of the cell at hand is canceled, everything is put back, and the
    /// verdict is Aborted. Cannot be taken back.
    #[serde(default)]
    pub abort: bool,
    /// How many seconds after its end the test is deleted, its report with it. Never, when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(range(min = 0, max = 31_536_000)))]
    pub ttl_seconds_after_finished: Option<u32>,
}

fn default_repeat() -> u32 {
    1
}

/// The time for a part of a run: a second, since less than one is over before anything was looked at, to a week.
pub type Timeout = BoundedDuration<1, { 7 * 24 * 60 * 60 }>;

/// How long each part of the run may take. When a part of a cell takes longer, the cell ends with that
/// reason, what was collected is kept, and everything is put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Timeouts {
    /// How long to wait for targets, credentials, claims and an empty queue before anything is scaled.
    #[serde(default = "default_start")]
    pub start: Timeout,
    /// How long the workers may take to come online, or to be gone.
    #[serde(default = "default_scale")]
    pub scale: Timeout,
    /// How long the load generators may take until they are ready to start.
    #[serde(default = "default_generator_start")]
    pub generator_start: Timeout,
    /// How long dispatching may take.
    #[serde(default = "default_dispatch")]
    pub dispatch: Timeout,
    /// How long the workers may take from the last dispatch until all tasks have ended.
    #[serde(default = "default_drain")]
    pub drain: Timeout,
    /// How long canceling may take that is left of a cell which cannot be finished. Pulp cancels tasks one by
    /// one, about seven a second on a small machine.
    #[serde(default = "default_cancel")]
    pub cancel: Timeout,
    /// How long it may take to read a cell's tasks from Pulp.
    #[serde(default = "default_collect")]
    pub collect: Timeout,
    /// How long it may take to delete what a cell's tasks made, where `cleanup` asks for it.
    #[serde(default = "default_cleanup")]
    pub cleanup: Timeout,
    /// How long the sources of `observe` may take, after a cell's tasks have ended, until they have all figures of it.
    /// CloudWatch's come two or three minutes late.
    #[serde(default = "default_settle")]
    pub settle: Timeout,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            start: default_start(),
            scale: default_scale(),
            generator_start: default_generator_start(),
            dispatch: default_dispatch(),
            drain: default_drain(),
            cancel: default_cancel(),
            collect: default_collect(),
            cleanup: default_cleanup(),
            settle: default_settle(),
        }
    }
}

fn default_start() -> Timeout {
    const { Timeout::from_seconds(15 * 60) }
}

fn default_scale() -> Timeout {
    const { Timeout::from_seconds(10 * 60) }
}

fn default_generator_start() -> Timeout {
    const { Timeout::from_seconds(5 * 60) }
}

fn default_dispatch() -> Timeout {
    const { Timeout::from_seconds(30 * 60) }
}

fn default_drain() -> Timeout {
    const { Timeout::from_seconds(2 * 60 * 60) }
}

fn default_cancel() -> Timeout {
    const { Timeout::from_seconds(45 * 60) }
}

fn default_collect() -> Timeout {
    const { Timeout::from_seconds(10 * 60) }
}

fn default_cleanup() -> Timeout {
    const { Timeout::from_seconds(45 * 60) }
}

fn default_settle() -> Timeout {
    const { Timeout::from_seconds(5 * 60) }
}
