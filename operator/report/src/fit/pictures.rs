//! The page and the timelines that it is made of, within the room that a `ConfigMap` has. Pure.
//!
//! Where they would outgrow it, detail is left out in this order, until they fit:
//! 1. of every cell but the best, points: at most 120, then 60 of each series;
//! 2. of every cell but the best, subjects: one series of each metric;
//! 3. of every cell but the best, tables;
//! 4. of every cell but the best, the worst first, all but the queue and the completed tasks;
//! 5. of the best cell, the same in the same order;
//! 6. of every cell, the worst first, all but its row in the table.
//!
//! The page says what is left out of each cell. Nothing is lost by it: each cell's own `ConfigMap` has all of it.

use std::io;

use super::{gunzip, gzip};
use crate::best;
use crate::data::TestReport;
use crate::render::page;
use crate::room;
use crate::timeline::{Detail, Timelines};

/// The key of the page in the report's `ConfigMap`.
pub const PAGE_FILE: &str = "report.html.gz";
/// The key of the timelines.
pub const TIMELINES_FILE: &str = "timelines.json.gz";

/// What a point takes in both files, at least, unless its values are always the same.
const LEAST_BYTES_OF_A_POINT: usize = 4;
/// The most of timelines that is written, and so the most that is read, in bytes, uncompressed.
const MOST_BYTES_OF_TIMELINES: usize = 8 << 20;

/// The files that pictures are kept in, compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pictures {
    /// The page.
    pub page: Vec<u8>,
    /// The timelines that it was made of.
    pub timelines: Vec<u8>,
}

/// The room for pictures beside files of this size.
pub fn room_beside(bytes: usize) -> usize {
    room::PICTURES.min(room::CONFIG_MAP.saturating_sub(bytes))
}

/// The pictures, with as much detail as the room allows; none if there is no room even for the table.
pub fn fit(report: &TestReport, timelines: &Timelines, room_bytes: usize) -> io::Result<Option<Pictures>> {
    let cells: Vec<u32> = best::worst_first(report).into_iter().map(|(cell, _)| cell).collect();
    let steps = steps(&cells);
    // Nearly always nothing is to be left out. Where something is, the least is looked for by halving: each step leaves
    // less than the one before.
    let mut fitting = attempt(report, timelines, &steps[..1], room_bytes)?;
    if fitting.is_some() {
        return Ok(fitting);
    }
    let (mut too_much, mut enough) = (1, steps.len() + 1);
    while enough - too_much > 1 {
        let middle = usize::midpoint(too_much, enough);
        match attempt(report, timelines, &steps[..middle], room_bytes)? {
            Some(pictures) => (fitting, enough) = (Some(pictures), middle),
            None => too_much = middle,
        }
    }
    Ok(fitting)
}

/// The pictures after these steps, if they fit.
fn attempt(
    report: &TestReport,
    timelines: &Timelines,
    steps: &[Vec<(u32, Detail)>],
    room_bytes: usize,
) -> io::Result<Option<Pictures>> {
    let mut reduced = timelines.clone();
    for (cell, detail) in steps.iter().flatten() {
        if let Some(timeline) = reduced.cells.iter_mut().find(|timeline| timeline.cell == *cell) {
            timeline.reduce_to(*detail);
        }
    }
    // Four numbers in one file and three in the other: so many points would not fit, and drawing them takes seconds.
    if reduced.points() > room_bytes / LEAST_BYTES_OF_A_POINT {
        return Ok(None);
    }
    let text = serde_json::to_vec(&reduced)?;
    if text.len() > MOST_BYTES_OF_TIMELINES {
        return Ok(None);
    }
    let pictures =
        Pictures { page: gzip(page::render(report, &reduced).as_bytes())?, timelines: gzip(&text)? };
    Ok((pictures.page.len() + pictures.timelines.len() <= room_bytes).then_some(pictures))
}

/// Timelines as [`fit`] wrote them, read like a stranger's: whoever may write `ConfigMap`s may have changed them. Fails where they
/// are larger, or say what no cell has.
pub fn read_timelines(file: &[u8]) -> io::Result<Timelines> {
    let timelines: Timelines = serde_json::from_slice(&gunzip(file, MOST_BYTES_OF_TIMELINES)?)?;
    if timelines.are_possible() { Ok(timelines) } else { Err(io::Error::other("timelines that no cell has")) }
}

/// What is left out before each try, of cells of which the last is the best: nothing before the first.
fn steps(cells: &[u32]) -> Vec<Vec<(u32, Detail)>> {
    let (best, others) = match cells.split_last() {
        Some((best, others)) => (Some(*best), others),
        None => (None, cells),
    };
    let all_of = |cells: &[u32], detail| cells.iter().map(|cell| (*cell, detail)).collect::<Vec<_>>();
    let series = [
        Detail::HalfOfThePoints,
        Detail::QuarterOfThePoints,
        Detail::OneSeriesPerMetric,
        Detail::WithoutTables,
    ];
    let mut steps = vec![Vec::new()];
    steps.extend(series.map(|detail| all_of(others, detail)));
    // Halves, not one by one: each try draws the whole page.
    let of_worst = |detail| {
        [others.len() / 4, others.len() / 2, others.len()].map(|count| all_of(&others[..count], detail))
    };
    steps.extend(of_worst(Detail::TasksOnly));
    let best = |detail| best.map(|best| (best, detail)).into_iter().collect::<Vec<_>>();
    steps.extend(series.map(best));
    steps.push(best(Detail::TasksOnly));
    steps.extend(of_worst(Detail::RowOnly));
    steps.push(best(Detail::RowOnly));
    steps
}

#[cfg(test)]
mod tests {
    use throughput_test_support::mutated;

    use super::*;
    use crate::fixture::four_cells;

    fn details(pictures: &Pictures) -> Vec<Detail> {
        read_timelines(&pictures.timelines).unwrap().cells.iter().map(|cell| cell.detail).collect()
    }

    #[test]
    fn where_there_is_room_nothing_is_left_out() {
        let (report, timelines) = four_cells();
        let pictures = fit(&report, &timelines, room::PICTURES).unwrap().unwrap();
        assert_eq!(details(&pictures), [Detail::Full; 4]);
    }

    #[test]
    fn the_best_cell_keeps_its_detail_longest() {
        let (report, timelines) = four_cells();
        let all = fit(&report, &timelines, room::PICTURES).unwrap().unwrap();
        let mut room = all.page.len() + all.timelines.len();
        let mut before = vec![Detail::Full; 4];
        while let Some(pictures) = fit(&report, &timelines, room).unwrap() {
            let used = pictures.page.len() + pictures.timelines.len();
            assert!(used <= room, "{used} bytes in {room}");
            let now = details(&pictures);
            assert!(now.iter().all(|detail| now[2] <= *detail), "{now:?}");
            assert!(now.iter().zip(&before).all(|(now, before)| now >= before), "{before:?} {now:?}");
            (before, room) = (now, used * 3 / 4);
        }
        assert_eq!(before, [Detail::RowOnly; 4]);
    }

    #[test]
    fn the_stated_order_is_the_order_of_the_steps() {
        use Detail::{
            HalfOfThePoints, OneSeriesPerMetric, QuarterOfThePoints, RowOnly, TasksOnly, WithoutTables,
        };
        let told: Vec<String> = steps(&[3, 0, 1])
            .iter()
            .map(|step| {
                step.iter().map(|(cell, detail)| format!("{cell}:{detail:?}")).collect::<Vec<_>>().join(" ")
            })
            .filter(|step| !step.is_empty())
            .collect();
        let both = |detail| format!("3:{detail:?} 0:{detail:?}");
        let best = |detail| format!("1:{detail:?}");
        let series = [HalfOfThePoints, QuarterOfThePoints, OneSeriesPerMetric, WithoutTables];
        let mut expected: Vec<String> = series.map(both).to_vec();
        expected.extend([format!("3:{TasksOnly:?}"), both(TasksOnly)]);
        expected.extend(series.map(best));
        expected.push(best(TasksOnly));
        expected.extend([format!("3:{RowOnly:?}"), both(RowOnly), best(RowOnly)]);
        assert_eq!(told, expected);
    }

    #[test]
    fn the_room_is_what_the_other_files_leave() {
        assert_eq!(room_beside(1_000), room::PICTURES);
        assert_eq!(room_beside(900_000), room::CONFIG_MAP - 900_000);
        assert_eq!(room_beside(2_000_000), 0);
    }

    #[test]
    fn timelines_that_unpack_to_more_than_is_ever_written_are_not_read() {
        let bomb = gzip(&vec![b' '; 64 << 20]).unwrap();
        assert!(bomb.len() < 100_000, "{}", bomb.len());
        let error = read_timelines(&bomb).unwrap_err();
        assert_eq!(error.to_string(), "it unpacks to more than 8388608 bytes");
    }

    #[test]
    fn whatever_was_made_of_the_report_and_its_timelines_they_are_refused_or_harmless() {
        let (mut report, mut timelines) = four_cells();
        // Few points: each of them is changed in many ways, and every page is drawn.
        report.cells.truncate(1);
        timelines.cells.truncate(1);
        for series in
            timelines.cells.iter_mut().flat_map(|cell| &mut cell.sources).flat_map(|one| &mut one.series)
        {
            series.points.truncate(2);
        }
        let cell = &mut timelines.cells[0];
        cell.sources.iter_mut().for_each(|source| source.series.truncate(1));
        cell.queue.truncate(2);
        cell.completions.counts.truncate(3);
        let (mut read, mut refused) = (0, 0);
        for changed in mutated::all_of(&serde_json::to_value(&timelines).unwrap()) {
            match read_timelines(&gzip(changed.to_string().as_bytes()).unwrap()) {
                Ok(changed) => {
                    read += 1;
                    fit(&report, &changed, room::PICTURES).unwrap();
                    for detail in [
                        Detail::HalfOfThePoints,
                        Detail::OneSeriesPerMetric,
                        Detail::TasksOnly,
                        Detail::RowOnly,
                    ] {
                        changed.clone().cells.iter_mut().for_each(|cell| cell.reduce_to(detail));
                    }
                }
                Err(_) => refused += 1,
            }
        }
        assert!(read > 100 && refused > 100, "{read} timelines were read, {refused} refused");
        let (mut read, mut refused) = (0, 0);
        for changed in mutated::all_of(&serde_json::to_value(&report).unwrap()).step_by(3) {
            match serde_json::from_str::<TestReport>(&changed.to_string()) {
                Ok(changed) => {
                    read += 1;
                    crate::fit::report_texts(&changed).unwrap();
                    fit(&changed, &timelines, room::PICTURES).unwrap();
                }
                Err(_) => refused += 1,
            }
        }
        assert!(read > 100 && refused > 100, "{read} reports were read, {refused} refused");
    }
}
