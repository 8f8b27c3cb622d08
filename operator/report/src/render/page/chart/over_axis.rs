//! Values by the values of an axis of the matrix.

use plotters::prelude::*;

use super::{Curve, DrawError, LEFT, Marked, RIGHT, colour, mesh};
use crate::render::page::axis;
use crate::render::page::scale::Scale;

/// The size of drawings over an axis of the matrix.
const SMALL: (u32, u32) = (460, 280);

/// Values by the values of an axis, which are named where they stand.
pub(in super::super) fn over_axis(
    names: &[(f64, String)],
    scale: &Scale,
    curves: &[Curve],
) -> Result<String, DrawError> {
    let divided = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        points.iter().map(|(at, value)| (*at, value / scale.divisor)).collect()
    };
    let values = curves.iter().flat_map(|curve| &curve.points).map(|(_, value)| value / scale.divisor);
    let marks = axis::marks(0.0, values.fold(0.0, f64::max), 5.0);
    let first = names.first().map_or(0.0, |(at, _)| *at);
    let last = names.last().map_or(1.0, |(at, _)| *at);
    let edge = if last > first { (last - first) * 0.06 } else { 1.0 };
    let name_of = |at: &f64| {
        let mark = names.iter().find(|(place, _)| (place - at).abs() < edge / 100.0);
        mark.map(|(_, name)| name.clone()).unwrap_or_default()
    };
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SMALL).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_right(RIGHT)
            .margin_top(10)
            .set_label_area_size(LabelAreaPosition::Left, LEFT)
            .set_label_area_size(LabelAreaPosition::Bottom, 26)
            .build_cartesian_2d(
                Marked { from: first - edge, to: last + edge, at: names.iter().map(|(at, _)| *at).collect() },
                Marked::values(&marks),
            )?;
        mesh(&mut chart, &name_of, &marks)?;
        for curve in curves {
            let colour = colour(curve.colour);
            let line = PathElement::new(divided(&curve.line), colour.stroke_width(2));
            chart.draw_series(std::iter::once(line))?;
            let points = divided(&curve.points).into_iter();
            chart.draw_series(points.map(|point| Circle::new(point, 4, colour.filled())))?;
        }
        root.present()?;
    }
    Ok(text)
}
