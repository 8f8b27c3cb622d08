//! The operator's door for load generators: who may call, what they are told, and what of their words is believed.

pub mod api;
mod limits;
pub mod phase;
pub mod token;
pub mod token_key;
