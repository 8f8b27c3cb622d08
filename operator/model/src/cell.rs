//! The names of a cell: one point of a test's matrix, measured once.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The namespace of the correlation ids below: a fixed, random UUID, so that the same cell always gets the
/// same id and no other tool's ids can coincide with ours.
const CORRELATION_NAMESPACE: Uuid = Uuid::from_u128(0x6f0c_52d7_9a1e_4b43_8c2f_75d3_1b9e_a460);

/// One attempt at one cell of one test.
///
/// A cell is attempted again only when an attempt could not be followed to its end; what an earlier attempt
/// left behind then carries other names and another correlation id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CellAddress {
    /// `metadata.uid` of the `ThroughputTest`.
    pub test_uid: String,
    /// The cell's position in the matrix, from 0.
    pub cell: u32,
    /// The attempt, from 1.
    pub attempt: u32,
}

impl CellAddress {
    /// The correlation id which every request of this attempt carries, and by which Pulp's tasks are found
    /// again. It is derived from the address, so that a restarted operator finds the same tasks.
    pub fn correlation_id(&self) -> Uuid {
        self.derived_id("")
    }

    /// The correlation id of the tasks that wake up workers which overslept this attempt's backlog. They are
    /// no part of what is measured.
    pub fn nudge_correlation_id(&self) -> Uuid {
        self.derived_id("/nudge")
    }

    /// The correlation id of the question whether the view that dispatches works, before anything is scaled.
    pub fn check_correlation_id(&self) -> Uuid {
        self.derived_id("/check")
    }

    /// The correlation id of the tasks that delete what this attempt's tasks made.
    pub fn cleanup_correlation_id(&self) -> Uuid {
        self.derived_id("/cleanup")
    }

    fn derived_id(&self, purpose: &str) -> Uuid {
        let name = format!("{}/{}/{}{purpose}", self.test_uid, self.cell, self.attempt);
        Uuid::new_v5(&CORRELATION_NAMESPACE, name.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(cell: u32, attempt: u32) -> CellAddress {
        CellAddress { test_uid: "3f1c".to_owned(), cell, attempt }
    }

    #[test]
    fn the_same_attempt_always_has_the_same_correlation_id() {
        assert_eq!(address(2, 1).correlation_id(), address(2, 1).correlation_id());
    }

    #[test]
    fn another_cell_attempt_or_purpose_has_another_correlation_id() {
        let addresses = [address(2, 1), address(1, 2), address(2, 2), address(1, 1)];
        let ids: Vec<Uuid> = addresses
            .iter()
            .flat_map(|a| {
                [
                    a.correlation_id(),
                    a.nudge_correlation_id(),
                    a.check_correlation_id(),
                    a.cleanup_correlation_id(),
                ]
            })
            .collect();
        for (position, id) in ids.iter().enumerate() {
            assert!(!ids[position + 1..].contains(id), "{id} stands twice");
        }
    }
}
