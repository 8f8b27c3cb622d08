//! Looks at the outside world, as far as the current stage needs it.

mod check_view;
mod container_secrets;
mod credentials;
mod dry_run;
mod due;
mod generators;
mod pods;
mod pulp;
mod remains;
mod report;
mod secret_use;
mod service;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use kube::{Client, ResourceExt};
use throughput_core::decide::{self, is_held};
use throughput_core::identity::TestFacts;
use throughput_core::kinds::pulp_tasks::observed::Pulp;
use throughput_core::kinds::pulp_tasks::plan::{PulpTasks, Subject};
use throughput_core::observed::{Controls, Credentials, Generators, Observed, Sources, Target};
use throughput_core::plan::Plan;
use throughput_core::queue::Line;
use throughput_core::reason::{Reason, Why};
use throughput_core::stage::{Question, facts as stage_facts};
use throughput_core::status;
use throughput_core::target::{Holder, TargetName, uid_of};
use throughput_crds::{
    ConditionType, Current, RESTORE_FINALIZER, Stage, ThroughputTest, ThroughputTestSpec,
    ThroughputTestStatus,
};
use throughput_model::cell::CellAddress;

pub use pulp::PulpClients;
pub use remains::Held;

use secret_use::Purpose;
use service::ServiceUse;

use crate::apply::pods::GeneratorSettings;
use crate::cadence::queues::Queues;
use crate::cadence::turns::Turn;
use crate::cadence::wishes::Heeding;
use crate::generators::token::TokenKey;
use crate::objects::deadline::RequestError;
use crate::objects::obstacle::Obstacle;
use crate::objects::owned_objects;
use crate::sampling::Samplers;
use crate::scaling::claim::{self, Claim, Claimant};
use crate::scaling::own_pods::OwnPods;

/// What looking needs.
#[derive(Clone)]
pub struct ObserveClients {
    /// The API server.
    pub client: Client,
    /// The operator's key, which claims are signed with.
    pub key: TokenKey,
    /// The Pulps under test.
    pub pulps: PulpClients,
    /// The sources of figures that are at work.
    pub samplers: Samplers,
    /// The operator's own pods, which nobody scales.
    pub own: OwnPods,
    /// What is the same for all generators, whose pods are asked for by a dry run.
    pub generators: GeneratorSettings,
    /// The queues of tests that want the same targets.
    pub queues: Queues,
}

/// What was seen, and the turn in which the target was asked for it, if it was.
#[derive(Debug)]
pub struct Seen {
    /// What was seen.
    pub observed: Observed,
    /// Held until the look ends: without one nothing is asked of the target.
    pub turn: Option<Turn>,
    /// What is held for the tasks that were read, as long as they are there.
    pub collected: Option<Held>,
}

/// What people ask of the run on its way.
fn controls(spec: &ThroughputTestSpec) -> Controls {
    Controls {
        suspend: spec.suspend,
        abort: spec.abort,
        ttl_after_finished: spec
            .ttl_seconds_after_finished
            .map(|seconds| Duration::from_secs(seconds.into())),
    }
}

/// Looks at what the test's current stage depends on.
pub async fn observe(
    clients: &ObserveClients,
    test: &ThroughputTest,
    facts: &TestFacts,
    plan: Option<&Plan>,
    heeding: &Heeding,
) -> Result<Seen, RequestError> {
    let ObserveClients { client, key, pulps, samplers, own, generators: _, queues } = clients;
    let claimant = claimant(facts);
    let status = test.status.clone().unwrap_or_default();
    let stage = stage(&status);
    // Of a test that is over only its claims are of interest: nobody is asked for anything else, Pulp least of all.
    let plan = plan.filter(|_| !status::holds(&status, ConditionType::Finished));
    let claims = claim::held_by(client, key, &facts.namespace, &facts.uid).await?;
    let targets = match plan {
        Some(plan) => targets::look((client, key), &claimant, plan, &claims, own).await?,
        None => BTreeMap::new(),
    };
    let line = plan.map_or(Line::First, |plan| line(queues, test, facts, plan, &targets));
    let mut observed = Observed {
        deleting: test.metadata.deletion_timestamp.is_some(),
        controls: controls(&test.spec),
        has_finalizer: test.finalizers().iter().any(|finalizer| finalizer == RESTORE_FINALIZER),
        targets,
        line,
        claims: claims.iter().map(Claim::claimed).collect(),
        objects_refused: None,
        credentials: Credentials::Ready,
        pulp: Pulp::NotAsked.into(),
        generators: Generators::default(),
        sources: Sources::None,
        report: None,
    };
    if stage != Stage::Collecting {
        pulps.collect_no_more(&facts.uid);
    }
    let Some(plan) = plan else {
        return Ok(Seen { observed, turn: None, collected: None });
    };
    observed.sources = samplers.seen(&facts.uid, plan, &status);
    if let Some(current) = &status.current
        && let Some(stored_by) = stage_facts(stage).generators_read.of(plan, current)
    {
        let address = address(facts, current);
        observed.generators = generators::look((client, key), facts, &address, stored_by).await?;
    }
    if stage == Stage::AwaitingTargets {
        let taken = owned_objects::name_conflict(client, facts, &first_cell(facts)).await?;
        observed.objects_refused = taken.map(|taken| Why::new(Reason::NameTaken, taken.to_string()));
    }
    // Of a deleted test only one thing is still to be known of Pulp: what is left to be canceled. And of one that is to be
    // aborted nothing, before that is begun.
    let aborting = observed.controls.abort && !stage_facts(stage).at_its_end;
    let (mut turn, mut collected) = (None, None);
    let cell = status.current.as_ref().map_or(0, |current| current.cell);
    if let (Some(tasks), Some(subject)) = (plan.pulp_tasks(), plan.subject(cell))
        && stage_facts(stage).asks_target != Question::Nothing
        && (!observed.deleting || stage == Stage::CancelingTasks)
        && !aborting
    {
        let asked = ask_pulp(clients, facts, (plan, tasks, subject), &status, &mut observed, heeding);
        (turn, collected) = Box::pin(asked).await?;
    }
    Box::pin(ask_before_the_start(clients, facts, (plan, cell), &status, &mut observed, heeding)).await?;
    if stage == Stage::Collecting {
        observed.report = report::read(client, facts, plan.main_axis(), &status).await?;
    }
    Ok(Seen { observed, turn, collected })
}

/// Asks Pulp what the stage depends on, with the credentials that may be used.
async fn ask_pulp(
    clients: &ObserveClients,
    facts: &TestFacts,
    (plan, tasks, subject): (&Plan, &PulpTasks, Subject<'_>),
    status: &ThroughputTestStatus,
    observed: &mut Observed,
    heeding: &Heeding,
) -> Result<(Option<Turn>, Option<Held>), RequestError> {
    let ObserveClients { client, pulps, .. } = clients;
    let stage = stage(status);
    let purpose = Purpose::of(stage);
    let mut held = (None, None);
    match credentials::read(client, &facts.namespace, subject, purpose).await {
        Ok(found) => {
            let inquiry = pulp::Inquiry { endpoint: &subject.pulp.endpoint, facts, status, stage };
            let answer = match service::usable(client, &facts.namespace, subject, purpose).await? {
                // Whoever has it measures it.
                ServiceUse::Permitted if waits_for_holder(stage, observed) => Pulp::NotAsked.into(),
                ServiceUse::Permitted => pulps.ask(&inquiry, found, heeding).await,
                ServiceUse::Missing(why) => Pulp::Unavailable(why).into(),
                ServiceUse::NotPermitted(why) => {
                    pulps.drop_client(&facts.uid);
                    observed.credentials = Credentials::Unusable(why);
                    Pulp::NotAsked.into()
                }
            };
            pulp::Answer { seen: observed.pulp, turn: held.0, collected: held.1 } = answer;
        }
        Err(Obstacle::Refused(why)) => {
            // Whatever this look leads to, nothing is sent with what may not be used any more.
            pulps.drop_client(&facts.uid);
            observed.credentials = Credentials::Unusable(why);
        }
        Err(Obstacle::Request(error)) => return Err(error),
    }
    if !stage_facts(stage).at_its_end
        && let Some(why) = container_secrets::missing(client, &facts.namespace, tasks).await?
    {
        observed.credentials = Credentials::Unusable(why);
    }
    if stage == Stage::AwaitingTargets
        && let Some(why) = others_unusable(client, &facts.namespace, plan).await?
    {
        observed.credentials = Credentials::Unusable(why);
    }
    Ok(held)
}

/// Asks what is asked last, and one after the other: whoever waits for something else is not asked meanwhile.
async fn ask_before_the_start(
    clients: &ObserveClients,
    facts: &TestFacts,
    (plan, cell): (&Plan, u32),
    status: &ThroughputTestStatus,
    observed: &mut Observed,
    heeding: &Heeding,
) -> Result<(), RequestError> {
    let ObserveClients { client, pulps, generators, .. } = clients;
    if decide::may_ask_once(plan, status, observed) {
        let order = plan.order(&plan.cells[0], &first_cell(facts));
        observed.objects_refused = dry_run::refusal(client, generators, facts, &order).await?;
    }
    if let Some(subject) = plan.subject(cell)
        && decide::may_ask_once(plan, status, observed)
    {
        check_view(pulps, subject, facts, heeding, observed).await;
    }
    Ok(())
}

/// Asks the view that dispatches whether it would.
async fn check_view(
    pulps: &PulpClients,
    subject: Subject<'_>,
    facts: &TestFacts,
    heeding: &Heeding,
    observed: &mut Observed,
) {
    match pulps.check_view(subject.pulp, facts, heeding).await {
        check_view::Answer::Known(fault) => observed.pulp.view_fault = fault,
        check_view::Answer::UnderWay => {
            let words = "the view that dispatches is being asked with checkQuery";
            observed.pulp = Pulp::Unavailable(Why::new(Reason::NotYetAsked, words)).into();
        }
        check_view::Answer::NotYetAsked => observed.pulp = pulp::others_turn().into(),
    }
}

/// What keeps the targets of later cells from being used, if anything does: that is told before anything is scaled.
async fn others_unusable(client: &Client, namespace: &str, plan: &Plan) -> Result<Option<Why>, RequestError> {
    for subject in plan.subjects().into_iter().skip(1) {
        match credentials::read(client, namespace, subject, Purpose::Run).await {
            Ok(_) => {}
            Err(Obstacle::Refused(why)) => return Ok(Some(why)),
            Err(Obstacle::Request(error)) => return Err(error),
        }
        match service::usable(client, namespace, subject, Purpose::Run).await? {
            ServiceUse::Permitted => {}
            ServiceUse::Missing(why) | ServiceUse::NotPermitted(why) => return Ok(Some(why)),
        }
    }
    Ok(None)
}

/// What a plan scales, each once.
pub fn wants(plan: &Plan) -> BTreeSet<TargetName> {
    plan.scale.iter().map(|entry| entry.target.clone()).collect()
}

/// When the test was created.
pub fn created(test: &ThroughputTest) -> Timestamp {
    test.metadata.creation_timestamp.as_ref().map(|created| created.0).unwrap_or_default()
}

/// Where the test is in the queue.
fn line(
    queues: &Queues,
    test: &ThroughputTest,
    facts: &TestFacts,
    plan: &Plan,
    targets: &BTreeMap<TargetName, Target>,
) -> Line {
    let holders = targets.values().filter_map(|target| match target {
        Target::Present { holder: Holder::Another(identity), .. } => Some(uid_of(identity)),
        Target::Present { holder: Holder::Nobody | Holder::This | Holder::Unsigned { .. }, .. }
        | Target::Missing
        | Target::Autoscaled { .. }
        | Target::Refused(_) => None,
    });
    queues.line(facts, created(test), &wants(plan), &holders.collect::<Vec<_>>())
}

/// Whether the test waits for its targets while another one has them.
fn waits_for_holder(stage: Stage, observed: &Observed) -> bool {
    stage == Stage::AwaitingTargets && is_held(&observed.targets)
}

/// Who claims for this test.
pub fn claimant(facts: &TestFacts) -> Claimant {
    Claimant { namespace: facts.namespace.clone(), test: facts.name.clone(), test_uid: facts.uid.clone() }
}

fn first_cell(facts: &TestFacts) -> CellAddress {
    CellAddress { test_uid: facts.uid.clone(), cell: 0, attempt: 1 }
}

fn address(facts: &TestFacts, current: &Current) -> CellAddress {
    CellAddress { test_uid: facts.uid.clone(), cell: current.cell, attempt: current.attempt }
}

/// The stage that a decision will be about.
fn stage(status: &ThroughputTestStatus) -> Stage {
    status.current.as_ref().map_or(Stage::AwaitingTargets, |current| current.stage)
}
