//! The table as comma-separated values (RFC 4180), for spreadsheets.

use crate::columns::{NO_FIGURE, average_wait_seconds, run, workers};
use crate::data::{CellReport, TestReport};

const HEAD: &str =
    "Run,Pulp-Workers,Requests,Tasks Submitted,Tasks/Sec Processed,Avg. Wait [s],Verdict,Observations\r\n";

/// The table, one record a cell.
pub fn render(report: &TestReport) -> String {
    let mut text = HEAD.to_owned();
    for cell in &report.cells {
        text.push_str(&record(cell, &report.workers_axis));
    }
    text
}

fn record(cell: &CellReport, workers_axis: &str) -> String {
    let missing = || NO_FIGURE.to_owned();
    let mut observations: Vec<String> = cell.message.iter().cloned().collect();
    observations.extend(cell.observations.iter().cloned());
    let fields = [
        run(cell, workers_axis),
        workers(cell),
        cell.requests.as_ref().map_or_else(missing, |requests| requests.sent.to_string()),
        cell.tasks.submitted.to_string(),
        cell.tasks.tasks_per_second.clone().unwrap_or_else(missing),
        average_wait_seconds(cell).unwrap_or_else(missing),
        format!("{:?}", cell.verdict),
        observations.join("; "),
    ];
    format!("{}\r\n", fields.map(|field| quoted(&field)).join(","))
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
