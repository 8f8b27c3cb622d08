//! Measures what the operator itself costs.

fn main() {}
