//! The table of results: as the page shows it, and as the report has it.

use throughput_model::decimal::seconds;
use throughput_report::data::{CellReport, TestReport};

use crate::browser::{Browser, Failure};

/// What a page shows where there is no figure.
const NO_FIGURE: &str = "-";

/// The numbers of each row that is shown.
pub async fn shown(browser: &Browser) -> Result<Vec<Vec<String>>, Failure> {
    browser
        .ask(
            "return [...document.querySelectorAll('.results tbody tr')].map(row => \
              [...row.querySelectorAll('td.number')].map(cell => cell.innerText.replace('★', '').trim()))",
        )
        .await
}

/// The numbers of each row, by the report.
pub fn of(report: &TestReport) -> Vec<Vec<String>> {
    report.cells.iter().map(row).collect()
}

fn row(cell: &CellReport) -> Vec<String> {
    let or_dash = |figure: Option<String>| figure.unwrap_or_else(|| NO_FIGURE.to_owned());
    let in_seconds = |microseconds| format!("{} s", seconds(microseconds, 3));
    let Some(load) = cell.load.kind().pulp_tasks() else { return Vec::new() };
    vec![
        load.workers.to_string(),
        or_dash(load.requests.as_ref().map(|requests| requests.sent.to_string())),
        load.tasks.submitted.to_string(),
        or_dash(load.tasks.tasks_per_second.clone()),
        or_dash(load.tasks.wait.map(|wait| in_seconds(wait.mean_microseconds))),
        or_dash(load.tasks.total.map(|total| in_seconds(total.p99_microseconds))),
    ]
}
