//! The table as comma-separated values (RFC 4180), for spreadsheets.

use crate::columns::{Column, NO_FIGURE, Table};
use crate::data::{CellReport, TestReport};
use crate::rows::Row;

/// The table, one record a cell.
pub fn render(report: &TestReport) -> String {
    let mut text = record(report.facts().columns_of(Table::Csv).map(Column::title_with_unit));
    for cell in &report.cells {
        let row = Row::of(cell, &report.workers_axis);
        let fields = report.facts().columns_of(Table::Csv).map(|column| row.text(column.value, observations));
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
    let harmless = if is_formula(field) { format!("'{field}") } else { field.to_owned() };
    if harmless.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", harmless.replace('"', "\"\""))
    } else {
        harmless
    }
}

/// Whether a spreadsheet might take a field for a formula, blanks before it or not. A number with a sign is none, and
/// neither is the dash of a figure that is missing.
fn is_formula(field: &str) -> bool {
    let begins = field.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    (begins || field.starts_with(['\t', '\r', '\n'])) && field != NO_FIGURE && !is_number(field)
}

/// Whether a field is a sign, digits and perhaps a fraction, and nothing else.
fn is_number(field: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = field.strip_prefix(['-', '+']).unwrap_or(field);
    match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
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
        for words in ["=1+1", "+1+1", "-1+1", "-A1", "--1", "-", "@SUM(A1)", " =1+1", "＝1+1", "-1.5.2", "+"]
        {
            let expected = if words == NO_FIGURE { words.to_owned() } else { format!("'{words}") };
            assert_eq!(quoted(words), expected);
        }
        assert_eq!(quoted("\t=1"), "'\t=1");
        assert_eq!(quoted("\r=1"), "\"'\r=1\"");
        assert_eq!(quoted("-1,2"), "\"'-1,2\"");
    }

    #[test]
    fn a_number_with_a_sign_stays_a_number() {
        for number in ["-1", "-0.030", "+2", "18.437", NO_FIGURE] {
            assert_eq!(quoted(number), number);
        }
    }
}
