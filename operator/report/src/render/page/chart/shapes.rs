//! What is drawn: values, time and colours.

/// The window of a cell, and its stages: what all its drawings have in common.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Frame {
    /// The first instant, in seconds since the first dispatch.
    pub from: f64,
    /// The last one.
    pub to: f64,
    /// The stages within it.
    pub stages: Vec<StageSpan>,
}

/// A stage of the frame.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct StageSpan {
    pub name: String,
    pub from: f64,
    pub to: f64,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Mark {
    /// From sample to sample.
    Line,
    /// What is known of whole steps, a minute say, drawn as long as it lasts.
    Steps,
    /// The same, filled to zero.
    Area,
}

/// What was seen of a while, in seconds since the first dispatch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Span {
    pub from: f64,
    pub to: f64,
    pub min: f64,
    pub mean: f64,
    pub max: f64,
}

/// A series to be drawn: stretches with gaps between them.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Trace {
    pub name: String,
    pub colour: usize,
    pub mark: Mark,
    pub stretches: Vec<Vec<Span>>,
}

/// Happenings of one kind: how many in each while.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Row {
    pub name: String,
    pub spans: Vec<Span>,
}

/// Points by the value of an axis, and what joins them.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Curve {
    pub name: String,
    pub colour: usize,
    /// What was measured.
    pub points: Vec<(f64, f64)>,
    /// Their middles, one for each value of the axis.
    pub line: Vec<(f64, f64)>,
}

impl Span {
    pub(super) fn middle(&self) -> f64 {
        f64::midpoint(self.from, self.to)
    }
}

impl Trace {
    /// All spans, without regard to gaps.
    pub(in super::super) fn spans(&self) -> impl Iterator<Item = &Span> {
        self.stretches.iter().flatten()
    }

    /// The same within a window.
    pub(super) fn within(&self, frame: &Frame) -> Vec<Vec<Span>> {
        let cut = |span: &Span| match self.mark {
            Mark::Line => (frame.from..=frame.to).contains(&span.middle()).then_some(*span),
            Mark::Steps | Mark::Area => (span.to > frame.from && span.from < frame.to).then(|| Span {
                from: span.from.max(frame.from),
                to: span.to.min(frame.to),
                ..*span
            }),
        };
        self.stretches.iter().map(|stretch| stretch.iter().filter_map(cut).collect()).collect()
    }
}
