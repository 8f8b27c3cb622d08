//! The results, and what else is told in rows.

use jiff::Timestamp;
use maud::{Markup, html};
use throughput_crds::{RepeatedCells, Verdict};
use throughput_model::source_report;

use super::anchor;
use crate::columns::{Align, Column, NO_FIGURE, RepeatColumn, RepeatValue, Table, Value, or_dash};
use crate::data::{CellReport, TestReport};
use crate::figures::Better;
use crate::kind_facts::KindFacts;
use crate::rows::Row;

/// The results of all cells.
pub(super) fn results(report: &TestReport, best: Option<u32>) -> Markup {
    let facts = report.facts();
    html! {
        section aria-labelledby="results" {
            h2 #results { "Results" }
            div.wide tabindex="0" role="region" aria-labelledby="results" {
                table.results {
                    thead { tr { @for column in facts.columns_of(Table::Page) { (title(column)) } } }
                    tbody { @for cell in &report.cells { (result(facts, cell, &report.workers_axis, best == Some(cell.cell))) } }
                }
            }
            @if best.is_some() { p.note { "★ " (best_words(facts)) " of all runs whose figures are trusted" } }
            (repeats(report))
        }
    }
}

/// What the best run has.
fn best_words(facts: &KindFacts) -> String {
    let most = match facts.headline.better {
        Better::Higher | Better::Neither => "the most",
        Better::Lower => "the fewest",
    };
    format!("{most} {}", facts.headline_words)
}

fn result(facts: &KindFacts, cell: &CellReport, workers_axis: &str, best: bool) -> Markup {
    let row = Row::of(cell, workers_axis);
    html! {
        tr.best[best] { @for column in facts.columns_of(Table::Page) { (field(facts, column, &row, best)) } }
    }
}

fn head(title: &str, align: Align) -> Markup {
    match align {
        Align::Left => html! { th scope="col" { (title) } },
        Align::Right => html! { th.number scope="col" { (title) } },
    }
}

/// A column's title. The run is the head of its row, and stands as words do.
fn title(column: &Column) -> Markup {
    head(column.title, if column.value == Value::Run { Align::Left } else { column.align })
}

fn field(facts: &KindFacts, column: &Column, row: &Row<'_>, best: bool) -> Markup {
    let text = || {
        let text = row.text(column.value, |_| String::new());
        or_dash(text.map(|text| format!("{text}{}", column.suffix())))
    };
    match column.value {
        Value::Run => html! { th scope="row" { a href={ "#" (anchor(row.cell.cell)) } { (text()) } } },
        Value::Figure(name) if name == facts.headline.name => html! {
            td.number.main {
                @if best { span.star title="the best" { "★ " } }
                (text())
            }
        },
        Value::Workers | Value::Figure(_) | Value::InSeconds(_) => html! { td.number { (text()) } },
        Value::Verdict => html! { td { (verdict(row.cell.verdict)) } },
        Value::Observations => html! { td.words { (observations(row.cell)) } },
    }
}

/// What a cell's verdict is of, and what was seen.
pub(super) fn observations(cell: &CellReport) -> Markup {
    let nothing = cell.message.is_none() && cell.observations.is_empty();
    html! {
        @if nothing { (NO_FIGURE) } @else {
            ul.observations {
                @if let Some(message) = &cell.message {
                    li {
                        @if let Some(reason) = &cell.reason { code { (reason) } " " }
                        (message)
                    }
                }
                @for observation in &cell.observations { li { (observation) } }
            }
        }
    }
}

/// A verdict by word and by shape, so that it does not depend on colour.
pub(super) fn verdict(verdict: Verdict) -> Markup {
    let (class, shape, word) = match verdict {
        Verdict::Passed => ("passed", "✓", "Passed"),
        Verdict::Failed => ("failed", "✗", "Failed"),
        Verdict::Invalid => ("invalid", "?", "Invalid"),
        Verdict::Aborted => ("aborted", "■", "Aborted"),
    };
    html! { span class={ "verdict " (class) } { span aria-hidden="true" { (shape) " " } (word) } }
}

fn repeats(report: &TestReport) -> Markup {
    let facts = report.facts();
    html! {
        @if !report.repeats.is_empty() {
            h3 #repeats { "Repeats" }
            div.wide tabindex="0" role="region" aria-labelledby="repeats" {
                table {
                    thead { tr { @for column in facts.repeat_columns { (head(column.title, column.align)) } } }
                    tbody { @for repeats in &report.repeats { tr {
                        @for column in facts.repeat_columns { (repeat_field(facts, column, repeats)) }
                    } } }
                }
            }
        }
    }
}

/// The parameters are the head of their row.
fn repeat_field(facts: &KindFacts, column: &RepeatColumn, repeats: &RepeatedCells) -> Markup {
    match column.value {
        RepeatValue::Parameters => html! { th scope="row" { (column.text(facts, repeats)) } },
        RepeatValue::Count | RepeatValue::Figure(_) => html! { td.number { (column.text(facts, repeats)) } },
    }
}

/// What a source told line by line.
pub(super) fn told(table: &source_report::Table) -> Markup {
    let is_number = |column: usize| {
        let mut texts =
            table.rows.iter().filter_map(|row| row.get(column)).filter(|text| !text.is_empty()).peekable();
        texts.peek().is_some() && texts.all(|text| text.parse::<f64>().is_ok())
    };
    let numbers: Vec<bool> = (0..table.columns.len()).map(is_number).collect();
    html! {
        div.wide tabindex="0" role="region" aria-label=(table.title) {
            table.told {
                caption { (table.title) }
                thead { tr { @for (column, number) in table.columns.iter().zip(&numbers) {
                    th.number[*number] scope="col" { (column) }
                } } }
                tbody {
                    @for row in &table.rows { tr {
                        @for (position, text) in row.iter().enumerate() {
                            td.number[numbers.get(position).copied().unwrap_or(false)] { (text) }
                        }
                    } }
                    @if table.rows.is_empty() { tr { td colspan=(table.columns.len()) { "nothing" } } }
                }
            }
        }
    }
}

/// An instant for people, to the second.
pub(super) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
