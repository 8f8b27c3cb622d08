//! Drawings, as SVG. They know nothing of reports: only of values, time and colours.
//!
//! Colours are those of the light page; the style sheet has others for the same attributes where it is dark.

mod happenings;
mod over_axis;
mod shapes;

use std::io;
use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, ValueFormatter};
use plotters::prelude::*;

use super::axis::{self, Marks};
use super::scale::Scale;

pub(super) use happenings::happenings;
pub(super) use over_axis::over_axis;
pub(super) use shapes::{Curve, Frame, Mark, Row, Span, StageSpan, Trace};

/// What went wrong in drawing; in memory nothing can.
pub(super) type DrawError = DrawingAreaErrorKind<io::Error>;

/// The colours of series. Their order and lightness keep them apart for the colour-blind (Okabe and Ito); the style sheet
/// gives them dashes as well. The last is for what stands for many.
pub(super) const SERIES: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x8C, 0x56, 0x4B),
    RGBColor(0x6E, 0x77, 0x81),
];
const TEXT: RGBColor = RGBColor(0x57, 0x60, 0x6A);
const GRID: RGBColor = RGBColor(0xD8, 0xDE, 0xE4);
const AXIS: RGBColor = RGBColor(0x8C, 0x95, 0x9F);
const SHADES: [RGBColor; 2] = [RGBColor(0xF4, 0xF6, 0xF8), RGBColor(0xE9, 0xED, 0xF1)];
const BAND_OPACITY: f64 = 0.22;
const AREA_OPACITY: f64 = 0.16;

/// The width of drawings over time; all have the same, so that they stand above one another.
const WIDTH: u32 = 960;
const LEFT: u32 = 64;
const RIGHT: u32 = 12;
const FONT: (&str, u32) = ("sans-serif", 15);
/// The width of a letter of [`FONT`], about.
const LETTER: f64 = 6.4;

/// An axis with marks at instants or values of our choice.
struct Marked {
    from: f64,
    to: f64,
    at: Vec<f64>,
}

impl Ranged for Marked {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let share = if self.to > self.from { (value - self.from) / (self.to - self.from) } else { 0.5 };
        #[expect(clippy::cast_possible_truncation, reason = "a place within a drawing")]
        let offset = (f64::from(last - first) * share).round() as i32;
        first.saturating_add(offset)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Between the marks there are no lighter ones.
        if hint.weight().allow_light_points() { Vec::new() } else { self.at.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl Marked {
    fn time(frame: &Frame) -> Self {
        Self { from: frame.from, to: frame.to, at: axis::instants(frame.from, frame.to) }
    }

    fn values(marks: &Marks) -> Self {
        Self { from: marks.first(), to: marks.last(), at: marks.at.clone() }
    }
}

/// The colour of a series.
fn colour(index: usize) -> RGBColor {
    SERIES[index % SERIES.len()]
}

/// The names of stages above the time that they took.
pub(super) fn stages(frame: &Frame) -> Result<String, DrawError> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH, 24)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_right(RIGHT)
            .set_label_area_size(LabelAreaPosition::Left, LEFT)
            .build_cartesian_2d(frame.from..frame.to, 0.0..1.0)?;
        shade(&mut chart, frame, 1.0)?;
        let style = FONT.into_font().color(&TEXT);
        let seconds_a_letter = (frame.to - frame.from) / f64::from(WIDTH - LEFT - RIGHT) * LETTER;
        for stage in &frame.stages {
            #[expect(clippy::cast_precision_loss, reason = "the letters of a stage's name")]
            let letters = stage.name.chars().count() as f64 + 1.0;
            if stage.to - stage.from > letters * seconds_a_letter {
                let at = (stage.from + seconds_a_letter / 2.0, 0.72);
                chart.draw_series(std::iter::once(Text::new(stage.name.clone(), at, style.clone())))?;
            }
        }
        root.present()?;
    }
    Ok(text)
}

type Plane<'chart, 'text, X, Y> = ChartContext<'chart, SVGBackend<'text>, Cartesian2d<X, Y>>;

fn shade<X, Y>(chart: &mut Plane<'_, '_, X, Y>, frame: &Frame, top: f64) -> Result<(), DrawError>
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    let stages = frame.stages.iter().enumerate().map(|(position, stage)| {
        Rectangle::new([(stage.from, top), (stage.to, 0.0)], SHADES[position % SHADES.len()].filled())
    });
    chart.draw_series(stages)?;
    Ok(())
}

/// Values over time.
pub(super) fn over_time(
    frame: &Frame,
    scale: &Scale,
    traces: &[Trace],
    height: u32,
) -> Result<String, DrawError> {
    let seen: Vec<(&Trace, Vec<Vec<Span>>)> =
        traces.iter().map(|trace| (trace, scaled(trace.within(frame), scale.divisor))).collect();
    let spans = || seen.iter().flat_map(|(_, stretches)| stretches.iter().flatten());
    let low = spans().map(|span| span.min).fold(0.0, f64::min);
    let high = spans().map(|span| span.max).fold(0.0, f64::max);
    let values = if scale.is_percent && low >= 0.0 && (50.0..=100.0).contains(&high) {
        axis::marks(0.0, 100.0, 4.0)
    } else {
        axis::marks(low, high, 4.0)
    };
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_right(RIGHT)
            .margin_top(8)
            .set_label_area_size(LabelAreaPosition::Left, LEFT)
            .set_label_area_size(LabelAreaPosition::Bottom, 22)
            .build_cartesian_2d(Marked::time(frame), Marked::values(&values))?;
        shade(&mut chart, frame, values.last())?;
        mesh(&mut chart, &|seconds| axis::clock(*seconds), &values)?;
        for (trace, stretches) in &seen {
            for stretch in stretches {
                draw_stretch(&mut chart, trace, stretch)?;
            }
        }
        root.present()?;
    }
    Ok(text)
}

fn scaled(stretches: Vec<Vec<Span>>, divisor: f64) -> Vec<Vec<Span>> {
    let scaled = |span: Span| Span {
        min: span.min / divisor,
        mean: span.mean / divisor,
        max: span.max / divisor,
        ..span
    };
    stretches.into_iter().map(|stretch| stretch.into_iter().map(scaled).collect()).collect()
}

fn mesh<X, Y>(
    chart: &mut Plane<'_, '_, X, Y>,
    x_text: &dyn Fn(&f64) -> String,
    values: &Marks,
) -> Result<(), DrawError>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(AXIS)
        .label_style(FONT.into_font().color(&TEXT))
        .x_label_formatter(x_text)
        .y_label_formatter(&|value| values.text(*value))
        .draw()
}

fn draw_stretch<X, Y>(
    chart: &mut Plane<'_, '_, X, Y>,
    trace: &Trace,
    stretch: &[Span],
) -> Result<(), DrawError>
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    let colour = colour(trace.colour);
    let corners = |value: fn(&Span) -> f64| -> Vec<(f64, f64)> {
        match trace.mark {
            Mark::Line => stretch.iter().map(|span| (span.middle(), value(span))).collect(),
            Mark::Steps | Mark::Area => {
                stretch.iter().flat_map(|span| [(span.from, value(span)), (span.to, value(span))]).collect()
            }
        }
    };
    let line = corners(|span| span.mean);
    let (upper, lower) = (corners(|span| span.max), corners(|span| span.min));
    if upper != lower && line.len() > 1 {
        let band = upper.into_iter().chain(lower.into_iter().rev()).collect::<Vec<_>>();
        chart.draw_series(std::iter::once(Polygon::new(band, colour.mix(BAND_OPACITY).filled())))?;
    }
    if trace.mark == Mark::Area
        && let (Some(first), Some(last)) = (line.first(), line.last())
    {
        let area = [(first.0, 0.0)].into_iter().chain(line.iter().copied()).chain([(last.0, 0.0)]);
        let area = Polygon::new(area.collect::<Vec<_>>(), colour.mix(AREA_OPACITY).filled());
        chart.draw_series(std::iter::once(area))?;
    }
    match line[..] {
        [] => {}
        // A line through one point is none.
        [point] => {
            chart.draw_series(std::iter::once(Circle::new(point, 2, colour.filled())))?;
        }
        _ => {
            chart.draw_series(std::iter::once(PathElement::new(line, colour.stroke_width(2))))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Unit;

    fn frame() -> Frame {
        let stage = |name: &str, from, to| StageSpan { name: name.to_owned(), from, to };
        Frame {
            from: -10.0,
            to: 100.0,
            stages: vec![stage("Dispatching", 0.0, 60.0), stage("X", 60.0, 61.0)],
        }
    }

    fn trace(mark: Mark, stretches: &[&[(f64, f64)]]) -> Trace {
        let span = |(at, value): &(f64, f64)| Span {
            from: *at,
            to: at + 10.0,
            min: *value,
            mean: *value,
            max: *value,
        };
        let stretches = stretches.iter().map(|stretch| stretch.iter().map(span).collect()).collect();
        Trace { name: String::new(), colour: 0, mark, stretches }
    }

    #[test]
    fn a_gap_is_not_drawn_over() {
        let trace = trace(Mark::Line, &[&[(0.0, 1.0), (10.0, 2.0)], &[(50.0, 1.0), (60.0, 2.0)]]);
        let svg = over_time(&frame(), &Scale::of(Unit::COUNT, 2.0), &[trace], 120).unwrap();
        assert_eq!(svg.matches("stroke=\"#0072B2\"").count(), 2);
    }

    #[test]
    fn a_single_point_is_a_dot() {
        let svg =
            over_time(&frame(), &Scale::of(Unit::COUNT, 2.0), &[trace(Mark::Line, &[&[(0.0, 1.0)]])], 120);
        assert_eq!(svg.unwrap().matches("<circle").count(), 1);
    }

    #[test]
    fn a_minute_that_reaches_out_of_the_window_is_cut_at_its_edge() {
        let steps = trace(Mark::Steps, &[&[(-15.0, 1.0), (95.0, 2.0)]]);
        let spans = steps.within(&frame());
        let edges: Vec<(f64, f64)> = spans.concat().iter().map(|span| (span.from, span.to)).collect();
        assert_eq!(edges, [(-10.0, -5.0), (95.0, 100.0)]);
    }

    #[test]
    fn a_stage_is_named_where_there_is_room_for_its_name() {
        let svg = stages(&frame()).unwrap();
        assert!(svg.contains("Dispatching") && !svg.contains("X\n"), "{svg}");
    }
}
