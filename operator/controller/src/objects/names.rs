//! The names of what the operator makes.

use throughput_model::cell::CellAddress;

/// The operator's field manager.
pub const FIELD_MANAGER: &str = "throughput-operator";
/// The collector's field manager: what generators deliver is written under another name, so that applying
/// the rest of an object does not remove it.
pub const COLLECTOR_FIELD_MANAGER: &str = "throughput-operator-collector";
/// The observers' field manager: for the same reason.
pub const SAMPLING_FIELD_MANAGER: &str = "throughput-operator-observers";
/// The label that marks what the operator made.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// Its value.
pub const MANAGED_BY_VALUE: &str = "throughput-operator";
/// The label with the test's name.
pub const TEST_LABEL: &str = "perf.pulpproject.org/test";
/// The label with the test's UID.
pub const TEST_UID_LABEL: &str = "perf.pulpproject.org/test-uid";
/// The label with the cell's position.
pub const CELL_LABEL: &str = "perf.pulpproject.org/cell";
/// The label with the attempt at the cell, on what a generator has stored.
pub const ATTEMPT_LABEL: &str = "perf.pulpproject.org/attempt";
/// The label with a generator's index, on what it has stored.
pub const GENERATOR_LABEL: &str = "perf.pulpproject.org/generator";
/// The key of a generator's `ConfigMap` under which its registration is stored.
pub const REGISTRATION_KEY: &str = "registration.json";
/// The key of a generator's `ConfigMap` under which its result is stored.
pub const RESULT_KEY: &str = "result.json";

/// The name of everything that belongs to one attempt at a cell: its Job, its Secret, its `ConfigMap`.
pub fn cell(test: &str, address: &CellAddress) -> String {
    format!("{test}-cell-{}-attempt-{}", address.cell, address.attempt)
}

/// The name of the `ConfigMap` of one generator of an attempt at a cell.
pub fn generator(test: &str, address: &CellAddress, index: u32) -> String {
    format!("{}-generator-{index}", cell(test, address))
}

/// The name of the `ConfigMap` with the test's report.
pub fn report(test: &str) -> String {
    format!("{test}-report")
}
