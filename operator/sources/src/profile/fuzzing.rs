//! What the profiler says, and what is kept of it, for tests/fuzz alone.
#![expect(clippy::missing_panics_doc, reason = "stopping at the first surprise is what they are for")]

use jiff::Timestamp;
use serde_json::{Value, json};
use throughput_crds::ObserveProfile;

use super::answer::{Answer, parse};
use super::container::User;
use super::memory::{Memory, Subject};
use super::progress::Span;
use super::publish::publish;
use super::refusal::{of_profiler, still_another_user};
use super::stacks::{functions, percent};
use super::target::Target;
use crate::fuzzing::{check, empty, is_whole, read, seconds};

/// A profiler's whole log.
pub fn logs(input: &[u8]) {
    let Answer { parties, stacks, ending } = parse(&String::from_utf8_lossy(input));
    for function in functions(&stacks) {
        assert!(function.own <= function.total, "{function:?}");
        let _ = percent(function.own, function.total);
    }
    let _ = still_another_user("pulp-api-1", parties.as_ref());
    let Some(ending) = ending else { return };
    if let Some(parties) = &parties {
        let _ = of_profiler("pulp-api-1", parties, &ending);
    }
    let spec = json!({"selector": {"app": "pulp"}});
    let Ok(spec) = serde_json::from_value::<ObserveProfile>(spec) else { return };
    let (mut memory, mut recording) = (Memory::default(), empty("profile"));
    let span =
        Span { from: Some(Timestamp::UNIX_EPOCH), to: Some(Timestamp::UNIX_EPOCH), words: String::new() };
    for _ in 0..2 {
        publish(&spec, &subject(), &stacks, &ending, &span, &mut memory, &mut recording);
    }
    memory.store(&mut recording);
    check(&recording);
    assert!(recording.report().tables.iter().all(is_whole));
}

fn subject() -> Subject {
    let (pod, pod_uid, container) = ("pulp-api-1".to_owned(), "6a23".to_owned(), "api".to_owned());
    let user = User { uid: None, gid: None };
    Subject::new(Target { pod, pod_uid, container, user }, Timestamp::UNIX_EPOCH)
}

/// What the source keeps for its next life: it goes on with it.
pub fn stored(input: &[u8]) {
    let Some(value) = read::<Value>(input) else { return };
    let mut recording = empty("profile");
    if recording.remember("profile", &value).is_err() {
        return;
    }
    let mut memory = Memory::load(&recording);
    for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
        let _ = (memory.is_over(), memory.is_due(seconds(u64::MAX), now));
        for subject in memory.subjects.iter_mut().flatten() {
            let _ = (subject.is_late_to_start(now), subject.is_late_to_end(seconds(900), now));
            subject.again_as(User { uid: None, gid: None }, now);
        }
    }
    memory.store(&mut recording);
    check(&recording);
}
