//! The results, and what else is told in rows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maud::{Markup, html};
use throughput_crds::{RepeatedCells, Verdict};
use throughput_model::decimal::seconds;
use throughput_model::source_report;

use super::anchor;
use crate::columns::{
    self, Align, Column, NO_FIGURE, REPEAT_COLUMNS, RepeatColumn, RepeatValue, Row, Table, Value,
};
use crate::data::{CellReport, TestReport};
use crate::figures::pulp_tasks::HEADLINE;

/// The results of all cells.
pub(super) fn results(report: &TestReport, best: Option<u32>) -> Markup {
    html! {
        section aria-labelledby="results" {
            h2 #results { "Results" }
            div.wide tabindex="0" role="region" aria-labelledby="results" {
                table.results {
                    thead { tr { @for column in columns::of(Table::Page) { (title(column)) } } }
                    tbody { @for cell in &report.cells { (result(cell, &report.workers_axis, best == Some(cell.cell))) } }
                }
            }
            @if best.is_some() { p.note { "★ the most tasks per second of all runs whose figures are trusted" } }
            (repeats(report))
        }
    }
}

fn result(cell: &CellReport, workers_axis: &str, best: bool) -> Markup {
    let row = Row::of(cell, workers_axis);
    html! {
        tr.best[best] { @for column in columns::of(Table::Page) { (field(column, &row, best)) } }
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

fn field(column: &Column, row: &Row<'_>, best: bool) -> Markup {
    let text = || {
        let text = row.text(column.value, |_| String::new());
        or_dash(text.map(|text| format!("{text}{}", column.suffix())))
    };
    match column.value {
        Value::Run => html! { th scope="row" { a href={ "#" (anchor(row.cell.cell)) } { (text()) } } },
        Value::Figure(name) if name == HEADLINE.name => html! {
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
    html! {
        @if !report.repeats.is_empty() {
            h3 #repeats { "Repeats" }
            div.wide tabindex="0" role="region" aria-labelledby="repeats" {
                table {
                    thead { tr { @for column in REPEAT_COLUMNS { (head(column.title, column.align)) } } }
                    tbody { @for repeats in &report.repeats { tr {
                        @for column in REPEAT_COLUMNS { (repeat_field(column, repeats)) }
                    } } }
                }
            }
        }
    }
}

/// The parameters are the head of their row.
fn repeat_field(column: &RepeatColumn, repeats: &RepeatedCells) -> Markup {
    match column.value {
        RepeatValue::Parameters => html! { th scope="row" { (column.text(repeats)) } },
        RepeatValue::Count | RepeatValue::Figure(_) => html! { td.number { (column.text(repeats)) } },
    }
}

/// The cell's figures by name.
pub(super) fn figures(cell: &CellReport) -> Markup {
    let tasks = &cell.tasks;
    let durations = [
        ("Wait: dispatch to start", tasks.wait),
        ("Service: start to end", tasks.service),
        ("Total: dispatch to end", tasks.total),
    ];
    html! {
        div.pair {
            table.plain {
                caption { "Tasks" }
                tbody {
                    (row("Wanted", &cell.tasks_wanted.to_string()))
                    (row("Submitted", &tasks.submitted.to_string()))
                    (row("Completed", &tasks.completed.to_string()))
                    (row("Failed, canceled, unfinished", &format!("{}, {}, {}", tasks.failed, tasks.canceled, tasks.unfinished)))
                    (row("Completed per second", &or_dash(tasks.tasks_per_second.clone())))
                    (row("Dispatched per second", &or_dash(tasks.dispatched_per_second.clone())))
                    @if let Some(processes) = cell.processes {
                        (row("Workers, API and content processes", &format!("{}, {}, {}", processes.workers, processes.api_apps, processes.content_apps)))
                    }
                    @if !cell.pulp_versions.is_empty() {
                        (row("Pulp's versions", &versions(&cell.pulp_versions)))
                    }
                    tr { th scope="row" { "Correlation id" } td.number { code { (cell.correlation_id) } } }
                }
            }
            div.wide tabindex="0" role="region" aria-label="Durations" {
                table.plain {
                    caption { "Durations in seconds" }
                    thead { tr {
                        th scope="col" { "" }
                        @for head in ["mean", "p50", "p95", "p99", "max"] { th.number scope="col" { (head) } }
                    } }
                    tbody {
                        @for (label, distribution) in durations {
                            @if let Some(found) = distribution {
                                (durations_row(label, [found.mean_microseconds, found.p50_microseconds,
                                    found.p95_microseconds, found.p99_microseconds, found.max_microseconds]))
                            }
                        }
                        @if let Some(requests) = &cell.requests {
                            @let latency = requests.latency;
                            (durations_row("Request latency", [latency.mean_microseconds, latency.p50_microseconds,
                                latency.p95_microseconds, latency.p99_microseconds, latency.max_microseconds]))
                        }
                    }
                }
            }
        }
    }
}

fn row(label: &str, value: &str) -> Markup {
    html! { tr { th scope="row" { (label) } td.number { (value) } } }
}

fn durations_row(label: &str, microseconds: [u64; 5]) -> Markup {
    html! { tr { th scope="row" { (label) } @for value in microseconds { td.number { (seconds(value, 3)) } } } }
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

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| NO_FIGURE.to_owned())
}

/// An instant for people, to the second.
pub(super) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn versions(of: &BTreeMap<String, String>) -> String {
    of.iter().map(|(component, version)| format!("{component} {version}")).collect::<Vec<_>>().join(", ")
}
