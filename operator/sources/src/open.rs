//! The sources that a spec names.

use throughput_crds::Observe;

use crate::access::Access;
use crate::registry::SOURCES;
use crate::source::Source;

/// The sources that a spec names, none of which has begun.
pub fn open(observe: &Observe, access: &Access) -> Vec<Box<dyn Source>> {
    SOURCES.iter().filter_map(|row| (row.open)(observe, access)).collect()
}
