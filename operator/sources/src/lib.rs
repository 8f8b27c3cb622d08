//! Sources of figures about the system under test, each in a file of its own behind one small trait.
//!
//! [`source`] is the trait, [`recording`] what a source writes into: bounded, and kept over a restart of the operator.
//! [`registry`] is the table of all sources: which of them a spec names, the names of their figures, and the mistakes in
//! their sections. What of it a plan needs is a trait of the core. A source never fails a run: what it cannot see is a
//! shortfall in its recording.

pub mod access;
mod aws;
mod cause;
pub mod certificates;
pub mod cloudwatch_logs;
pub mod error;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod kubernetes;
mod lock;
pub mod logs;
pub mod metric;
pub mod open;
mod pages;
pub mod pods;
pub mod postgres;
pub mod profile;
pub mod prometheus;
pub mod provenance;
mod quantity;
pub mod rds;
pub mod recording;
pub mod registry;
pub mod secrets;
mod selectors;
pub mod series;
pub mod source;
mod text;
