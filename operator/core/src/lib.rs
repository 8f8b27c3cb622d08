//! What the operator decides: a spec becomes a plan, what was observed a decision, evidence a verdict. Pure: no Kubernetes, no
//! network, no clock.
//!
//! [`plan`] is what a spec asks for, with what the [`source_catalog`] knows; [`observed`] is the outside world, folded to
//! what decisions depend on; [`decide`] is what to do next, stage by stage of the table [`stage`], with its [`reason`];
//! [`judge`] is what a cell came to, and [`kinds`] has what differs by the kind of load. [`status`] is what people see of all that. What calls servers, and keeps to what is
//! decided here, is the controller.

pub mod clock;
pub mod decide;
pub mod identity;
pub mod judge;
pub mod kinds;
pub mod observed;
pub mod plan;
pub mod queue;
pub mod reason;
pub mod source_catalog;
pub mod stage;
pub mod status;
pub mod target;
