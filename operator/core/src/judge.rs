//! What a cell came to: its result from its evidence, and whether it can be believed. Pure.

pub mod evidence;
pub mod findings;
pub mod result;
pub mod saturation;
