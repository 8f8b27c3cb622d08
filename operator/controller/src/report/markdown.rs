//! The table that the plan's readers know, in Markdown.

use super::{CellReport, NO_FIGURE, TestReport, average_wait_seconds, run, workers};

const HEAD: &str = "\
| Run | Pulp-Workers | Requests | Tasks Submitted | Tasks/Sec Processed | Avg. Wait | Observations |
| ---: | ---: | ---: | ---: | ---: | ---: | --- |
";

/// The table, one row a cell.
pub fn render(report: &TestReport) -> String {
    let mut text = HEAD.to_owned();
    for cell in &report.cells {
        text.push_str(&row(cell, &report.workers_axis));
    }
    text
}

fn row(cell: &CellReport, workers_axis: &str) -> String {
    let columns = [
        run(cell, workers_axis),
        workers(cell),
        cell.requests.as_ref().map_or_else(|| NO_FIGURE.to_owned(), |requests| requests.sent.to_string()),
        cell.tasks.submitted.to_string(),
        cell.tasks.tasks_per_second.clone().unwrap_or_else(|| NO_FIGURE.to_owned()),
        average_wait_seconds(cell).map_or_else(|| NO_FIGURE.to_owned(), |seconds| format!("{seconds} s")),
        observations(cell),
    ];
    format!("| {} |\n", columns.map(|column| escaped(&column)).join(" | "))
}

/// The verdict when it is not Passed, then what was seen.
fn observations(cell: &CellReport) -> String {
    let mut sentences = Vec::new();
    if let Some(message) = &cell.message {
        sentences.push(format!("{:?}: {message}", cell.verdict));
    }
    sentences.extend(cell.observations.iter().cloned());
    if sentences.is_empty() { NO_FIGURE.to_owned() } else { sentences.join("; ") }
}

/// A text that stays within its column, whatever a server wrote into it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn each_cell_is_a_row_and_what_is_missing_is_a_dash() {
        let expected = format!(
            "{HEAD}\
             | 1 (concurrency 4) | 2 | 4 | 200 | 18.437 | 4.123 s | 1 task failed: \"a \\| b\" |\n\
             | 2 (concurrency 4) | 4 | - | 0 | - | - | Failed: 3 of 4 workers online |\n"
        );
        assert_eq!(render(&fixture::report()), expected);
    }
}
