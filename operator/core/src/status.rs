//! The status: computed from what was decided, nothing read, nothing written.

use jiff::Timestamp;
use throughput_crds::{Best, Condition, ConditionStatus, ConditionType, Phase, ThroughputTestStatus};
use throughput_model::decimal;
use throughput_report::figures::Better;
use throughput_report::repeats::{self, Measured};

use crate::reason::Reason;
use crate::stage::facts;

/// The longest message of a condition, in characters.
const LONGEST_MESSAGE: usize = 1_000;

/// Sets a condition; the time of its transition changes only with its status.
pub fn set(
    conditions: &mut Vec<Condition>,
    type_: ConditionType,
    status: ConditionStatus,
    reason: Reason,
    message: &str,
    now: Timestamp,
    generation: Option<i64>,
) {
    let message: String = message.chars().take(LONGEST_MESSAGE).collect();
    let before = conditions.iter_mut().find(|condition| condition.type_ == type_);
    let since = match &before {
        Some(before) if before.status == status => before.last_transition_time,
        // Kubernetes keeps whole seconds in conditions.
        _ => Timestamp::from_second(now.as_second()).unwrap_or(now),
    };
    let after = Condition {
        type_,
        status,
        reason: reason.to_string(),
        message,
        last_transition_time: since,
        observed_generation: generation,
    };
    match before {
        Some(before) => *before = after,
        None => conditions.push(after),
    }
}

/// Whether a condition is True.
pub fn holds(status: &ThroughputTestStatus, type_: ConditionType) -> bool {
    status
        .conditions
        .iter()
        .any(|condition| condition.type_ == type_ && condition.status == ConditionStatus::True)
}

/// Fills in what people read: the phase, the counts, the columns, the best cell.
pub fn summarize(status: &mut ThroughputTestStatus) {
    status.phase = Some(phase(status));
    if let Some(cells) = &mut status.cells {
        cells.finished = u32::try_from(status.results.len()).unwrap_or(u32::MAX);
        status.summary.cells = Some(format!("{}/{}", cells.finished, cells.total));
    }
    let completed: u64 = status.results.iter().filter_map(|result| result.tasks_completed).sum();
    let live = status
        .current
        .as_ref()
        // While everything is put back, the last cell is both the current one and among the results.
        .filter(|current| status.results.iter().all(|result| result.cell != current.cell))
        .and_then(|current| current.live)
        .map_or(0, |live| live.tasks_submitted.saturating_sub(live.tasks_unfinished));
    if !status.results.is_empty() || live > 0 {
        status.summary.tasks = Some(completed + live);
    }
    let measured = status.results.iter().filter_map(|result| {
        // A row has the headline figure in a field of its own.
        let figure = result.tasks_per_second.clone();
        Measured::trusted(result.cell, &result.parameters, (result.outcome, result.verdict), figure)
    });
    // Of a row it is not told which kind of load it is of, and no kind's headline is the better for being smaller.
    let better = Better::Higher;
    let combinations = repeats::by_combination(measured, better);
    let best = repeats::best(&combinations, better).map(|measured| Best {
        cell: measured.cell,
        parameters: measured.parameters.to_vec(),
        tasks_per_second: measured.figure,
    });
    let repeated = repeats::spreads(&combinations, better);
    status.repeats = repeated;
    if let Some(best) = best {
        let total =
            status.results.iter().find(|result| result.cell == best.cell).and_then(|result| result.total);
        status.summary.tasks_per_second = Some(best.tasks_per_second.clone());
        status.summary.p99 =
            total.map(|total| format!("{}s", decimal::seconds(total.p99.saturating_mul(1_000), 1)));
        status.best = Some(best);
    }
}

fn phase(status: &ThroughputTestStatus) -> Phase {
    if holds(status, ConditionType::Finished) {
        return Phase::Finished;
    }
    status.current.as_ref().map_or(Phase::Pending, |current| facts(current.stage).phase)
}

#[cfg(test)]
mod tests;
