//! The `ThroughputTest` API, `perf.pulpproject.org/v1alpha1`.
//!
//! A `ThroughputTest` is to a performance run what a `Job` is to a pod: one execution. Its spec does not
//! change once it is created; to run again, create another.
//!
//! The types are plain serde types. The feature `kube` adds what a Kubernetes client and the generated
//! `CustomResourceDefinition` need: the schema, and the CEL rules with which the API server refuses a spec
//! that cannot be carried out. What can only be known later is found by the operator's plan.

#![cfg_attr(
    feature = "kube",
    expect(
        unreachable_pub,
        reason = "the derived schema repeats each type inside of a function, with its own visibility"
    )
)]

mod criteria;
mod duration;
mod durations;
mod in_process;
mod int_or_string;
mod load;
mod matrix;
mod observe;
mod scale;
mod selector;
mod status;
mod target;
mod throughput_test;
mod workload;

pub use criteria::Criterion;
pub use duration::{BoundedDuration, DurationText, NotADuration, OutOfBounds};
pub use in_process::{
    ConfigMapReference, EmptyFolder, InProcessDispatch, Locks, Mount, PullPolicy, SecretKey, Variable,
    VariableSource,
};
pub use int_or_string::IntOrString;
pub use load::{
    GeneratorPod, ImagePullSecret, Load, PodResources, Sysctl, TaintEffect, Toleration, TolerationOperator,
    TopologySpread, WhenUnsatisfiable,
};
pub use matrix::{Axis, AxisKind};
pub use observe::{
    AwsAccess, AwsEndpoints, BuiltInPatterns, CloudWatchLogs, ConnectionStringReference, ContainerResources,
    Delay, ExpectedResources, Interval, LogPattern, Observe, ObserveLogs, ObservePods, ObservePostgres,
    ObserveProfile, ObservePrometheus, ObserveProvenance, ObserveRds, PodLogs, ProfileDuration,
    ProfilerCapabilities, PrometheusQuery, ResourceQuantities,
};
pub use scale::{ObjectReference, ScaleTarget};
pub use selector::{LabelOperator, LabelRequirement, LabelSelector};
pub use status::{
    Best, CellCounts, CellObserved, CellOutcome, CellParameter, CellProgress, CellResult, CleanupProgress,
    Condition, ConditionStatus, ConditionType, Current, DurationsMilliseconds, LiveCounts, Phase,
    ProcessCounts, RepeatedCells, ReportReference, Stage, StageEntry, StatusSummary, TasksPerSecondSpread,
    ThroughputTestStatus, Verdict, WorkersOnline,
};
pub use target::{
    CaBundle, ClientCertificate, ConfigMapKeyReference, Credentials, CredentialsMethod, PulpTarget, Scheme,
    SecretReference, ServiceReference, Target, Tls, TlsVerification,
};
#[cfg(feature = "kube")]
pub use throughput_test::ThroughputTest;
pub use throughput_test::{ThroughputTestSpec, Timeout, Timeouts};
pub use workload::{
    Cleanup, Dispatch, DispatchMethod, Procedure, PulpTasksWorkload, RequestDispatch, RequestTimeout,
    TestViewDispatch, Workload,
};

/// The annotation by which a Secret's owner says to which port of a Service of its namespace (`pulp-api:24817`, where it
/// is encrypted `https://pulp-api:8443`), or to which URL, the Secret may be sent. A Secret without it is not used.
pub const SECRET_FOR_ANNOTATION: &str = "perf.pulpproject.org/for";

/// The annotation by which a Secret's owner says which `ConfigMap` may hold the certificates that are trusted where the
/// Secret is sent. Whoever chose both the certificates and the way could read along.
pub const SECRET_CA_ANNOTATION: &str = "perf.pulpproject.org/ca-config-map";

/// The annotation by which a Secret's owner says that it may be sent to a target whose certificate nobody verifies: with
/// the value `None`. Whoever stands in the way could read it.
pub const SECRET_VERIFICATION_ANNOTATION: &str = "perf.pulpproject.org/tls-verification";

/// The annotation by which a Secret's owner says which requests of a test's may be sent with it, GETs included, as
/// `POST /pulp/api/v3/tasks/purge/`, several separated by commas; a `*` at the end stands for anything, and the word
/// `test-views` for pulp-service's two views for tests. Whoever may create a test would otherwise do with the Secret's
/// rights what its owner never agreed to. On a Service it says the same of requests other than GET that are sent to it
/// without any Secret.
pub const REQUESTS_ANNOTATION: &str = "perf.pulpproject.org/requests";

/// The annotation by which a Secret's owner says which images a container may run that is given the Secret; several
/// separated by commas; a `*` at the end stands for anything. It is not the one that lets it be sent to a Service: what
/// a container is given, whoever chose its command can read.
pub const SECRET_IMAGES_ANNOTATION: &str = "perf.pulpproject.org/images";

/// The finalizer that a test carries while it holds a claim on what it scales.
pub const RESTORE_FINALIZER: &str = "perf.pulpproject.org/restore";

/// The `CustomResourceDefinition` as YAML, as it is checked in and installed by the chart.
///
/// # Errors
/// None that a released version can have: the tests write it.
#[cfg(feature = "kube")]
pub fn crd_yaml() -> Result<String, Box<dyn std::error::Error>> {
    use kube::CustomResourceExt;
    let mut crd = serde_json::to_value(ThroughputTest::crd())?;
    conventional(&mut crd);
    // By name: in which order serde_json keeps fields depends on what other crates of a build ask of it.
    crd.sort_all_objects();
    let yaml = serde_saphyr::to_string(&crd)?;
    Ok(format!("# Generated from the Rust types by `make crds`: edit those.\n{yaml}"))
}

/// Makes a schema what Kubernetes' conventions want: nothing is nullable, since what is not there is left out; and numbers
/// have the two formats that its clients know, the bounds saying the rest.
#[cfg(feature = "kube")]
fn conventional(schema: &mut serde_json::Value) {
    use serde_json::Value;
    match schema {
        Value::Object(fields) => {
            if fields.get("nullable") == Some(&Value::Bool(true)) {
                fields.remove("nullable");
            }
            let format = match fields.get("format").and_then(Value::as_str) {
                Some("uint8" | "uint16") => Some("int32"),
                Some("uint32") => {
                    let largest = fields.get("maximum").and_then(Value::as_f64);
                    let is_small = largest.is_some_and(|largest| largest <= f64::from(i32::MAX));
                    Some(if is_small { "int32" } else { "int64" })
                }
                Some("uint64") => Some("int64"),
                Some(_) | None => None,
            };
            if let Some(format) = format {
                fields.insert("format".to_owned(), format.into());
            }
            fields.values_mut().for_each(conventional);
        }
        Value::Array(items) => items.iter_mut().for_each(conventional),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
