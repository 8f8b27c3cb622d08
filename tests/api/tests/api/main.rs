//! The controller's parts against a real API server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod actions;
mod claims;
mod collecting;
mod columns;
mod crashed;
mod examples;
mod found;
mod generator_maps;
mod hostile_callers;
mod in_process;
mod leading;
mod lost;
mod operator;
mod queueing;
mod refusals;
mod rescuing;
mod restoring;
mod restricted;
mod rules;
mod scaling;
mod silent;
mod sources;
mod uninstalling;
mod unsigned;
mod waiting;
mod watched;
mod watching;
mod watching_pods;
