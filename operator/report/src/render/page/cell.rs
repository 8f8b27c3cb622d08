//! One cell: its figures, and all that was seen of it, on one time base.

use maud::{Markup, html};
use throughput_model::source_report::SourceSummary;

use super::chart::{self, Trace};
use super::figure::{self, Words};
use super::scale::Scale;
use super::source;
use super::table;
use super::traces::{self, Clock};
use super::{anchor, name};
use crate::columns::NO_FIGURE;
use crate::data::{CellReport, TestReport};
use crate::timeline::{CellTimeline, Detail};
use crate::unit::Unit;

/// The heights of the drawings of tasks.
const HEIGHT: u32 = 140;

/// How to read the drawings.
pub(super) fn explanation() -> Markup {
    html! {
        p.note {
            "Time is in minutes and seconds since the first dispatch, in all drawings of a run. Stages are shaded. Where a "
            "point stands for several samples or subjects, the line is their mean and the band reaches from the smallest to "
            "the largest. What is only known of whole minutes is drawn as steps of a minute. Where a line is broken, "
            "nothing was seen."
        }
    }
}

/// A cell. The best is open, and on paper all are.
pub(super) fn section(
    report: &TestReport,
    cell: &CellReport,
    timeline: Option<&CellTimeline>,
    best: bool,
) -> Markup {
    let is_drawn = timeline.is_none_or(|timeline| timeline.detail < Detail::RowOnly);
    html! {
        details.cell open[best || report.cells.len() == 1] {
            summary {
                h3 { (name(cell)) }
                span.main { (cell.headline().as_deref().unwrap_or(NO_FIGURE)) " " (report.facts().headline.unit.symbol()) }
                (table::verdict(cell.verdict))
                @if best { span.star { "★ best" } }
            }
            div.inside id=(anchor(cell.cell)) tabindex="-1" {
                (left_out(report, cell, timeline))
                @if is_drawn {
                    @if cell.message.is_some() || !cell.observations.is_empty() { (table::observations(cell)) }
                    (cell.load.kind().section(cell.correlation_id))
                    @for told in &cell.load.kind().tables() { (table::told(told)) }
                    (seen(cell, timeline))
                }
            }
        }
    }
}

/// What is not in the page, and where it is.
fn left_out(report: &TestReport, cell: &CellReport, timeline: Option<&CellTimeline>) -> Markup {
    let left_out = match timeline {
        None => Some("nothing is drawn, since what was seen over time could not be read"),
        Some(timeline) => timeline.detail.left_out(),
    };
    html! {
        @if let Some(left_out) = left_out {
            p.short role="note" {
                strong { "In less detail: " } (left_out) ". All of it is in the ConfigMap "
                code { (report.test) "-cell-" (cell.cell) "-attempt-" (cell.attempt) } "."
            }
        }
    }
}

fn seen(cell: &CellReport, timeline: Option<&CellTimeline>) -> Markup {
    let clock = timeline.and_then(Clock::of);
    let mut sources: Vec<&SourceSummary> = cell.sources.iter().collect();
    sources.sort_by_key(|summary| source::position(&summary.source));
    // The figures of many sources take as much room as drawings, and stand in report.json as well.
    let in_full = timeline.is_some_and(|timeline| timeline.detail < Detail::TasksOnly);
    html! {
        @if let (Some(timeline), Some(clock)) = (timeline, &clock) { (tasks(timeline, clock)) }
        @for summary in sources { @if in_full {
            @let seen = timeline.and_then(|timeline| timeline.sources.iter().find(|seen| seen.source == summary.source));
            (source::section(summary, seen, clock.as_ref()))
        } @else { (source::shortfalls(summary)) } }
    }
}

/// Stages, queue, workers and throughput.
fn tasks(timeline: &CellTimeline, clock: &Clock) -> Markup {
    let waiting = traces::queue(&timeline.queue, 0, |point| point.waiting);
    let running = traces::queue(&timeline.queue, 1, |point| point.running);
    let step = format!("in steps of {} s", timeline.completions.step_milliseconds / 1_000);
    html! {
        section.source {
            h4 { "Tasks" }
            (stages(timeline, clock))
            @if !timeline.queue.is_empty() {
                (drawing(["Queue", "tasks that wait"], Unit::COUNT, waiting, clock))
                (drawing(["At work", "tasks that run"], Unit::COUNT, running, clock))
            }
            @if !timeline.workers_online.is_empty() {
                (drawing(["Workers", "online in Pulp"], Unit::COUNT, traces::workers(timeline, clock), clock))
            }
            @if !timeline.completions.counts.is_empty() {
                (drawing(["Throughput, completed tasks", &step], Unit::PER_SECOND, traces::completions(&timeline.completions), clock))
            }
        }
    }
}

fn drawing([title, note]: [&str; 2], unit: Unit, trace: Trace, clock: &Clock) -> Markup {
    let scale = Scale::of(unit, 1.0);
    let traces = [trace];
    let words = Words { title: html! { (title) }, spoken: title, note: Some(note) };
    figure::over_time(&words, &scale, &traces, chart::over_time(&clock.frame, &scale, &traces, HEIGHT))
}

fn stages(timeline: &CellTimeline, clock: &Clock) -> Markup {
    let ends = timeline.stages.iter().skip(1).map(|entry| entry.since).chain([timeline.finished_at]);
    let rows: Vec<(String, f64, f64)> = timeline
        .stages
        .iter()
        .zip(ends)
        .map(|(entry, ended)| {
            let since = traces::seconds_between(clock.zero, entry.since);
            (traces::words(&format!("{:?}", entry.stage)), since, traces::seconds_between(clock.zero, ended))
        })
        .collect();
    let spoken: Vec<String> =
        rows.iter().map(|(stage, since, _)| format!("{stage} from {}", super::axis::clock(*since))).collect();
    html! {
        figure.stages {
            figcaption {
                span.title { "Stages" }
                span.note { "time 0:00 is " (table::instant(clock.zero)) }
            }
            (figure::drawn(&format!("Stages. {}", spoken.join(", ")), chart::stages(&clock.frame)))
            details.figures {
                summary { "Figures" }
                table.plain {
                    thead { tr {
                        th scope="col" { "Stage" }
                        @for head in ["from", "to", "seconds"] { th.number scope="col" { (head) } }
                    } }
                    tbody { @for (stage, since, until) in &rows { tr {
                        th scope="row" { (stage) }
                        td.number { (super::axis::clock(*since)) }
                        td.number { (super::axis::clock(*until)) }
                        td.number { (format!("{:.1}", until - since)) }
                    } } }
                }
            }
        }
    }
}
