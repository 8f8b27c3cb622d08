//! What a plan needs to know of the sources of figures, before anything is measured.
//!
//! The sources themselves are clients of databases, clouds and Kubernetes, and know this crate; it knows none of them.

use std::collections::BTreeSet;

use throughput_crds::Observe;

/// The sources as a plan knows them: whether a spec names any, what it can judge by them, and what they need.
///
/// The registry of the crate of sources implements it, a test by a few lines of its own.
pub trait SourceCatalog {
    /// Whether a spec names any source. One that names none is not watched at all.
    fn is_watched(&self, observe: &Observe) -> bool;

    /// The full names of the figures that these sources can have, `SOURCE.METRIC.STATISTIC`, by which criteria can judge.
    fn figure_names(&self, observe: &Observe) -> BTreeSet<String>;

    /// The permissions of the operator's administrator that these sources need.
    ///
    /// # Errors
    /// The first mistake, of those that the API server's own rules cannot see.
    fn check(&self, observe: &Observe) -> Result<Vec<Wanted>, Mistake>;
}

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

/// Sources for tests.
#[cfg(any(test, feature = "fixture"))]
pub mod fixture {
    use super::{BTreeSet, Mistake, Observe, SourceCatalog, Wanted};

    /// A catalog with one source, `rds`, which has one figure and needs its instance to be permitted.
    #[derive(Clone, Copy, Debug)]
    pub struct OneSource;

    impl SourceCatalog for OneSource {
        fn is_watched(&self, observe: &Observe) -> bool {
            observe.rds.is_some()
        }

        fn figure_names(&self, observe: &Observe) -> BTreeSet<String> {
            observe.rds.iter().map(|_| "rds.cpuPercent.max".to_owned()).collect()
        }

        fn check(&self, observe: &Observe) -> Result<Vec<Wanted>, Mistake> {
            let instance = observe.rds.iter().map(|rds| Wanted::RdsInstance(rds.instance.clone()));
            Ok(instance.collect())
        }
    }
}
