//! The Kubernetes objects of a test: their names, how they are written, and the deadline of each request.

pub mod deadline;
pub mod names;
pub(crate) mod namespace;
pub mod owned_objects;
