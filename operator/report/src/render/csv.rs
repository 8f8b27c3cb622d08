//! The table as comma-separated values (RFC 4180), for spreadsheets.

use crate::columns::{self, Column, NO_FIGURE, Row, Table};
use crate::data::{CellReport, TestReport};

/// The table, one record a cell.
pub fn render(report: &TestReport) -> String {
    let mut text = record(columns::of(report.facts(), Table::Csv).map(Column::title_with_unit));
    for cell in &report.cells {
        let row = Row::of(cell, &report.workers_axis);
        let fields =
            columns::of(report.facts(), Table::Csv).map(|column| row.text(column.value, observations));
        text.push_str(&record(fields.map(|field| quoted(field.as_deref().unwrap_or(NO_FIGURE)))));
    }
    text
}

fn record(fields: impl Iterator<Item = String>) -> String {
    format!("{}\r\n", fields.collect::<Vec<_>>().join(","))
}

/// The verdict has a column of its own, so here is only what it is of, and nothing where there is nothing to say.
fn observations(cell: &CellReport) -> String {
    let sentences: Vec<&str> = cell.message.iter().chain(&cell.observations).map(String::as_str).collect();
    sentences.join("; ")
}

/// A field that a spreadsheet reads as text of its own: quoted where it must be, and never as a formula.
fn quoted(field: &str) -> String {
    let harmless =
        if field.starts_with(['=', '+', '@', '\t']) { format!("'{field}") } else { field.to_owned() };
    if harmless.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", harmless.replace('"', "\"\""))
    } else {
        harmless
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Run,Pulp-Workers,Requests,Tasks Submitted,Tasks/Sec Processed,Avg. Wait [s],Verdict,Observations\r\n";
    use crate::fixture;

    #[test]
    fn each_cell_is_a_record_with_quotes_where_they_are_needed() {
        let expected = format!(
            "{HEAD}\
             1 (concurrency 4),2,4,200,18.437,4.123,Passed,\"1 task failed: \"\"a | b\"\"\"\r\n\
             2 (concurrency 4),4,-,0,-,-,Failed,3 of 4 workers online\r\n"
        );
        assert_eq!(render(&fixture::report()), expected);
    }

    #[test]
    fn a_servers_words_are_never_a_formula() {
        assert_eq!(quoted("=1+1"), "'=1+1");
    }
}
