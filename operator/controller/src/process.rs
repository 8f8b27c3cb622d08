//! The operator's process: start, leadership, watches, servers, signals, and uninstallation.

pub mod health;
pub mod leader;
pub mod run;
pub mod serving;
pub mod signals;
mod uninstall;
pub mod watching;
