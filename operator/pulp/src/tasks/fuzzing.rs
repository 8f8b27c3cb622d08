//! Pages of tasks as they are read, for tests/fuzz alone.

use throughput_model::task::TaskRecord;
use uuid::Uuid;

use super::entries::{CreatingEntry, Entry, Page, TaskEntry, TaskReference};
use super::{Collected, MOST_ERROR_BYTES, created, record, task_id};
use crate::error::PulpError;

/// The tasks of these pages, of which each may have so many, at most so many in all; and whether they are complete.
pub fn tasks_of(pages: &[&[u8]], limit: usize, most: u64) -> Result<(Vec<TaskRecord>, bool), PulpError> {
    let mut left = MOST_ERROR_BYTES;
    all_of(pages, limit, most, |entry: TaskEntry| Ok(record(entry, &mut left)))
}

/// The resources that the tasks of these pages made, likewise; their paths take so many bytes at most.
pub fn created_by(
    pages: &[&[u8]],
    limit: usize,
    most: u64,
    mut most_bytes: usize,
) -> Result<(Vec<String>, bool), PulpError> {
    let read = |entry: CreatingEntry| created(entry, &mut most_bytes);
    let (by_task, is_complete) = all_of(pages, limit, most, read)?;
    Ok((by_task.into_iter().flatten().collect(), is_complete))
}

/// The number of all tasks, and the ids of those on a page.
pub fn references(page: &[u8]) -> Result<(u64, Vec<Uuid>), PulpError> {
    let Page { count, results } = read::<TaskReference>(page)?;
    let ids = results.iter().map(|TaskReference { pulp_href }| task_id(pulp_href));
    Ok((count, ids.collect::<Result<_, _>>()?))
}

fn all_of<E: Entry, T>(
    pages: &[&[u8]],
    limit: usize,
    most: u64,
    mut read_entry: impl FnMut(E) -> Result<T, PulpError>,
) -> Result<(Vec<T>, bool), PulpError> {
    let mut collected = Collected::new();
    for page in pages {
        if collected.add(read(page)?, limit, most, &mut read_entry)? {
            return Ok((collected.read, true));
        }
    }
    Ok((collected.read, false))
}

fn read<E: serde::de::DeserializeOwned>(page: &[u8]) -> Result<Page<E>, PulpError> {
    serde_json::from_slice(page).map_err(|error| PulpError::UnexpectedAnswer(error.to_string()))
}
