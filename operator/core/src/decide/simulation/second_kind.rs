//! The same world with a load of another kind: it is scaled, started, judged and reported as the first one is, and restored
//! whatever happens to it.

use std::collections::BTreeSet;

use serde_json::json;
use throughput_crds::{Criterion, Verdict};
use throughput_model::holding::Holding;
use throughput_report::render::{csv, markdown, page};
use throughput_report::timeline::Timelines;

use super::runs::{assert_put_back, hasty};
use super::world::World;
use super::{Disturbance, Walked, walk};
use crate::decide::fixture::plan_of;
use crate::plan::Plan;
use crate::plan::criteria::CheckedCriterion;
use crate::plan::workload::Workload;

/// Two cells that are held for five seconds each, and have to count so much.
fn plan(at_least: &str) -> Plan {
    let workload = Workload::Holding(Box::new(Holding { seconds: 5 }));
    let criterion = Criterion {
        metric: "holding.counted".to_owned(),
        at_least: Some(at_least.to_owned()),
        at_most: None,
    };
    let checked = CheckedCriterion::new(&criterion, workload.kind().facts(), &BTreeSet::new()).unwrap();
    let cells = plan_of(&json!([{"name": "workers", "of": "Scale", "values": [4, 8]}]));
    hasty(Plan { workload, criteria: vec![checked], ..cells })
}

fn walked(disturbances: &[Disturbance]) -> Walked {
    walk(&plan("5"), World::new(), disturbances)
}

fn verdicts(walked: &Walked) -> Vec<Verdict> {
    walked.world.stored().results.iter().map(|result| result.verdict).collect()
}

#[test]
fn a_second_kind_of_load_runs_to_its_verdict_and_its_report() {
    let run = walked(&[]);
    assert_put_back(&run, &[]);
    assert_eq!(
        (run.world.stored().verdict, verdicts(&run)),
        (Some(Verdict::Passed), vec![Verdict::Passed; 2])
    );
    let report = run.world.report().unwrap();
    assert_eq!(report.cells[0].headline().as_deref(), Some("1.000"));
    let text = markdown::render(report);
    assert!(text.starts_with("| Run | Counted | Counted/Sec | Observations |"), "{text}");
    assert!(text.contains("\n| 1 (workers 4) | 5 | 1.000 | - |\n"), "{text}");
    assert!(csv::render(report).contains("2 (workers 8),5,1.000,Passed,"));
    let page = page::render(report, &Timelines::default());
    for part in ["Held for 5 s, and counted 5.", "★ the most counts per second", "Counted per second"] {
        assert!(page.contains(part), "{part}");
    }
    // What is stored of it is read back as what it was.
    let stored = serde_json::to_string(report).unwrap();
    assert_eq!(serde_json::from_str::<throughput_report::data::TestReport>(&stored).unwrap(), *report);
}

#[test]
fn a_second_kind_is_judged_by_criteria_on_its_own_figures() {
    let run = walk(&plan("6"), World::new(), &[]);
    assert_eq!(verdicts(&run), [Verdict::Failed; 2]);
    let message = run.world.stored().results[0].message.as_deref();
    assert_eq!(message, Some("holding.counted is 5, at least 6 is wanted"));
    let criterion =
        Criterion { metric: "tasks.perSecond".to_owned(), at_least: Some("1".to_owned()), at_most: None };
    let facts = plan("5").workload.kind().facts();
    let rejection = CheckedCriterion::new(&criterion, facts, &BTreeSet::new()).unwrap_err();
    assert!(
        rejection.to_string().contains("there are: holding.counted, holding.countedPerSecond"),
        "{rejection}"
    );
}

#[test]
fn whatever_happens_to_a_second_kind_the_targets_are_put_back() {
    let undisturbed = walked(&[]);
    let disturbances: [fn(u32) -> Disturbance; 6] = [
        Disturbance::KilledBefore,
        Disturbance::DeletedBefore,
        Disturbance::AbortedBefore,
        Disturbance::SuspendedBefore,
        Disturbance::GeneratorLostBefore,
        Disturbance::RefusedFrom,
    ];
    for disturbance in disturbances {
        for number in 0..undisturbed.effects {
            let disturbances = &[disturbance(number)];
            assert_put_back(&walked(disturbances), disturbances);
        }
    }
    for number in 0..undisturbed.effects {
        let killed = walked(&[Disturbance::KilledBefore(number)]);
        assert_eq!(verdicts(&killed), verdicts(&undisturbed), "killed before {number}");
    }
}
