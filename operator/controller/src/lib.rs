//! The operator that carries out `ThroughputTest`s.
//!
//! Data flows one way, in steps: plan (what a spec asks for), [`observe`] (the outside world, folded to what decisions depend
//! on), decide (what to do next), [`apply`] (the calls that do it), and publishing, which [`reconcile`], the page that calls
//! them in order, does itself. Plan and decide are pure, and are the crate [`throughput_core`]; how a test is told is the
//! crate [`throughput_report`].
//!
//! Beside the steps: [`rescue`] ends a test that they cannot carry on, [`scaling`] sees to it that everything is left as it was found, [`generators`] is the door for load
//! generators, [`sampling`] runs the sources of figures while a cell is measured, and [`process`] is the program's life.

pub mod apply;
pub mod cadence;
mod ended;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod generators;
pub mod metrics;
pub mod objects;
pub mod observe;
pub mod process;
pub mod reconcile;
pub mod rescue;
pub mod sampling;
pub mod scaling;
pub mod settings;
