//! What a source saw of a cell: its drawings, its tables, its figures, and what it could not see.

use jiff::Timestamp;
use maud::{Markup, html};
use throughput_model::source_report::{Series, Shortfall, SourceSummary};

use super::chart::{self, Row, Trace};
use super::figure::{self, Words};
use super::scale::Scale;
use super::table;
use super::traces::Clock;
use crate::timeline::SourceTimeline;
use crate::unit::Unit;

/// The height of a drawing of one metric.
const HEIGHT: u32 = 128;

/// What people call the sources.
fn title(source: &str) -> &str {
    match source {
        "pulp" => "Pulp",
        "provenance" => "What ran",
        "pods" => "Pods",
        "postgres" => "Database (PostgreSQL)",
        "rds" => "Database (Amazon RDS)",
        "logs" => "Log events",
        "prometheus" => "Prometheus",
        "profile" => "Profile",
        other => other,
    }
}

/// The order in which sources stand: from the tasks outwards.
pub(super) fn position(source: &str) -> usize {
    let order = ["pulp", "pods", "postgres", "rds", "logs", "prometheus", "profile", "provenance"];
    order.iter().position(|name| *name == source).unwrap_or(order.len())
}

/// All of a source.
pub(super) fn section(
    summary: &SourceSummary,
    timeline: Option<&SourceTimeline>,
    clock: Option<&Clock>,
) -> Markup {
    html! {
        section.source {
            h4 { (title(&summary.source)) " " code { (summary.source) } }
            @for shortfall in &summary.shortfalls { (short(shortfall)) }
            @if let (Some(timeline), Some(clock)) = (timeline, clock) {
                @if summary.source == "logs" { (happenings(timeline, clock)) } @else {
                    @for of_metric in by_metric(&timeline.series) { (metric(timeline, of_metric, clock)) }
                }
            }
            @if let Some(timeline) = timeline {
                @for told in &timeline.tables { (table::told(told)) }
            }
            (facts(summary))
            (figures(summary))
        }
    }
}

/// Of a source only what it could not see.
pub(super) fn shortfalls(summary: &SourceSummary) -> Markup {
    html! {
        @if !summary.is_complete() {
            section.source {
                h4 { (title(&summary.source)) " " code { (summary.source) } }
                @for shortfall in &summary.shortfalls { (short(shortfall)) }
            }
        }
    }
}

/// What is missing, and why.
fn short(shortfall: &Shortfall) -> Markup {
    let Shortfall { reason, message, metrics, count, first_at, last_at } = shortfall;
    let metrics = metrics.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ");
    let at = |at: &Timestamp| at.strftime("%H:%M:%S").to_string();
    html! {
        p.short role="note" {
            strong { "Incomplete: " (reason) } " "
            @if *count > 1 { (count) " times from " (at(first_at)) " to " (at(last_at)) " UTC. " }
            @else { "at " (at(first_at)) " UTC. " }
            q { (message) }
            @if !metrics.is_empty() { " It takes from " code { (metrics) } "." }
        }
    }
}

/// The series of each metric, which stand beside one another.
fn by_metric(series: &[Series]) -> impl Iterator<Item = &[Series]> {
    series.chunk_by(|one, other| one.metric == other.metric)
}

fn metric(timeline: &SourceTimeline, of_metric: &[Series], clock: &Clock) -> Markup {
    let Some(first) = of_metric.first() else { return html! {} };
    let traces: Vec<Trace> = of_metric
        .iter()
        .enumerate()
        .map(|(colour, series)| clock.trace(series, timeline.base, colour_of(series, colour)))
        .collect();
    let largest =
        of_metric.iter().flat_map(|series| &series.points).map(|point| point.max).fold(0.0, f64::max);
    let scale = Scale::of(Unit::of(&first.metric), largest);
    let drawing = chart::over_time(&clock.frame, &scale, &traces, HEIGHT);
    let name = format!("{}.{}", timeline.source, first.metric);
    let step = first.step_milliseconds / 1_000;
    let note = (first.step_milliseconds >= 60_000).then(|| format!("in steps of {step} s"));
    let words = Words { title: html! { code { (name) } }, spoken: &name, note: note.as_deref() };
    figure::over_time(&words, &scale, &traces, drawing)
}

/// One that stands for many has a colour of its own.
fn colour_of(series: &Series, position: usize) -> usize {
    if series.subject.starts_with("all ") { chart::SERIES.len() - 1 } else { position }
}

/// The kinds of log lines, each with its counts.
fn happenings(timeline: &SourceTimeline, clock: &Clock) -> Markup {
    let (mut rows, mut quiet) = (Vec::new(), Vec::new());
    for series in &timeline.series {
        let name = if series.subject.is_empty() {
            series.metric.clone()
        } else {
            format!("{}, {}", series.metric, series.subject)
        };
        if series.points.iter().all(|point| point.max <= 0.0) {
            quiet.push(name);
            continue;
        }
        let trace = clock.trace(series, timeline.base, 1);
        let most = trace.spans().map(|span| span.max).fold(0.0, f64::max);
        let spans = trace.spans().copied().collect();
        rows.push(Row {
            name: format!("{name} (at most {})", Scale::of(Unit::of(&series.metric), most).text(most)),
            spans,
        });
    }
    let spoken =
        format!("Log events: {}", rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>().join(", "));
    html! {
        @if !rows.is_empty() {
            figure {
                figcaption {
                    span.title { "Log lines by pattern" }
                    span.note { "the stronger the colour, the more" }
                }
                (figure::drawn(&spoken, chart::happenings(&clock.frame, &rows)))
            }
        }
        @if !quiet.is_empty() { p.note { "Not seen: " (quiet.join(", ")) } }
    }
}

fn facts(summary: &SourceSummary) -> Markup {
    html! {
        @if !summary.facts.is_empty() {
            details.figures {
                summary { "Facts (" (summary.facts.len()) ")" }
                dl { @for (name, value) in &summary.facts { dt { (name) } dd { (value) } } }
            }
        }
    }
}

/// All figures, as the report has them.
fn figures(summary: &SourceSummary) -> Markup {
    html! {
        @if !summary.figures.is_empty() {
            details.figures {
                summary { "All figures (" (summary.figures.len()) ")" }
                table.plain.all {
                    thead { tr { th scope="col" { "Figure" } th.number scope="col" { "Value" } } }
                    tbody { @for (name, value) in &summary.figures {
                        tr { th scope="row" { code { (name) } } td.number { (value) } }
                    } }
                }
            }
        }
    }
}
