//! Throughput and latency against what was varied: the workers, as a rule.

use std::collections::BTreeMap;

use maud::{Markup, html};
use throughput_model::counted::counted;
use throughput_model::decimal::seconds;

use super::chart::{self, Curve};
use super::figure;
use super::scale::Scale;
use super::traces::count;
use crate::columns::NO_FIGURE;
use crate::data::{CellReport, TestReport};
use crate::kind_facts::{Drawing, DrawnFigure};
use crate::repeats::is_trusted;
use crate::rows::run;
use crate::unit::Unit;

/// The most combinations of the other parameters that are drawn: as many as there are colours.
const MOST_COMBINATIONS: usize = 7;

/// What the horizontal axis is.
struct Axis {
    name: String,
    /// Where each cell stands, by its position in the matrix.
    places: BTreeMap<u32, f64>,
    /// The places, and what they are called.
    marks: Vec<(f64, String)>,
}

impl Axis {
    /// The workers where there are several numbers of them, else the first parameter that has several values.
    fn of(report: &TestReport) -> Option<Self> {
        let workers = report.cells.iter().filter_map(|cell| {
            let workers = cell.load.kind().workers()?;
            Some((cell.cell, workers.to_string()))
        });
        let workers = Self::along(&report.workers_axis, &workers.collect::<Vec<_>>());
        let names = report.cells.first()?.parameters.iter().map(|parameter| parameter.name.clone());
        workers.or_else(|| {
            names.filter(|name| *name != report.workers_axis).find_map(|name| {
                let value = |cell: &CellReport| {
                    let parameter = cell.parameters.iter().find(|parameter| parameter.name == name)?;
                    Some((cell.cell, parameter.value.clone()))
                };
                Self::along(&name, &report.cells.iter().filter_map(value).collect::<Vec<_>>())
            })
        })
    }

    fn along(name: &str, values: &[(u32, String)]) -> Option<Self> {
        let mut distinct: Vec<&String> = Vec::new();
        for (_, value) in values {
            if !distinct.contains(&value) {
                distinct.push(value);
            }
        }
        let numbers: Option<Vec<f64>> = distinct.iter().map(|value| value.parse().ok()).collect();
        let is_number =
            numbers.as_ref().is_some_and(|numbers| numbers.iter().all(|number| number.is_finite()));
        // Words have no distances between them: they stand in the order of the matrix.
        let place_of = |value: &String| {
            let position = distinct.iter().position(|other| *other == value).unwrap_or_default();
            match &numbers {
                Some(numbers) if is_number => numbers[position],
                _ => count(position as u64),
            }
        };
        let mut marks: Vec<(f64, String)> =
            distinct.iter().map(|value| (place_of(value), (*value).clone())).collect();
        marks.sort_by(|one, other| one.0.total_cmp(&other.0));
        let places = values.iter().map(|(cell, value)| (*cell, place_of(value))).collect();
        (distinct.len() > 1).then_some(Self { name: name.to_owned(), places, marks })
    }
}

/// Throughput and latency against the axis.
pub(super) fn section(report: &TestReport) -> Markup {
    let Some(axis) = Axis::of(report) else { return html! {} };
    let trusted: Vec<&CellReport> =
        report.cells.iter().filter(|cell| is_trusted(cell.outcome, cell.verdict)).collect();
    let combinations = combinations(&trusted, &axis);
    let left_out = report.cells.len() - trusted.len();
    html! {
        section aria-labelledby="overview" {
            h2 #overview { "Throughput and latency against " (axis.name) }
            div.overview {
                @for drawing in report.facts().drawings { (figure_of(drawing, &axis, &combinations)) }
            }
            @if left_out > 0 { p.note { "Not drawn: " (left_out) " of " (counted(report.cells.len(), "run")) ", whose figures are not trusted." } }
            @if combinations.len() > MOST_COMBINATIONS {
                p.note { "Drawn are the first " (MOST_COMBINATIONS) " of " (combinations.len()) " combinations of the other parameters; the table has all." }
            }
        }
    }
}

/// The cells of each combination of the other parameters.
fn combinations<'a>(cells: &[&'a CellReport], axis: &Axis) -> Vec<(String, Vec<&'a CellReport>)> {
    let mut combinations: Vec<(String, Vec<&CellReport>)> = Vec::new();
    for cell in cells {
        let others = cell.parameters.iter().filter(|parameter| parameter.name != axis.name);
        let others: Vec<String> = others.map(|other| format!("{} {}", other.name, other.value)).collect();
        let name = others.join(", ");
        match combinations.iter_mut().find(|(known, _)| *known == name) {
            Some((_, cells)) => cells.push(cell),
            None => combinations.push((name, vec![cell])),
        }
    }
    combinations
}

/// The figures of a drawing that are drawn: of a single combination all, of several one.
fn drawn_figures(drawing: &Drawing, single: bool) -> &[DrawnFigure] {
    let wanted = if single { drawing.figures.len() } else { 1 };
    &drawing.figures[..wanted.min(drawing.figures.len())]
}

/// A figure's text, and the same as a number. What is drawn in seconds is named in milliseconds.
fn value(cell: &CellReport, name: &str, unit: Unit) -> Option<(String, f64)> {
    let figures = cell.figures();
    if unit == Unit::SECONDS {
        // Requests of which none succeeded have no latency, and stand at zero.
        let none = || cell.load.kind().is_drawn_as_zero(name).then_some(0);
        let microseconds = figures.microseconds(name).or_else(none)?;
        return Some((seconds(microseconds, 3), count(microseconds) / 1_000_000.0));
    }
    let text = figures.get(name)?;
    Some((text.to_owned(), text.parse().ok()?))
}

fn figure_of(drawing: &Drawing, axis: &Axis, combinations: &[(String, Vec<&CellReport>)]) -> Markup {
    let figures_drawn = drawn_figures(drawing, combinations.len() == 1);
    let drawn = combinations.iter().take(MOST_COMBINATIONS);
    let curves: Vec<Curve> = drawn
        .flat_map(|(combination, cells)| figures_drawn.iter().map(move |figure| (combination, cells, figure)))
        .enumerate()
        .map(|(colour, (combination, cells, figure))| {
            let name = [combination.as_str(), figure.label].into_iter().filter(|part| !part.is_empty());
            let of_cell = |cell: &CellReport| Some(value(cell, figure.name, drawing.unit)?.1);
            curve(name.collect::<Vec<_>>().join(", "), colour, cells, axis, of_cell)
        })
        .collect();
    let values = || curves.iter().flat_map(|curve| &curve.points).map(|(_, value)| *value);
    if values().next().is_none() {
        return html! {};
    }
    let scale = Scale::of(drawing.unit, values().fold(0.0, f64::max));
    let spoken = format!("{} against {}. The figures are in the table below.", drawing.title, axis.name);
    html! {
        figure {
            figcaption {
                span.title { (drawing.title) }
                span.unit { " " (scale.suffix().trim()) }
                @if curves.len() > 1 || curves.iter().any(|curve| !curve.name.is_empty()) {
                    span.key { @for curve in &curves { (figure::key_entry(curve.colour, &curve.name)) } }
                }
            }
            (figure::drawn(&spoken, chart::over_axis(&axis.marks, &scale, &curves)))
            p.axis { (axis.name) }
            details.figures {
                summary { "Figures" }
                (figures(drawing, axis, combinations))
            }
        }
    }
}

fn curve(
    name: String,
    colour: usize,
    cells: &[&CellReport],
    axis: &Axis,
    figure: impl Fn(&CellReport) -> Option<f64>,
) -> Curve {
    let place = |cell: &CellReport| axis.places.get(&cell.cell).copied();
    let points: Vec<(f64, f64)> =
        cells.iter().filter_map(|cell| Some((place(cell)?, figure(cell)?))).collect();
    let line = axis.marks.iter().filter_map(|(at, _)| {
        let mut values: Vec<f64> =
            points.iter().filter(|(place, _)| place.total_cmp(at).is_eq()).map(|(_, value)| *value).collect();
        values.sort_by(f64::total_cmp);
        let upper = values.get(values.len() / 2)?;
        let lower = values.get((values.len() - 1) / 2)?;
        Some((*at, f64::midpoint(*lower, *upper)))
    });
    Curve { name, colour, line: line.collect(), points }
}

fn figures(drawing: &Drawing, axis: &Axis, combinations: &[(String, Vec<&CellReport>)]) -> Markup {
    let mark = |cell: &CellReport| {
        let place = axis.places.get(&cell.cell)?;
        axis.marks.iter().find(|(at, _)| at.total_cmp(place).is_eq()).map(|(_, name)| name.clone())
    };
    html! {
        table.plain {
            thead { tr {
                th scope="col" { "Run" }
                th.number scope="col" { (axis.name) }
                @for DrawnFigure { label, name: _ } in drawn_figures(drawing, combinations.len() == 1) {
                    th.number scope="col" { (if label.is_empty() { drawing.title } else { label }) }
                }
            } }
            tbody {
                @for cell in combinations.iter().flat_map(|(_, cells)| cells) { tr {
                    th scope="row" { (run(cell, &axis.name)) }
                    td.number { (mark(cell).unwrap_or_default()) }
                    @for DrawnFigure { label: _, name } in drawn_figures(drawing, combinations.len() == 1) {
                        td.number { (value(cell, name, drawing.unit).map_or(NO_FIGURE.to_owned(), |(text, _)| text)) }
                    }
                } }
            }
        }
    }
}
