//! What is made of a report for people and for programs: each renderer is a pure function of it.

pub mod csv;
pub mod markdown;
pub mod page;
