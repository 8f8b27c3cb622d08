//! The cost of statements within a window: the difference of two states of `pg_stat_statements`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::SourceError;
use crate::recording::Recording;

use super::extension::Extension;
use super::query_text::shown;

/// The most statements that are read.
const MOST_STATEMENTS: usize = 20_000;
/// The most that outlive the operator.
const MOST_REMEMBERED: usize = 500;
const COLUMNS: [&str; 5] = ["Statement", "Calls", "Total [ms]", "Mean [ms]", "Rows"];

/// The cost of a statement since the server began to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "(u64, f64, u64)", into = "(u64, f64, u64)")]
pub(super) struct Cost {
    calls: u64,
    milliseconds: f64,
    rows: u64,
}

/// The costs of all statements of a database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Statements {
    #[serde(with = "by_id")]
    costs: BTreeMap<i64, Cost>,
    /// The extension counts from here on.
    reset_at: Option<String>,
    /// How often it has thrown out the statements that are used least.
    evictions: Option<u64>,
    /// How many statements this role may not see.
    #[serde(default)]
    hidden: u64,
    /// The most that any statement left out has cost, in milliseconds; `None` where none is left out.
    #[serde(default)]
    left_out_milliseconds: Option<f64>,
}

/// The cost of a statement within the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spent {
    /// The statement's number.
    pub(super) id: i64,
    cost: Cost,
}

/// The question for [`Statements`]. With `texts` the operator's own statements are left out; without, no text is read.
pub(super) fn question(extension: &Extension, has_texts: bool) -> String {
    let schema = &extension.schema;
    let time = if extension.is_at_least(1, 8) { "total_exec_time" } else { "total_time" };
    let info = if extension.is_at_least(1, 9) {
        format!("(SELECT json_build_array(stats_reset::text, dealloc) FROM {schema}.pg_stat_statements_info)")
    } else {
        "json_build_array(NULL, NULL)".to_owned()
    };
    let not_ours =
        if has_texts { "HAVING NOT bool_or(query LIKE '%/* throughput-operator */%')" } else { "" };
    format!(
        "WITH /* throughput-operator */ counted AS MATERIALIZED (
          SELECT * FROM {schema}.pg_stat_statements({has_texts})
          WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())),
        summed AS MATERIALIZED (
          SELECT queryid, sum(calls)::bigint AS calls, sum({time}) AS milliseconds, sum(rows)::bigint AS rows
          FROM counted WHERE queryid IS NOT NULL GROUP BY queryid {not_ours}
          ORDER BY 3 DESC LIMIT {MOST_STATEMENTS})
        SELECT json_build_object(
          'info', {info},
          'hidden', (SELECT count(*) FROM counted WHERE queryid IS NULL),
          'costs', (SELECT coalesce(json_agg(json_build_array(queryid, calls, milliseconds, rows)), '[]') FROM summed))"
    )
}

/// The question for the texts of these statements.
pub(super) fn texts_question(extension: &Extension, ids: &[i64]) -> String {
    let schema = &extension.schema;
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!(
        "SELECT /* throughput-operator */ coalesce(json_object_agg(id, query), '{{}}') FROM (
          SELECT queryid::text AS id, min(left(query, 1000)) AS query FROM {schema}.pg_stat_statements
          WHERE queryid IN ({}) AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
          GROUP BY queryid) texts",
        ids.join(", ")
    )
}

/// The answer to the question.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    info: (Option<String>, Option<u64>),
    hidden: u64,
    costs: Vec<(i64, u64, f64, u64)>,
}

impl From<Answer> for Statements {
    fn from(answer: Answer) -> Self {
        let Answer { info: (reset_at, evictions), hidden, costs } = answer;
        let left_out_milliseconds = costs
            .last()
            .filter(|_| costs.len() >= MOST_STATEMENTS)
            .map(|(_, _, milliseconds, _)| *milliseconds);
        let costs = costs.into_iter();
        Self {
            costs: costs
                .map(|(id, calls, milliseconds, rows)| (id, (calls, milliseconds, rows).into()))
                .collect(),
            reset_at,
            evictions,
            hidden,
            left_out_milliseconds,
        }
    }
}

impl Statements {
    /// The costliest of them, few enough to be stored.
    pub(super) fn remembered(&self) -> Self {
        let mut costs: Vec<(i64, Cost)> = self.costs.iter().map(|(id, cost)| (*id, *cost)).collect();
        costs.sort_by(|(_, one), (_, other)| other.milliseconds.total_cmp(&one.milliseconds));
        let left_out = costs.get(MOST_REMEMBERED).map(|(_, cost)| cost.milliseconds);
        costs.truncate(MOST_REMEMBERED);
        Self {
            costs: costs.into_iter().collect(),
            left_out_milliseconds: left_out.or(self.left_out_milliseconds),
            ..self.clone()
        }
    }

    /// The cost of each statement since `start`, the costliest first.
    pub(super) fn since(&self, start: &Self) -> Vec<Spent> {
        let was_reset = self.was_reset_since(start);
        let spent = self.costs.iter().map(|(id, cost)| {
            let before = if was_reset { None } else { start.costs.get(id) };
            let left_out = start.left_out_milliseconds.filter(|_| !was_reset);
            Spent { id: *id, cost: cost.since(before, left_out) }
        });
        let mut spent: Vec<Spent> = spent.filter(|spent| spent.cost.calls > 0).collect();
        spent.sort_by(|one, other| other.cost.milliseconds.total_cmp(&one.cost.milliseconds));
        spent
    }

    fn was_reset_since(&self, start: &Self) -> bool {
        self.reset_at != start.reset_at
    }

    fn has_shrunk_since(&self, start: &Self) -> bool {
        let shrunk =
            |(id, before): (&i64, &Cost)| self.costs.get(id).is_some_and(|now| now.is_less_than(*before));
        start.costs.iter().any(shrunk)
    }

    /// Notes a shortfall for each reason not to trust them.
    pub(super) fn note_doubts(&self, start: &Self, at: Timestamp, recording: &mut Recording) {
        if self.was_reset_since(start) {
            let message = "pg_stat_statements was reset within the window: what came before is not counted";
            recording.fall_short(&doubt("StatementsReset", message), at);
        } else if self.reset_at.is_none() && self.has_shrunk_since(start) {
            // Before PostgreSQL 14 the extension does not tell.
            let message = "statements have cost less than before the window: pg_stat_statements was reset, or threw them out, and what came before is not counted";
            recording.fall_short(&doubt("StatementsReset", message), at);
        }
        if self.hidden > 0 {
            let message = format!(
                "{} statements of other users are hidden from this role: GRANT pg_monitor TO it",
                self.hidden
            );
            recording.fall_short(&doubt("StatementsHidden", message), at);
        }
        let evictions = self.evictions.zip(start.evictions).map(|(now, before)| now.saturating_sub(before));
        if let Some(evictions) = evictions.filter(|evictions| *evictions > 0 && !self.was_reset_since(start))
        {
            let message = format!(
                "pg_stat_statements threw out statements {evictions} times within the window, since pg_stat_statements.max is too small for them: sums are too small"
            );
            recording.fall_short(&doubt("StatementsEvicted", message), at);
        }
    }
}

/// The beginning of the names of their figures.
pub(super) const METRIC: &str = "statements";

/// Something that makes only the figures of statements doubtful.
pub(super) fn doubt(reason: &'static str, message: impl Into<String>) -> SourceError {
    SourceError::new(reason, message).only_of([METRIC])
}

impl Cost {
    /// What was added to `before`. What shrank has begun anew. What was not among those that were kept at the start had
    /// cost at most `left_out` milliseconds then: as much is taken off, so that too little is said rather than too much.
    fn since(self, before: Option<&Self>, left_out: Option<f64>) -> Self {
        match (before, left_out) {
            (Some(before), _) if !self.is_less_than(*before) => Self {
                calls: self.calls - before.calls,
                milliseconds: (self.milliseconds - before.milliseconds).max(0.0),
                rows: self.rows.saturating_sub(before.rows),
            },
            (Some(_), _) | (None, None) => self,
            (None, Some(left_out)) => self.share((self.milliseconds - left_out) / self.milliseconds),
        }
    }

    /// Whether it has begun anew since, as far as can be seen.
    fn is_less_than(self, before: Self) -> bool {
        self.calls < before.calls || self.milliseconds < before.milliseconds
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of numbers that are estimated anyway"
    )]
    fn share(self, share: f64) -> Self {
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        Self {
            calls: (self.calls as f64 * share) as u64,
            milliseconds: self.milliseconds * share,
            rows: (self.rows as f64 * share) as u64,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a number of calls")]
    fn mean_milliseconds(self) -> f64 {
        self.milliseconds / self.calls.max(1) as f64
    }
}

/// The costliest of these by total time, and by mean time.
pub(super) fn top(spent: &[Spent], count: usize) -> [Vec<Spent>; 2] {
    let mut by_mean = spent.to_vec();
    by_mean.sort_by(|one, other| other.cost.mean_milliseconds().total_cmp(&one.cost.mean_milliseconds()));
    by_mean.truncate(count);
    [spent.iter().take(count).copied().collect(), by_mean]
}

/// Notes the sums of all statements, and the tables of the top ones.
#[expect(clippy::cast_precision_loss, reason = "numbers of calls and rows")]
pub(super) fn note(
    spent: &[Spent],
    tops: &[Vec<Spent>; 2],
    texts: &BTreeMap<String, String>,
    recording: &mut Recording,
) {
    let sum = |value: fn(&Cost) -> f64| spent.iter().map(|spent| value(&spent.cost)).sum::<f64>();
    recording.set_figure("statements.calls", sum(|cost| cost.calls as f64));
    recording.set_figure("statements.rows", sum(|cost| cost.rows as f64));
    recording.set_figure("statements.totalMilliseconds", sum(|cost| cost.milliseconds));
    if let Some(slowest) = tops[1].first() {
        recording.set_figure("statements.slowestMeanMilliseconds", slowest.cost.mean_milliseconds());
    }
    for (title, top) in ["Statements by total time", "Statements by mean time"].into_iter().zip(tops) {
        let rows = top.iter().map(|spent| row(*spent, texts));
        recording.set_table(title, &COLUMNS, rows.collect::<Vec<_>>());
    }
}

fn row(spent: Spent, texts: &BTreeMap<String, String>) -> Vec<String> {
    let Spent { id, cost } = spent;
    let text = texts.get(&id.to_string()).map_or_else(|| format!("query {id}"), |text| shown(text));
    let (total, mean) = (format!("{:.1}", cost.milliseconds), format!("{:.3}", cost.mean_milliseconds()));
    vec![text, cost.calls.to_string(), total, mean, cost.rows.to_string()]
}

impl From<(u64, f64, u64)> for Cost {
    fn from((calls, milliseconds, rows): (u64, f64, u64)) -> Self {
        Self { calls, milliseconds, rows }
    }
}

impl From<Cost> for (u64, f64, u64) {
    fn from(cost: Cost) -> Self {
        (cost.calls, cost.milliseconds, cost.rows)
    }
}

/// Numbers as the keys of a JSON object, which are texts.
mod by_id {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::Cost;

    pub(super) fn serialize<S: Serializer>(
        costs: &BTreeMap<i64, Cost>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(costs)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<i64, Cost>, D::Error> {
        Ok(Vec::<(i64, Cost)>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(costs: &[(i64, u64, f64, u64)]) -> Statements {
        Answer { info: (None, None), hidden: 0, costs: costs.to_vec() }.into()
    }

    fn spent(costs: &[(i64, u64, f64, u64)]) -> Vec<Spent> {
        costs
            .iter()
            .map(|(id, calls, milliseconds, rows)| Spent {
                id: *id,
                cost: (*calls, *milliseconds, *rows).into(),
            })
            .collect()
    }

    #[test]
    fn what_was_spent_is_the_difference() {
        let start = statements(&[(1, 10, 100.0, 10), (2, 5, 50.0, 5), (3, 9, 90.0, 9)]);
        // 1 went on, 2 did not, 3 was evicted and came again, 4 is new.
        let end = statements(&[(1, 14, 180.0, 13), (2, 5, 50.0, 5), (3, 2, 7.0, 2), (4, 1, 500.0, 0)]);
        assert_eq!(end.since(&start), spent(&[(4, 1, 500.0, 0), (1, 4, 80.0, 3), (3, 2, 7.0, 2)]));
    }

    #[test]
    fn after_a_reset_only_what_came_then_is_counted_and_it_is_said() {
        let start = Statements { reset_at: Some("a".to_owned()), ..statements(&[(1, 10, 100.0, 10)]) };
        let end = Statements { reset_at: Some("b".to_owned()), ..statements(&[(1, 12, 60.0, 12)]) };
        assert_eq!(end.since(&start), spent(&[(1, 12, 60.0, 12)]));
        let mut recording = Recording::new("postgres", Timestamp::UNIX_EPOCH);
        end.note_doubts(&start, Timestamp::UNIX_EPOCH, &mut recording);
        assert_eq!(recording.shortfalls()[0].reason, "StatementsReset");
    }

    #[test]
    fn what_outlives_the_operator_is_small_and_never_makes_too_much_of_a_statement() {
        let all: Vec<_> =
            (0..5_000_i64).map(|id| (id, 10, f64::from(u32::try_from(id).unwrap()), 10)).collect();
        let start = statements(&all).remembered();
        let stored = serde_json::to_string(&start).unwrap();
        assert!(stored.len() < 20_000, "{}", stored.len());
        let start: Statements = serde_json::from_str(&stored).unwrap();
        // One that was remembered, and one that was not and had cost at most 4499 ms.
        let end = statements(&[(4_900, 12, 5_000.0, 10), (7, 20, 8_998.0, 40), (8, 1, 3.0, 1)]);
        assert_eq!(end.since(&start), spent(&[(7, 10, 4_499.0, 20), (4_900, 2, 100.0, 0)]));
    }

    #[test]
    fn the_top_ones_are_told_with_their_texts() {
        let mut recording = Recording::new("postgres", Timestamp::UNIX_EPOCH);
        let spent = spent(&[(1, 100, 300.0, 100), (2, 1, 200.0, 0)]);
        let texts = [("1".to_owned(), "SELECT  $1".to_owned())].into();
        note(&spent, &top(&spent, 1), &texts, &mut recording);
        let report = recording.report();
        let rows: Vec<Vec<String>> = report.tables.iter().flat_map(|table| table.rows.clone()).collect();
        assert_eq!(
            rows,
            [["SELECT $1", "100", "300.0", "3.000", "100"], ["query 2", "1", "200.0", "200.000", "0"]]
        );
        assert_eq!(report.summary.figures.get("postgres.statements.totalMilliseconds"), Some(&500.0));
        assert_eq!(report.summary.figures.get("postgres.statements.slowestMeanMilliseconds"), Some(&200.0));
    }
}
