//! The mistakes in a spec, and the permissions that it needs. Pure.

/// A part of `observe` that can never work: a sentence that says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mistake(pub String);

/// Something that the operator's administrator has to permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A URL that is no Service of the test's namespace.
    Url(String),
    /// A role of AWS that is to be assumed.
    AwsRole(String),
    /// An RDS instance that is read with the operator's own rights.
    RdsInstance(String),
    /// A log group of CloudWatch that is read with the operator's own rights.
    LogGroup(String),
}
