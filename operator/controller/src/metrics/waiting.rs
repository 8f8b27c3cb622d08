//! Gauges of the servers that are waited for, and of the tests whose turn it is not yet.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::cadence::queues::Queues;
use crate::cadence::turns::{Lane, Turns};

/// The gauges, and where their figures are.
#[derive(Debug)]
pub(super) struct Waiting {
    taken: Family<InLane, Gauge>,
    queued: Family<InLane, Gauge>,
    in_queues: Gauge,
    pub(super) turns: Turns,
    pub(super) queues: Queues,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct InLane {
    lane: &'static str,
}

impl Waiting {
    /// Gauges of turns of which none is taken.
    pub(super) fn new(registry: &mut Registry) -> Self {
        let mut family = |name: &'static str, help: &'static str| {
            let family = Family::<InLane, Gauge>::default();
            registry.register(name, help, family.clone());
            family
        };
        let in_queues = Gauge::default();
        Self {
            taken: family("turns_taken", "Servers that are being waited for, by what for"),
            queued: family(
                "tests_waiting_for_a_turn",
                "Tests whose server is not asked yet, since those of others do not answer, by what for",
            ),
            in_queues: {
                let help =
                    "Tests that wait for their turn, since others have their targets or are served first";
                registry.register("queued_tests", help, in_queues.clone());
                in_queues
            },
            turns: Turns::default(),
            queues: Queues::default(),
        }
    }

    /// Takes over how it is now.
    pub(super) fn take_counts(&self) {
        self.in_queues.set(i64::try_from(self.queues.queued()).unwrap_or(i64::MAX));
        let integer = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for lane in Lane::ALL {
            let (taken, waiting) = self.turns.count(lane);
            let label = InLane { lane: lane.as_str() };
            self.taken.get_or_create(&label).set(integer(taken));
            self.queued.get_or_create(&label).set(integer(waiting));
        }
    }
}
