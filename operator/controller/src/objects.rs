//! The Kubernetes objects of a test: their names, how they are written, and the deadline of each request.

pub mod deadline;
pub(crate) mod generator_maps;
pub mod known;
pub mod lead;
pub mod metadata;
pub mod names;
pub(crate) mod namespace;
pub mod obstacle;
pub mod owned_objects;
pub(crate) mod pages;
