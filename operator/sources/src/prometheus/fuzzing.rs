//! Prometheus's answers, for tests/fuzz alone.
#![expect(clippy::missing_panics_doc, reason = "stopping at the first surprise is what they are for")]

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::answer::{Answer, Found};
use super::query::{Over, Query};
use crate::fuzzing::{check, empty, read};

const OVER: [Over; 2] = [
    Over::Range { start_milliseconds: 0, end_milliseconds: 600_000, step_seconds: 3 },
    Over::Instant { at_milliseconds: 600_000 },
];

/// An answer to a query over a range, and to one at an instant.
pub fn answers(input: &[u8]) {
    for over in OVER {
        let Some(answer) = read::<Answer>(input) else { return };
        let query = Query { name: "queue".to_owned(), expression: "up".to_owned(), over };
        let understood = answer.understand(&query);
        match &understood.found {
            Some(Found::Series(series)) => {
                let subjects: BTreeSet<&String> = series.iter().map(|(subject, _)| subject).collect();
                assert!(series.len() <= 20 && subjects.len() == series.len(), "{subjects:?}");
            }
            Some(Found::Value(value)) => assert!(value.is_finite()),
            None => assert!(!understood.doubts.is_empty(), "nothing, and no word about it"),
        }
        let _ = understood.may_become_more(&query);
        let mut recording = empty("prometheus");
        understood.note(&query, Timestamp::UNIX_EPOCH, &mut recording);
        check(&recording);
    }
}
