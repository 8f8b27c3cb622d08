//! What PostgreSQL answers, how it is reached and what is kept of it, for tests/fuzz alone.
#![expect(clippy::missing_panics_doc, reason = "stopping at the first surprise is what they are for")]

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::address::Address;
use super::facts::ServerFacts;
use super::locks::{Blocked, LockWaits};
use super::look::{Look, Subjects};
use super::memory::Memory;
use super::query_text::{LONGEST_STATEMENT, shown};
use super::statements::{self, Answer, Statements};
use crate::error::SourceError;
use crate::fuzzing::{check, empty, read, seconds};
use crate::recording::Recording;

/// What is put into a connection string in place of its password.
const PASSWORD: &str = "correct%20horse";

/// Connection strings, which tell nothing of themselves where they are refused.
pub fn connection_strings(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(address) = Address::parse(&text) {
        assert!(!address.host.is_empty());
        assert!(address.audiences().iter().all(|audience| audience.contains(&address.host)));
        assert!(!address.lookup_name("perf").is_empty());
        let password = address.config.get_password().map(<[u8]>::to_vec).unwrap_or_default();
        let password = String::from_utf8_lossy(&password).into_owned();
        if password.len() > 3 && !"***".contains(&password) {
            let said = address.without_password(&format!("denied to {password}."));
            assert!(!said.contains(&password) || "denied to ***.".contains(&password), "{said}");
        }
    }
    let secret = format!("postgresql://pulp:{PASSWORD}@{text}");
    if let Err(error) = Address::parse(&secret) {
        assert!(!error.message.contains("correct"), "{}", error.message);
    }
}

/// Statements as they are shown.
pub fn statements(input: &[u8]) {
    let shown = shown(&String::from_utf8_lossy(input));
    assert!(shown.chars().count() <= LONGEST_STATEMENT);
    assert!(!shown.contains('\n'));
}

/// The answers to all questions, one a line.
pub fn answers(input: &[u8]) {
    let mut recording = empty("postgres");
    let (mut subjects, mut waits) = (Subjects::default(), LockWaits::default());
    let mut costs: Vec<Statements> = Vec::new();
    for (second, line) in (0..).zip(input.split(|byte| *byte == b'\n').take(32)) {
        let at = Timestamp::from_second(second).unwrap_or_default();
        if let Some(look) = read::<Look>(line) {
            let _ = look.may_have_blocked();
            look.note(80.0, &mut subjects, at, &mut recording);
        }
        if let Some(facts) = read::<ServerFacts>(line) {
            facts.note(&mut recording);
            if let Some(extension) = &facts.statements {
                let _ = statements::question(extension, extension.is_at_least(1, 8));
            }
        }
        if let Some(blocked) = read::<Blocked>(line) {
            waits.note(&blocked, at, &mut recording);
        }
        costs.extend(read::<Answer>(line).map(Statements::from));
        if let Some(texts) = read::<BTreeMap<String, String>>(line) {
            note_statements(&costs, &texts, &mut recording);
        }
    }
    note_statements(&costs, &BTreeMap::new(), &mut recording);
    check(&recording);
}

fn note_statements(costs: &[Statements], texts: &BTreeMap<String, String>, recording: &mut Recording) {
    let (Some(start), Some(end)) = (costs.first(), costs.last()) else { return };
    for start in [start.clone(), start.remembered()] {
        let spent = end.since(&start);
        let tops = statements::top(&spent, 10);
        end.note_doubts(&start, Timestamp::UNIX_EPOCH, recording);
        statements::note(&spent, &tops, texts, recording);
    }
}

/// What the source keeps for its next life: it goes on with it.
pub fn stored(input: &[u8]) {
    let Some(value) = read::<Value>(input) else { return };
    let mut recording = empty("postgres");
    if recording.remember("postgres", &value).is_err() {
        return;
    }
    let mut memory = Memory::load(&recording);
    for (second, took) in [(0, 1), (i64::from(i32::MAX), u64::MAX)] {
        let at = Timestamp::from_second(second).unwrap_or_default();
        memory.connect_times.note(Ok(seconds(took)), at, &mut recording);
        let failed = SourceError::new("Unreachable", "no answer");
        memory.connect_times.note(Err(failed), at, &mut recording);
        memory.lock_waits.note(&Blocked::NOBODY, at, &mut recording);
    }
    if let Some(start) = &memory.statements {
        let now = Statements::default();
        note_statements(&[start.clone(), now], &BTreeMap::new(), &mut recording);
        note_statements(&[Statements::default(), start.clone()], &BTreeMap::new(), &mut recording);
    }
    memory.store(&mut recording);
    check(&recording);
}
