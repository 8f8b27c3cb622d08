//! Going through the rows, one after the other, and counting.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures::FutureExt;
use throughput_e2e_tests::Cluster;

use super::heal::{Release, heal};
use super::{Row, TEST, moment, outcome};

/// What is wanted of the campaign, by its arguments.
#[derive(Debug, Default, PartialEq)]
struct Wanted {
    /// Only the rows of the short campaign.
    short: bool,
    /// Only say which rows there are.
    list: bool,
    /// No row is begun after this time.
    limit: Option<Duration>,
    /// Only rows whose name contains one of these.
    words: Vec<String>,
}

/// How the rows of one fault went.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    passed: u32,
    failed: u32,
    not_run: u32,
    seconds: u64,
}

/// Goes through the rows that the arguments choose: words, of which a row's name has to contain one; `--short`;
/// `--minutes N`, after which no row is begun; `--list`. Fails when a row failed or was not run.
pub async fn run(rows: &[Row], arguments: impl Iterator<Item = String>) -> ExitCode {
    let wanted = match wanted(arguments) {
        Ok(wanted) => wanted,
        Err(message) => {
            eprintln!("chaos: {message}");
            return ExitCode::from(2);
        }
    };
    let chosen: Vec<&Row> = rows.iter().filter(|row| is_chosen(&wanted, row)).collect();
    if wanted.list || chosen.is_empty() {
        for row in rows {
            println!("{}", row.name());
        }
        return if wanted.list { ExitCode::SUCCESS } else { ExitCode::from(2) };
    }
    let (counts, failures) = carry_out(&chosen, wanted.limit).await;
    print!("{}", table(&counts));
    for failure in &failures {
        println!("not as expected: {failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn carry_out(rows: &[&Row], limit: Option<Duration>) -> (BTreeMap<&'static str, Count>, Vec<String>) {
    let cluster = Cluster::connect().await;
    let release = Release::of(&cluster).await;
    let (mut counts, mut failures) = (BTreeMap::<&str, Count>::new(), Vec::new());
    let began = Instant::now();
    for (number, row) in rows.iter().enumerate() {
        let count = counts.entry(row.fault.name()).or_default();
        if limit.is_some_and(|limit| began.elapsed() > limit) {
            count.not_run += 1;
            failures.push(format!("{}: not run, the time was up", row.name()));
            continue;
        }
        let start = Instant::now();
        let told = row_on(&cluster, &release, row).await;
        let seconds = start.elapsed().as_secs();
        count.seconds += seconds;
        let said = if let Err(message) = told {
            count.failed += 1;
            failures.push(format!("{}: {message}", row.name()));
            "FAILED"
        } else {
            count.passed += 1;
            "passed"
        };
        println!("[{}/{}] {said} after {seconds} s: {}", number + 1, rows.len(), row.name());
    }
    heal(&cluster, &release).await;
    (counts, failures)
}

/// Carries out one row; the first line of what was wrong, if something was.
async fn row_on(cluster: &Cluster, release: &Release, row: &Row) -> Result<(), String> {
    let row = async {
        heal(cluster, release).await;
        let (there, spec) = row.fault.prepare(cluster, release, row.load).await;
        let before = outcome::Before::of(cluster).await;
        let created = there.create(TEST, spec).await;
        moment::reached(&there, &created, row.at).await;
        let further = row.fault.strike(&there).await;
        outcome::check(&there, row, &further).await;
        before.assert_restored(cluster, row).await;
    };
    AssertUnwindSafe(row).catch_unwind().await.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let text = text.unwrap_or_else(|| "something went wrong".to_owned());
        text.lines().next().unwrap_or_default().to_owned()
    })
}

fn is_chosen(wanted: &Wanted, row: &Row) -> bool {
    let name = row.name();
    (row.short || !wanted.short)
        && (wanted.words.is_empty() || wanted.words.iter().any(|word| name.contains(word.as_str())))
}

fn wanted(mut arguments: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--short" => wanted.short = true,
            "--list" => wanted.list = true,
            "--minutes" => {
                let minutes = arguments.next().and_then(|minutes| minutes.parse().ok());
                wanted.limit = Some(Duration::from_mins(minutes.ok_or("--minutes needs a number")?));
            }
            word if word.starts_with("--") => return Err(format!("{word} is not known")),
            word => wanted.words.push(word.to_owned()),
        }
    }
    Ok(wanted)
}

fn table(counts: &BTreeMap<&'static str, Count>) -> String {
    let line = |name: &str, count: &Count| {
        let Count { passed, failed, not_run, seconds } = count;
        format!("| {name} | {passed} | {failed} | {not_run} | {seconds} |\n")
    };
    let mut all = Count::default();
    let mut text =
        "\n| fault | passed | failed | not run | seconds |\n| --- | ---: | ---: | ---: | ---: |\n".to_owned();
    for (name, count) in counts {
        text.push_str(&line(name, count));
        all.passed += count.passed;
        all.failed += count.failed;
        all.not_run += count.not_run;
        all.seconds += count.seconds;
    }
    text + &line("all", &all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted_by(words: &[&str]) -> Result<Wanted, String> {
        wanted(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn rows_are_chosen_by_words() {
        let chosen = Wanted { words: vec!["operator".to_owned()], short: true, ..Wanted::default() };
        assert_eq!(wanted_by(&["--short", "operator"]), Ok(chosen));
        let limited = Wanted { limit: Some(Duration::from_mins(3)), ..Wanted::default() };
        assert_eq!(wanted_by(&["--minutes", "3"]), Ok(limited));
        assert!(wanted_by(&["--minutes"]).is_err() && wanted_by(&["--shrot"]).is_err());
    }

    #[test]
    fn the_table_ends_with_the_sum() {
        let count = |passed, failed| Count { passed, failed, not_run: 0, seconds: 7 };
        let table = table(&[("one", count(2, 0)), ("two", count(0, 1))].into());
        assert!(
            table.ends_with("| one | 2 | 0 | 0 | 7 |\n| two | 0 | 1 | 0 | 7 |\n| all | 2 | 1 | 0 | 14 |\n")
        );
    }
}
