//! The vocabulary of a throughput test, and the arithmetic of its figures.
//!
//! Everything here is pure: no Kubernetes, no network, no clock. The operator and the load generators both
//! depend on it, so that what one writes the other reads.
//!
//! * What a generator is told: [`workload`], and the calls that it makes, [`protocol`].
//! * What a generator answers: [`generator`], made of [`named`] counts and [`histogram`]s, and of [`failure`]s. The
//!   names of Pulp's tasks are in [`pulp_load`].
//! * What the system under test says of its tasks: [`task`].
//! * What others say of that system meanwhile: [`source_report`], of the [`window`] that the figures are about; of its
//!   Python stacks, [`profiler`].
//! * What both become: [`figures`], printed through [`decimal`] and chosen by [`percentile`].
//! * How a sentence names a count: [`counted`]; what of a server's words is not quoted, [`masking`].

pub mod cell;
pub mod counted;
pub mod decimal;
pub mod failure;
pub mod figures;
pub mod foreign;
pub mod generator;
pub mod histogram;
#[cfg(feature = "example-kind")]
pub mod holding;
pub mod masking;
pub mod named;
pub mod percentile;
pub mod profiler;
pub mod protocol;
pub mod pulp_load;
pub mod source_report;
pub mod substitution;
pub mod task;
pub mod window;
pub mod workload;
