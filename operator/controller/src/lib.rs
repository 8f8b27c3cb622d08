//! The operator that carries out `ThroughputTest`s.
//!
//! Data flows one way, and each step of a look at a test is a folder of that name: [`plan`] (what a spec asks for),
//! [`observe`] (the outside world, folded to [`observed`]), [`decide`] (what to do next), [`apply`] (the calls that do
//! it), and publishing, which [`reconcile`], the page that calls them in order, does itself. Pure are `plan`, `decide`,
//! [`judge`] (what a cell came to), [`stage`] and [`status`]; how it is told is the crate [`throughput_report`].
//!
//! Beside the steps: [`scaling`] sees to it that everything is left as it was found, [`generators`] is the door for load
//! generators, [`sampling`] runs the sources of figures while a cell is measured, and [`process`] is the program's life.

pub mod apply;
pub mod cadence;
pub mod clock;
pub mod decide;
pub mod generators;
pub mod identity;
pub mod judge;
pub mod metrics;
pub mod objects;
pub mod observe;
pub mod observed;
pub mod plan;
pub mod process;
pub mod reason;
pub mod reconcile;
pub mod sampling;
pub mod scaling;
pub mod settings;
pub mod stage;
pub mod status;
