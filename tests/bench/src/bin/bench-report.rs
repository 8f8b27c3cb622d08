//! Runs the plan of 10,000 tasks for two numbers of workers with all sources, and looks at its page in a browser: the
//! numbers are those of the report, and the browser has nothing to complain of. The page and its picture are kept beside
//! the programs.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made shall stop")]

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use throughput_bench::{all_sources, or_short, until_finished};
use throughput_crds::Verdict;
use throughput_e2e_tests::{Cluster, database_secret};
use throughput_page_tests::browser::Browser;
use throughput_page_tests::table;
use throughput_report::data::TestReport;
use throughput_test_support::program;
use throughput_test_support::spec::PulpSpec;

const NAME: &str = "bench-report";
const TASKS: u64 = 10_000;
const RUN: Duration = Duration::from_hours(2);
/// Wide enough for all columns, and as high as a page with one run open.
const WINDOW: (u32, u32) = (1_400, 6_000);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let tasks = or_short(TASKS, 500);
    let cluster = Cluster::connect().await;
    database_secret(&cluster, NAME).await;
    cluster.create(NAME, spec(tasks)).await;
    let (status, usage) = until_finished(&cluster, NAME, RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let report: TestReport = serde_json::from_value(cluster.report(NAME).await).unwrap();
    for cell in &report.cells {
        let workers = cell.load.kind().workers().unwrap_or_default();
        println!("{workers} workers: {} tasks/s", cell.headline().unwrap_or_default());
        cell.observations.iter().for_each(|observation| println!("  {observation}"));
    }
    let page = page(&cluster).await;
    let folder = std::env::current_exe().unwrap().with_file_name("bench-report.kept");
    look_at(&page, &report, &folder).await;
    println!("kept in {}", folder.display());
    let bytes = serde_json::to_vec(&status).unwrap().len();
    println!("figure status_two_cells {bytes} bytes");
    println!(
        "figure report_two_cells {} bytes",
        status.report.map(|report| report.bytes).unwrap_or_default()
    );
    println!("figure page_two_cells {} bytes", page.len());
    println!("figure operator_memory_watched {:.2} MB", usage.megabytes());
    println!("figure operator_cpu_watched {} millicores", usage.millicores);
}

/// The page, fetched as the README says.
async fn page(cluster: &Cluster) -> String {
    let map = format!("configmap/{NAME}-report");
    let key = r"jsonpath={.binaryData.report\.html\.gz}";
    let packed = cluster.kubectl(&["get", &map, "--output", key], "").await.unwrap();
    program::output("sh", &["-c", "base64 -d | gunzip"], &packed).await.unwrap()
}

async fn look_at(page: &str, report: &TestReport, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("report.html"), page).unwrap();
    let browser = Browser::open(page, WINDOW).await.unwrap();
    let (shown, log) = (table::shown(&browser).await, browser.driver.browser_log().await);
    let picture = browser.driver.screenshot_as_png().await;
    browser.close().await.unwrap();
    std::fs::write(folder.join("report.png"), picture.unwrap()).unwrap();
    assert_eq!(shown.unwrap(), table::of(report));
    let said: Vec<String> = log.unwrap().into_iter().map(|entry| entry.message).collect();
    assert_eq!(said, Vec::<String>::new());
}

fn spec(tasks: u64) -> PulpSpec {
    PulpSpec::of(tasks)
        .workers(&[2, 4])
        .requests_of(250, "0")
        .with("load", json!({"concurrency": 2}))
        .with("observe", all_sources(NAME))
        .at_least("tasks.successRatio", "1")
}
