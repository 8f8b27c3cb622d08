//! A cell's tasks on the page.

use std::collections::BTreeMap;

use maud::{Markup, html};
use throughput_model::decimal::seconds;
use uuid::Uuid;

use super::PulpTasksReport;
use crate::columns::or_dash;

/// The cell's figures.
pub(super) fn render(report: &PulpTasksReport, correlation_id: Uuid) -> Markup {
    let tasks = &report.tasks;
    let durations = [
        ("Wait: dispatch to start", tasks.wait),
        ("Service: start to end", tasks.service),
        ("Total: dispatch to end", tasks.total),
    ];
    html! {
        div.pair {
            table.plain {
                caption { "Tasks" }
                tbody {
                    (row("Wanted", &report.tasks_wanted.to_string()))
                    (row("Submitted", &tasks.submitted.to_string()))
                    (row("Completed", &tasks.completed.to_string()))
                    (row("Failed, canceled, unfinished", &format!("{}, {}, {}", tasks.failed, tasks.canceled, tasks.unfinished)))
                    (row("Completed per second", &or_dash(tasks.tasks_per_second.clone())))
                    (row("Dispatched per second", &or_dash(tasks.dispatched_per_second.clone())))
                    @if let Some(processes) = report.processes {
                        (row("Workers, API and content processes", &format!("{}, {}, {}", processes.workers, processes.api_apps, processes.content_apps)))
                    }
                    @if !report.pulp_versions.is_empty() {
                        (row("Pulp's versions", &versions(&report.pulp_versions)))
                    }
                    tr { th scope="row" { "Correlation id" } td.number { code { (correlation_id) } } }
                }
            }
            div.wide tabindex="0" role="region" aria-label="Durations" {
                table.plain {
                    caption { "Durations in seconds" }
                    thead { tr {
                        th scope="col" { "" }
                        @for head in ["mean", "p50", "p95", "p99", "max"] { th.number scope="col" { (head) } }
                    } }
                    tbody {
                        @for (label, distribution) in durations {
                            @if let Some(found) = distribution {
                                (durations_row(label, [found.mean_microseconds, found.p50_microseconds,
                                    found.p95_microseconds, found.p99_microseconds, found.max_microseconds]))
                            }
                        }
                        @if let Some(requests) = &report.requests {
                            @let latency = requests.latency;
                            (durations_row("Request latency", [latency.mean_microseconds, latency.p50_microseconds,
                                latency.p95_microseconds, latency.p99_microseconds, latency.max_microseconds]))
                        }
                    }
                }
            }
        }
    }
}

fn row(label: &str, value: &str) -> Markup {
    html! { tr { th scope="row" { (label) } td.number { (value) } } }
}

fn durations_row(label: &str, microseconds: [u64; 5]) -> Markup {
    html! { tr { th scope="row" { (label) } @for value in microseconds { td.number { (seconds(value, 3)) } } } }
}

fn versions(of: &BTreeMap<String, String>) -> String {
    of.iter().map(|(component, version)| format!("{component} {version}")).collect::<Vec<_>>().join(", ")
}
