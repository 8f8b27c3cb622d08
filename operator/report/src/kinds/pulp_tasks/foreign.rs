//! Tasks that are not of the run, by their names.

use throughput_model::decimal::seconds;
use throughput_model::foreign::{ForeignWork, NamedWork, OtherWork};
use throughput_model::source_report::Table;

use crate::columns::or_dash;

/// What they took of the workers' time; `None` where there were none, or none that are known by name.
pub(super) fn table(work: &ForeignWork) -> Option<Table> {
    let row = |name: &str, count: u64, microseconds: u64| {
        vec![
            name.to_owned(),
            count.to_string(),
            seconds(microseconds, 3),
            or_dash(work.percent_of(microseconds)),
        ]
    };
    let named = work
        .names
        .iter()
        .map(|NamedWork { name, count, worker_microseconds }| row(name, *count, *worker_microseconds));
    let others =
        work.others.map(|OtherWork { count, worker_microseconds }| row("others", count, worker_microseconds));
    let rows: Vec<Vec<String>> = named.chain(others).collect();
    (!rows.is_empty()).then(|| Table {
        title: "Tasks that are not of this run".to_owned(),
        columns: ["name", "tasks", "worker time in s", "share in %"].map(str::to_owned).into(),
        rows,
    })
}
