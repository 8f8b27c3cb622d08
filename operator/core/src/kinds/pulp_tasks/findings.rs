//! What is worth a word of Pulp's tasks, and where it stands among what the sources saw.

use throughput_model::counted::{agreeing, counted, counted_as, times};
use throughput_model::decimal::{self, seconds};
use throughput_model::failure::FailureGroup;
use throughput_model::figures::TaskFigures;
use throughput_report::data::CellReport;
use throughput_report::kinds::pulp_tasks::PulpTasksReport;
use throughput_report::repeats::is_trusted;

use super::doubts::foreign_names;
use super::nudging::PATIENCE;
use crate::judge::findings::{
    Rule, Seen, database_busy, database_connections, incomplete, other_resources, out_of_memory, profiled,
    restarts, throttled, timeouts, waiting_on_locks,
};

/// Twice the workers that bring less than this are more than the tasks can use, in thousandths.
const FLAT_GROWTH_PERMILLE: u128 = 1_100;

/// The rules, in the order in which they speak.
pub(super) const RULES: [Rule; 16] = [
    nudged,
    requests_failed,
    tasks_failed,
    database_busy,
    database_connections,
    waiting_on_locks,
    out_of_memory,
    restarts,
    timeouts,
    throttled,
    more_workers_than_tasks_can_use,
    other_resources,
    profiled,
    foreign_work,
    incomplete,
    left_behind,
];

fn of<'a>(seen: &Seen<'a>) -> Option<&'a PulpTasksReport> {
    seen.cell.load.kind().pulp_tasks()
}

fn nudged(seen: &Seen<'_>) -> Vec<String> {
    let nudges = of(seen).map_or(0, |load| load.nudges.len());
    let each = agreeing(nudges, "", " each time");
    let words = format!(
        "nudged {}: the workers were online and started nothing for {} s{each}",
        times(nudges),
        PATIENCE.as_secs()
    );
    (nudges > 0).then_some(words).into_iter().collect()
}

fn requests_failed(seen: &Seen<'_>) -> Vec<String> {
    let Some((load, requests)) = of(seen).and_then(|load| Some((load, load.requests.as_ref()?))) else {
        return Vec::new();
    };
    let mut words = Vec::new();
    if requests.overshoot > 0 {
        words.push(format!(
            "{} dispatched for {} wanted: up to {} a request, some under way at the end",
            counted(requests.tasks_dispatched, "task"),
            load.tasks_wanted,
            requests.largest_yield
        ));
    }
    for FailureGroup { phase, class, count, samples } in requests.failures.groups() {
        let sample = samples.first().map(|sample| format!(", first: {sample}")).unwrap_or_default();
        let sent = counted(requests.sent, "request");
        let (class, phase) = (class.as_str(), phase.as_str());
        words.push(format!("{count} of {sent} failed ({class} while {phase}{sample})"));
    }
    words
}

fn tasks_failed(seen: &Seen<'_>) -> Vec<String> {
    let Some(load) = of(seen) else { return Vec::new() };
    let TaskFigures { submitted, failed, canceled, error_samples, .. } = &load.tasks;
    let submitted = counted(submitted, "task");
    let mut words = Vec::new();
    if *failed > 0 {
        let sample = error_samples.first().map(|sample| format!(": {sample}")).unwrap_or_default();
        words.push(format!("{failed} of {submitted} failed{sample}"));
    }
    if *canceled > 0 {
        let were = agreeing(canceled, "was", "were");
        words.push(format!("{canceled} of {submitted} {were} canceled"));
    }
    words
}

/// Tasks of others, which took no more of the workers' time than they may. That they took more is a doubt.
fn foreign_work(seen: &Seen<'_>) -> Vec<String> {
    let work = of(seen).and_then(|load| load.foreign_work.as_ref()).filter(|work| !work.exceeds());
    let words = work.filter(|work| work.count > 0).and_then(|work| {
        let tasks = counted_as(work.count, "task not of this run", "tasks not of this run");
        let share = work.worker_time_percent()?;
        let taken = seconds(work.worker_microseconds?, 1);
        Some(format!("{tasks} took {taken} s of worker time, {share} %: {}", foreign_names(work)))
    });
    words.into_iter().collect()
}

/// Twice the workers, and hardly more throughput: the tasks wait for one another, or for something else.
fn more_workers_than_tasks_can_use(seen: &Seen<'_>) -> Vec<String> {
    let others = |cell: &CellReport| -> Vec<(String, String)> {
        let others = cell.parameters.iter().filter(|parameter| parameter.name != seen.workers_axis);
        others.map(|parameter| (parameter.name.clone(), parameter.value.clone())).collect()
    };
    let workers = |cell: &CellReport| cell.load.kind().workers().unwrap_or_default();
    let comparable = |cell: &&CellReport| {
        is_trusted(cell.outcome, cell.verdict)
            && workers(cell) > 0
            && workers(cell) * 2 <= workers(seen.cell)
            && others(cell) == others(seen.cell)
    };
    let fewer = seen.earlier.iter().filter(comparable).max_by_key(|cell| workers(cell));
    let words = fewer.and_then(|fewer| {
        let (before, now) = (fewer.headline()?, seen.cell.headline()?);
        let (least, most) = (thousandths(&before)?, thousandths(&now)?);
        let flat = least > 0 && most * 1_000 < least * FLAT_GROWTH_PERMILLE;
        flat.then(|| {
            format!(
                "{} do {now} tasks per second, {} did {before}: more workers than the tasks can use",
                counted(workers(seen.cell), "worker"),
                workers(fewer)
            )
        })
    });
    words.into_iter().collect()
}

fn thousandths(figure: &str) -> Option<u128> {
    let (digits, decimals) = decimal::parse(figure)?;
    Some(digits * 10_u128.pow(3_u32.checked_sub(decimals)?))
}

fn left_behind(seen: &Seen<'_>) -> Vec<String> {
    let words = of(seen).and_then(|load| load.cleanup.as_ref()).and_then(|cleanup| {
        let left = cleanup.left + cleanup.created.saturating_sub(cleanup.asked);
        let refusal = cleanup.refusal.as_ref().map(|words| format!(", first: {words}")).unwrap_or_default();
        let created = counted(cleanup.created, "resource");
        let are = agreeing(left, "is", "are");
        let words = format!("{left} of {created} that the tasks made {are} left{refusal}");
        (left > 0).then_some(words)
    });
    words.into_iter().collect()
}
