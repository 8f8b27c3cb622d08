//! Happenings over time, a row for each kind.

use plotters::prelude::*;

use super::{
    AXIS, DrawError, FONT, Frame, GRID, LEFT, Marked, Plane, RIGHT, Row, TEXT, WIDTH, colour, shade,
};
use crate::render::page::axis;

/// The height of a row of happenings.
const ROW: u32 = 38;

/// Happenings over time, a row for each kind; the stronger the colour, the more.
pub(in super::super) fn happenings(frame: &Frame, rows: &[Row]) -> Result<String, DrawError> {
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX).max(1);
    let most = rows.iter().flat_map(|row| &row.spans).map(|span| span.max).fold(0.0, f64::max).max(1.0);
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH, count * ROW + 26)).into_drawing_area();
        let top = f64::from(count);
        let mut chart = ChartBuilder::on(&root)
            .margin_right(RIGHT)
            .set_label_area_size(LabelAreaPosition::Left, LEFT)
            .set_label_area_size(LabelAreaPosition::Bottom, 22)
            .build_cartesian_2d(
                Marked::time(frame),
                Marked { from: 0.0, to: top, at: (0..=count).map(f64::from).collect() },
            )?;
        shade(&mut chart, frame, top)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .axis_style(AXIS)
            .label_style(FONT.into_font().color(&TEXT))
            .x_label_formatter(&|seconds| axis::clock(*seconds))
            .y_label_formatter(&|_| String::new())
            .draw()?;
        for (position, row) in (0..count).zip(rows) {
            draw_row(&mut chart, frame, row, top - f64::from(position), most)?;
        }
        root.present()?;
    }
    Ok(text)
}

fn draw_row<X, Y>(
    chart: &mut Plane<'_, '_, X, Y>,
    frame: &Frame,
    row: &Row,
    top: f64,
    most: f64,
) -> Result<(), DrawError>
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    let inside =
        row.spans.iter().filter(|span| span.max > 0.0 && span.to > frame.from && span.from < frame.to);
    let blocks = inside.map(|span| {
        let (from, to) = (span.from.max(frame.from), span.to.min(frame.to));
        let style = colour(1).mix(0.3 + 0.7 * span.max / most).filled();
        Rectangle::new([(from, top - 0.5), (to, top - 0.94)], style)
    });
    chart.draw_series(blocks)?;
    let style = FONT.into_font().color(&TEXT);
    let at = (frame.from + (frame.to - frame.from) * 0.004, top - 0.05);
    chart.draw_series(std::iter::once(Text::new(row.name.clone(), at, style)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_stay_text() {
        let frame = Frame { from: -10.0, to: 100.0, stages: Vec::new() };
        let row = Row { name: "<script>alert(1)</script>".to_owned(), spans: Vec::new() };
        let svg = happenings(&frame, &[row]).unwrap();
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"), "{svg}");
    }
}
