//! Which test something is about.

/// The identity of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestFacts {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// The generation of its spec.
    pub generation: Option<i64>,
}
