//! The table that the plan's readers know, in Markdown.

use throughput_crds::{RepeatedCells, TasksPerSecondSpread};

use crate::columns::{NO_FIGURE, average_wait_seconds, run, workers};
use crate::data::{CellReport, TestReport};

const HEAD: &str = "\
| Run | Pulp-Workers | Requests | Tasks Submitted | Tasks/Sec Processed | Avg. Wait | Observations |
| ---: | ---: | ---: | ---: | ---: | ---: | --- |
";

const REPEATS_HEAD: &str = "
| Parameters | Repeats | Median Tasks/Sec | Smallest | Largest | Spread / Median |
| --- | ---: | ---: | ---: | ---: | ---: |
";

/// The table, one row a cell; where cells are repeated, a second one with a row for each combination.
pub fn render(report: &TestReport) -> String {
    let mut text = HEAD.to_owned();
    for cell in &report.cells {
        text.push_str(&row(cell, &report.workers_axis));
    }
    if !report.repeats.is_empty() {
        text.push_str(REPEATS_HEAD);
        report.repeats.iter().for_each(|repeats| text.push_str(&repeats_row(repeats)));
    }
    text
}

/// A combination of parameters, over its repeats.
fn repeats_row(repeats: &RepeatedCells) -> String {
    let RepeatedCells { parameters, cells, tasks_per_second } = repeats;
    let TasksPerSecondSpread { median, min, max, spread_ratio } = tasks_per_second;
    let parameters: Vec<String> = parameters.iter().map(ToString::to_string).collect();
    let parameters = if parameters.is_empty() { NO_FIGURE.to_owned() } else { parameters.join(", ") };
    let columns =
        [parameters, cells.len().to_string(), median.clone(), min.clone(), max.clone(), spread_ratio.clone()];
    format!("| {} |\n", columns.map(|column| escaped(&column)).join(" | "))
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
    use crate::fixture;

    #[test]
    fn each_cell_is_a_row_and_what_is_missing_is_a_dash() {
        let expected = format!(
            "{HEAD}\
             | 1 (concurrency 4) | 2 | 4 | 200 | 18.437 | 4.123 s | 1 task failed: \"a \\| b\" |\n\
             | 2 (concurrency 4) | 4 | - | 0 | - | - | Failed: 3 of 4 workers online |\n"
        );
        assert_eq!(render(&fixture::report()), expected);
    }

    #[test]
    fn repeats_are_a_second_table() {
        let rendered = render(&fixture::repeated_report());
        let (_, repeats) = rendered.split_once("\n\n").unwrap();
        let row = "| workers 2, concurrency 4 | 2 | 18.719 | 18.437 | 19.000 | 0.030 |\n";
        assert_eq!(repeats, format!("{}{row}", &REPEATS_HEAD[1..]));
    }
}
