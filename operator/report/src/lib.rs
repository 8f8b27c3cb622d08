//! A test's report: all figures of all cells, and what is rendered of them. Pure: no Kubernetes, no network, no clock.
//!
//! * [`data`] is the report itself; [`figures`] has its figures by name, with their [`unit`]s and which way is better.
//! * [`kinds`] has what differs by the kind of load: what is kept of a cell, its figures, its section, and its [`kind_facts`]:
//!   columns and drawings.
//! * [`best`] and [`repeats`] compare cells; [`timeline`] is what is drawn of one over time.
//! * [`render`] makes texts of it, each by a pure function, one a file, of the same [`columns`].
//! * [`fit`] leaves detail out until it has the size that a `ConfigMap` can hold; [`room`] says how much that is.

pub mod best;
pub mod columns;
pub mod data;
pub mod figures;
pub mod fit;
#[cfg(any(test, feature = "fixture"))]
pub mod fixture;
pub mod kind_facts;
pub mod kinds;
pub mod render;
pub mod repeats;
pub mod room;
mod rows;
pub mod timeline;
pub mod unit;
