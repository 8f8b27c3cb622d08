//! A drawing with all that belongs to it: its title, its key, its words for those who do not see it, and its figures.

use maud::{Markup, PreEscaped, html};

use super::axis::clock;
use super::chart::{DrawError, Mark, Trace};
use super::scale::Scale;

/// A figure's words.
pub(super) struct Words<'a> {
    /// What is drawn.
    pub title: Markup,
    /// The same for those who do not see it.
    pub spoken: &'a str,
    /// A remark on what is drawn.
    pub note: Option<&'a str>,
}

/// The drawing, its key and its figures.
pub(super) fn over_time(
    words: &Words<'_>,
    scale: &Scale,
    traces: &[Trace],
    drawing: Result<String, DrawError>,
) -> Markup {
    let keyed = traces.len() > 1 || traces.iter().any(|trace| !trace.name.is_empty());
    let spoken = format!("{}. {}", words.spoken, spoken(scale, traces));
    html! {
        figure {
            figcaption {
                span.title { (words.title) }
                @if !scale.suffix().is_empty() { span.unit { " " (scale.suffix().trim()) } }
                @if keyed { (key(traces)) }
                @if let Some(note) = words.note { span.note { (note) } }
            }
            (drawn(&spoken, drawing))
            details.figures {
                summary { "Figures" }
                div.wide tabindex="0" role="region" aria-label={ "Figures of " (words.spoken) } {
                    (figures(scale, traces))
                }
            }
        }
    }
}

/// A drawing, with words in its place for those who do not see it.
pub(super) fn drawn(spoken: &str, drawing: Result<String, DrawError>) -> Markup {
    match drawing {
        Ok(svg) => html! { div.drawing role="img" tabindex="0" aria-label=(spoken) { (PreEscaped(svg)) } },
        Err(error) => html! { p.short { "This could not be drawn: " (error) } },
    }
}

fn key(traces: &[Trace]) -> Markup {
    html! {
        span.key {
            @for trace in traces { (key_entry(trace.colour, &trace.name)) }
        }
    }
}

/// An entry of a key.
pub(super) fn key_entry(colour: usize, name: &str) -> Markup {
    html! { span.entry { span class={ "line l" (colour) } aria-hidden="true" {} (name) } }
}

/// What a drawing shows, in figures.
struct Summary {
    min: f64,
    mean: f64,
    max: f64,
    max_at: f64,
    points: u32,
    gaps: usize,
}

impl Summary {
    fn of(trace: &Trace) -> Option<Self> {
        let first = *trace.spans().next()?;
        let (mut min, mut sum, mut largest, mut points) = (f64::INFINITY, 0.0, first, 0);
        for span in trace.spans() {
            min = min.min(span.min);
            sum += span.mean;
            points += 1;
            if span.max > largest.max {
                largest = *span;
            }
        }
        let gaps = trace.stretches.len().saturating_sub(1);
        Some(Self {
            min,
            mean: sum / f64::from(points),
            max: largest.max,
            max_at: largest.from,
            points,
            gaps,
        })
    }
}

fn spoken(scale: &Scale, traces: &[Trace]) -> String {
    let sentences = traces.iter().map(|trace| {
        let name = if trace.name.is_empty() { String::new() } else { format!("{}: ", trace.name) };
        match Summary::of(trace) {
            None => format!("{name}nothing was seen."),
            Some(Summary { min, mean, max, max_at, points: _, gaps }) => {
                let gaps = match gaps {
                    0 => String::new(),
                    1 => ", with a gap".to_owned(),
                    gaps => format!(", with {gaps} gaps"),
                };
                format!(
                    "{name}from {} to {}, on average {}, the largest at {}{gaps}.",
                    scale.text(min),
                    scale.text(max),
                    scale.text(mean),
                    clock(max_at)
                )
            }
        }
    });
    sentences.collect::<Vec<_>>().join(" ")
}

fn figures(scale: &Scale, traces: &[Trace]) -> Markup {
    html! {
        table.plain {
            thead { tr {
                th scope="col" { "Series" }
                @for head in ["smallest", "mean", "largest", "largest at", "points", "gaps"] {
                    th.number scope="col" { (head) }
                }
            } }
            tbody { @for trace in traces { tr {
                th scope="row" { (if trace.name.is_empty() { "all" } else { &trace.name }) @if trace.mark == Mark::Steps { " (by steps)" } }
                @if let Some(summary) = Summary::of(trace) {
                    td.number { (scale.text(summary.min)) }
                    td.number { (scale.text(summary.mean)) }
                    td.number { (scale.text(summary.max)) }
                    td.number { (clock(summary.max_at)) }
                    td.number { (summary.points) }
                    td.number { (summary.gaps) }
                } @else { td colspan="6" { "nothing was seen" } }
            } } }
        }
    }
}
