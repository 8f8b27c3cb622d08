//! The room in the `ConfigMap`s that are written for a test: what may go into each, added up here and nowhere else.
//!
//! | `ConfigMap` | what is in it |
//! | --- | --- |
//! | of a generator | its registration and its result |
//! | of a cell | the sources' checkpoint while the cell lasts, and its packed details with their documents |
//! | of the report | `report.json`, `report.md`, `report.csv`, and in what is left the page with its timelines |

use throughput_model::protocol::{LARGEST_BODY_BYTES, LARGEST_REGISTRATION_BYTES};

/// What Kubernetes lets a `ConfigMap` hold, the values of all keys together, in bytes.
pub const CONFIG_MAP: usize = 1 << 20;

/// The most that a generator's registration and result have together, in bytes.
pub const GENERATOR: usize = LARGEST_REGISTRATION_BYTES + LARGEST_BODY_BYTES;

/// The most that the checkpoint of a cell's sources has, packed, in bytes.
pub const CHECKPOINT: usize = 384 << 10;
/// The most that a cell's details have, packed and with their documents, in bytes.
pub const DETAILS: usize = 512 << 10;
/// The most that a cell's `ConfigMap` has, in bytes.
pub const CELL: usize = CHECKPOINT + DETAILS;

/// The most that `report.json` has, in bytes.
pub const REPORT_JSON: usize = 512 << 10;
/// The most that `report.md` has, in bytes.
pub const REPORT_MARKDOWN: usize = 128 << 10;
/// The most that `report.csv` has, in bytes.
pub const REPORT_CSV: usize = 128 << 10;
/// The most that the texts of the report have, in bytes.
pub const REPORT_TEXTS: usize = REPORT_JSON + REPORT_MARKDOWN + REPORT_CSV;
/// The most that the page and its timelines have, compressed, in bytes. They get what the texts leave.
pub const PICTURES: usize = 512 << 10;

const _: () = assert!(GENERATOR < CONFIG_MAP, "a generator's result finds room");
const _: () = assert!(CELL < CONFIG_MAP, "a cell's details find room beside the checkpoint");
const _: () = assert!(REPORT_TEXTS + (128 << 10) < CONFIG_MAP, "a page finds room beside the largest texts");
