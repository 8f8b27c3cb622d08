//! The load that makes Pulp dispatch tasks: requests in a closed loop.

pub mod budget;
pub mod closed_loop;
pub mod dispatch;
pub mod ledger;
pub mod load;
pub(crate) mod login;
pub mod streak;
