//! The operator that carries out `ThroughputTest`s.
//!
//! Data flows one way, and each file is named for its step. With a client of the API server: [`observe`],
//! [`apply`], the [`collector`] that load generators talk to, and the [`observers`] that watch the system under test. Pure: [`plan`], [`matrix`] and [`in_process`] (what is to be
//! done), [`decide`] (what to do next), [`result`], [`saturation`], [`observations`] and [`criteria`] (what it came to), [`status`] and
//! [`report`] (how it is told), [`build`] (what is created). [`reconcile`] is the page that calls them in
//! order; [`claim`] sees to it that everything is left as it was found, and [`owner`] knows who is to be told how many
//! replicas there shall be.

pub mod access;
pub mod apply;
pub mod backoff;
pub mod belongings;
pub mod build;
pub mod claim;
pub mod collector;
pub mod criteria;
pub mod deadline;
pub mod decide;
pub mod gate;
pub mod health;
pub mod in_process;
pub mod key;
pub mod leader;
mod leaving;
pub mod matrix;
pub mod metrics;
pub mod names;
pub mod observations;
pub mod observe;
pub mod observed;
pub mod observers;
pub mod orphans;
pub mod owner;
pub mod pace;
pub mod permissions;
pub mod plan;
#[cfg(test)]
mod reasons;
pub mod reconcile;
pub mod rejection;
pub mod repeats;
pub mod report;
pub mod result;
pub mod run;
pub mod saturation;
pub mod scalable;
pub mod serving;
pub mod settings;
pub mod signals;
pub mod status;
pub mod token;
mod uninstall;
pub mod watching;
