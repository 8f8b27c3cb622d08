//! How a report is made to fit into its `ConfigMap`s: the order in which detail is left out.
//!
//! Whatever is left out is told where it would have stood, and each cell's own `ConfigMap` keeps the most.

pub mod details;
pub mod pictures;

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::data::{CellReport, TestReport};
use crate::render::{csv, markdown};
use crate::room;

/// The texts of the report by their keys, each within its room. A table that is longer is cut at the end of a line.
pub fn report_texts(report: &TestReport) -> Result<[(&'static str, String); 3], PackError> {
    Ok([
        (
            "report.md",
            cut(markdown::render(report), room::REPORT_MARKDOWN, CUT_MARKDOWN, LineBreaks::AllEndLines),
        ),
        ("report.csv", cut(csv::render(report), room::REPORT_CSV, "", LineBreaks::MayBeQuoted)),
        ("report.json", report_json(report, room::REPORT_JSON)?),
    ])
}

/// The end of a `report.md` that was cut.
const CUT_MARKDOWN: &str = "\nThe rest found no room here: `report.json` has it.\n";

/// The longest message of a cell, in characters, where there is no room for all of it.
const LONGEST_MESSAGE: usize = 300;

/// What the line breaks of a text are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineBreaks {
    /// Each ends a line; a quote is a character like any other.
    AllEndLines,
    /// One between quotes belongs to a field.
    MayBeQuoted,
}

/// As many whole lines of a text as find room with an end.
fn cut(mut text: String, limit: usize, end: &str, line_breaks: LineBreaks) -> String {
    if text.len() <= limit {
        return text;
    }
    let room = limit.saturating_sub(end.len());
    let (mut whole, mut quoted) = (0, false);
    for (at, byte) in text.bytes().enumerate().take(room) {
        if byte == b'"' && line_breaks == LineBreaks::MayBeQuoted {
            quoted = !quoted;
        } else if byte == b'\n' && !quoted {
            whole = at + 1;
        }
    }
    text.truncate(whole);
    text.push_str(end);
    text
}

/// `report.json`, in at most this many bytes: first the facts of sources go, then their figures, then what failed
/// requests and tasks said, then findings and all but the beginning of messages. Each cell's own details keep them. An
/// error when that is not enough.
pub fn report_json(report: &TestReport, limit: usize) -> Result<String, PackError> {
    let mut text = serde_json::to_string(report)?;
    let steps: [fn(&mut CellReport); 4] = [
        |cell| cell.sources.iter_mut().for_each(|summary| summary.facts.clear()),
        |cell| cell.sources.iter_mut().for_each(|summary| summary.figures.clear()),
        drop_samples,
        shorten,
    ];
    let mut report = report.clone();
    for leave_out in steps {
        if text.len() <= limit {
            break;
        }
        report.cells.iter_mut().for_each(leave_out);
        text = serde_json::to_string(&report)?;
    }
    within(text.len(), limit)?;
    Ok(text)
}

/// Why something was not packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Something was not written as JSON.
    #[error("cannot write the report: {0}")]
    Json(#[from] serde_json::Error),
    /// Something was not compressed.
    #[error("cannot compress the report: {0}")]
    Compress(#[from] io::Error),
    /// Something has no room, though all that may be left out was.
    #[error("the report takes {bytes} bytes, and has room for {limit}")]
    TooLarge {
        /// What it takes, in bytes.
        bytes: usize,
        /// What it may take, in bytes.
        limit: usize,
    },
}

fn within(bytes: usize, limit: usize) -> Result<(), PackError> {
    if bytes > limit { Err(PackError::TooLarge { bytes, limit }) } else { Ok(()) }
}

/// As the files of a `ConfigMap` are compressed.
pub fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// What was compressed, of at most this many bytes: a small file may unpack to anything. Fails where there are more, or where it
/// is not compressed like this.
pub fn gunzip(file: &[u8], most_bytes: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(file).take((most_bytes as u64).saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > most_bytes {
        return Err(io::Error::other(format!("it unpacks to more than {most_bytes} bytes")));
    }
    Ok(bytes)
}

/// Leaves out what failed requests and tasks said. Their counts stay.
fn drop_samples(cell: &mut CellReport) {
    cell.load.kind_mut().leave_out_samples();
}

/// Leaves out findings, and cuts the message.
fn shorten(cell: &mut CellReport) {
    cell.observations.clear();
    cell.message = cell.message.take().map(|message| message.chars().take(LONGEST_MESSAGE).collect());
}

#[cfg(test)]
mod tests;
