//! Runs py-spy beside the processes of a container, and tells the operator what it saw.
//!
//! It is the entry point of an ephemeral container that shares the target container's processes. py-spy alone would not
//! do: it puts whole command lines into its stacks, which may hold what is not meant to be shown; and when the kernel
//! refuses, it does not say why. [`identity`] tells as whom both run, [`raw`] reads py-spy's output without command
//! lines and within bounds, [`run`] does the rest.

pub mod identity;
pub mod raw;
pub mod run;
