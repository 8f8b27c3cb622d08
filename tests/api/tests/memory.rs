//! The operator, as a process that may take no more memory than the chart gives it, under attack: `make bench-memory` in
//! short.

use std::time::Duration;

use throughput_bench::memory::{LIMIT_BYTES, Size, World};

const SIZE: Size = Size { honest: 20, with_aws: 2, hostile: 2, tasks: 200 };
/// How many of the honest tests come to their end soon: those with AWS wait for its minutes.
const SOON: usize = SIZE.honest - SIZE.with_aws;
/// For a machine that is busy with other things: five minutes were measured on two cores with a load of 18.
const LONGEST: Duration = Duration::from_mins(10);

#[tokio::test]
async fn within_its_memory_tests_are_measured_and_restored_while_hostile_servers_answer_others() {
    let mut world = World::start(SIZE).await;
    let outcome = world
        .until(LONGEST, |outcome| {
            outcome.measured_once("honest-") >= SOON && outcome.ends_of("largest").all > 0
        })
        .await;
    let words = world.last_words();
    assert_eq!(outcome.out_of_memory, 0, "{outcome:#?}");
    if !world.is_limited() {
        assert!(outcome.charged_bytes <= LIMIT_BYTES, "{outcome:?}");
    }
    assert!(outcome.measured_once("honest-") >= SOON, "{outcome:#?}; {words}");
    assert_eq!(outcome.ends_of("largest").measured, outcome.ends_of("largest").all, "{outcome:#?}");
    assert_eq!(outcome.ends_of("").not_restored, 0, "{outcome:#?}");
    assert!(outcome.asked.values().all(|asked| *asked > 0), "{outcome:#?}");
}
