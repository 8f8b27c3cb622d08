//! The part of the sources that a plan needs, before anything is measured. Pure: no client, no Kubernetes, no AWS.

use throughput_crds::Observe;

use crate::metric::Figure;
use crate::mistake::{Mistake, Wanted};

/// The sources as a plan knows them: which of them a spec names, what it can judge by them, and what they need.
///
/// `Registry` implements it for the sources of this crate, a test by a few lines of its own.
pub trait SourceCatalog {
    /// The names of the sources that a spec names, in the order in which reports have them. A spec that names none is not
    /// watched at all.
    fn sources(&self, observe: &Observe) -> Vec<&'static str>;

    /// The figures that these sources can have, by which criteria and a search can judge.
    fn figures(&self, observe: &Observe) -> Vec<Figure>;

    /// The permissions of the operator's administrator that these sources need; or the first mistake, of those that the API
    /// server's own rules cannot see.
    fn check(&self, observe: &Observe) -> Result<Vec<Wanted>, Mistake>;
}
