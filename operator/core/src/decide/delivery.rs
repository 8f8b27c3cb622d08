//! What the generators of a cell deliver.

use std::time::Duration;

use throughput_model::counted::counted;

use super::draft::{Draft, View};
use crate::observed::Job;
use crate::reason::{Reason, Why};

/// How much longer than its load a generator may take to deliver.
const DELIVERY_GRACE: Duration = Duration::from_mins(2);

/// How far the generators of a cell are with delivering what they measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// All have.
    All,
    /// They are at work.
    Awaited,
    /// One never will, or it took too long.
    Failed(Why),
}

/// Looks at what was delivered, by generators that may be at work for as long as is allowed since the stage began.
pub(crate) fn delivery(draft: &Draft<'_>, view: &View<'_>, allowed: Duration) -> Delivery {
    let generators = &view.observed.generators;
    if generators.results.len() >= view.cell.generators as usize {
        return Delivery::All;
    }
    let lost = match &generators.job {
        Job::Failed { message } => Some(message.clone()),
        Job::Absent => Some("its Job was deleted".to_owned()),
        // A generator ends well only once its result is stored, and the Job is read before what is stored.
        Job::Complete => {
            let missing = (view.cell.generators as usize).saturating_sub(generators.results.len());
            let message = format!(
                "what {} delivered is not there any more: its ConfigMap was deleted, or changed",
                counted(missing, "load generator")
            );
            return Delivery::Failed(Why::new(Reason::ResultNotDelivered, message));
        }
        Job::Active { .. } => None,
    };
    if let Some(message) = lost {
        let message = format!("a load generator was lost: {message}");
        return Delivery::Failed(Why::new(Reason::GeneratorFailed, message));
    }
    if draft.is_past(view.since(), allowed + DELIVERY_GRACE) {
        let message = format!(
            "{} of {} load generators delivered their results in time after timeouts.dispatch",
            generators.results.len(),
            view.cell.generators
        );
        return Delivery::Failed(Why::new(Reason::ResultNotDelivered, message));
    }
    Delivery::Awaited
}
