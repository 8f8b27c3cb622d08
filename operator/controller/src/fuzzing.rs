//! What the operator stored, as it reads it back, for tests/fuzz alone: each function takes an input, and stops at the first
//! surprise.

pub use crate::sampling::fuzzing::{checkpoints, packed_checkpoints};
pub use crate::scaling::fuzzing::claims;
