//! Carries out what was decided. Each action can be repeated.

mod created;
pub mod pods;
pub mod report;

use std::pin::pin;
use std::time::Duration;

use futures::TryStreamExt;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, Preconditions};
use kube::core::PartialObjectMeta;
use kube::{Client, ResourceExt};
use serde_json::json;
use throughput_core::decide::Action;
use throughput_core::decide::outcome::{Applied, Refusal};
use throughput_core::identity::TestFacts;
use throughput_core::plan::generator_order::GeneratorOrder;
use throughput_core::reason::{Reason, Why};
use throughput_core::target::TargetName;
use throughput_crds::{RESTORE_FINALIZER, ThroughputTest};
use throughput_model::cell::CellAddress;
use throughput_report::fit::PackError;
use uuid::Uuid;

use crate::apply::pods::{CellError, CellIngredients, CellObjects, GeneratorSettings};
use crate::apply::report::PageRenderer;
use crate::cadence::wishes::Heeding;
use crate::generators::token::TokenKey;
use crate::objects::deadline::{RequestError, within};
use crate::objects::generator_maps;
use crate::objects::known::Known;
use crate::objects::names::{self, CELL_LABEL, FIELD_MANAGER, TEST_UID_LABEL};
use crate::objects::owned_objects::{self, NameTaken, OwnedObjectError};
use crate::objects::pages;
use crate::observe::{PulpClients, claimant};
use crate::scaling::claim::{self, ClaimError, Claimant, RestoreError};
use crate::scaling::own_pods::OwnPods;

/// How long tasks are canceled before the test is looked at again: Pulp cancels them one by one.
const CANCELING_AT_ONCE: Duration = Duration::from_secs(30);

/// The clients and settings that acting takes.
#[derive(Clone)]
pub struct ApplyClients {
    /// The API server.
    pub client: Client,
    /// The Pulps under test.
    pub pulps: PulpClients,
    /// What is the same for all generators.
    pub generators: GeneratorSettings,
    /// The operator's key: of the generators' tokens and of claims.
    pub key: TokenKey,
    /// What draws the reports' pages.
    pub renderer: PageRenderer,
    /// The operator's own pods, which nobody scales.
    pub own: OwnPods,
}

/// An action that was not carried out. It will be decided and tried again.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The API server did not do it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A name that one of the test's objects needs is another's.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
    /// A target was not claimed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// A target was not put back.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// Pulp did not cancel.
    #[error("Pulp did not cancel the tasks that are left: {0}")]
    Cancel(#[from] throughput_pulp::PulpError),
    /// Pulp did not take the task that wakes its workers up.
    #[error("Pulp did not take one more task: {0}")]
    Nudge(throughput_pulp::PulpError),
    /// Pulp does not say what the tasks made.
    #[error("cannot delete what the tasks made: {0}")]
    DeleteCreated(throughput_pulp::PulpError),
    /// A cell's objects cannot be made.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// Something was not written as JSON.
    #[error("cannot write the report: {0}")]
    Json(#[from] serde_json::Error),
    /// A cell's details were not packed.
    #[error(transparent)]
    Pack(#[from] PackError),
}

impl ApplyError {
    /// The request to the API server that was to blame, if one was.
    pub fn request(&self) -> Option<&RequestError> {
        match self {
            Self::Request(source)
            | Self::Claim(ClaimError::Request { source, .. } | ClaimError::Scale { source, .. })
            | Self::Restore(RestoreError::Request { source, .. }) => Some(source),
            Self::Claim(ClaimError::NotHeld(_))
            | Self::NameTaken(_)
            | Self::Cancel(_)
            | Self::Nudge(_)
            | Self::DeleteCreated(_)
            | Self::Cell(_)
            | Self::Json(_)
            | Self::Pack(_) => None,
        }
    }
}

impl ApplyError {
    /// Whether what was to be scaled was changed by somebody else at the same time.
    pub fn is_overtaken(&self) -> bool {
        matches!(self, Self::Claim(ClaimError::Scale { source, .. }) if source.is_conflict())
    }

    /// It, as the test is told of it.
    pub fn refusal(&self) -> Refusal {
        let reason = match self {
            Self::NameTaken(_) => Reason::NameTaken,
            Self::Cell(_) => Reason::GeneratorsRefused,
            Self::Request(_)
            | Self::Claim(_)
            | Self::Restore(_)
            | Self::Cancel(_)
            | Self::Nudge(_)
            | Self::DeleteCreated(_)
            | Self::Json(_)
            | Self::Pack(_) => Reason::ActionFailed,
        };
        Refusal { why: Why::new(reason, self.to_string()), restoring: matches!(self, Self::Restore(_)) }
    }
}

impl From<OwnedObjectError> for ApplyError {
    fn from(error: OwnedObjectError) -> Self {
        match error {
            OwnedObjectError::Request(error) => Self::Request(error),
            OwnedObjectError::NameTaken(taken) => Self::NameTaken(taken),
        }
    }
}

/// Carries out the actions, in their order.
pub async fn apply(
    clients: &ApplyClients,
    facts: &TestFacts,
    actions: &[Action],
    heeding: &Heeding,
) -> Result<Applied, ApplyError> {
    let mut applied = Applied::default();
    let claimant = claimant(facts);
    let client = &clients.client;
    for action in actions {
        match action {
            Action::AddFinalizer => set_finalizer(client, facts, true).await?,
            Action::Claim { targets } => {
                claim::claim_all(client, &clients.key, &claimant, targets, &clients.own).await?;
            }
            Action::Scale { target, replicas } => {
                scale((client, &clients.key), &claimant, target, *replicas).await?;
            }
            Action::StartGenerators(order) => Box::pin(start_generators(clients, facts, order)).await?,
            Action::DeleteGenerators { address } => match delete_generators(client, facts, address).await {
                Ok(()) => {}
                // The cell is written down, and that is not to be done again for a Job: the next deletion takes it along.
                Err(error) if applied.report.is_some() => {
                    applied.warnings.push(Why::new(Reason::GeneratorsNotDeleted, error.to_string()));
                }
                Err(error) => return Err(error.into()),
            },
            Action::CancelTasks { correlation_id } => {
                // What is left of it is canceled by the next look.
                heeding.unless_changed(cancel(clients, facts, *correlation_id)).await.unwrap_or(Ok(()))?;
            }
            Action::Nudge { correlation_id } => {
                if let Some(pulp) = clients.pulps.of(&facts.uid) {
                    let asked = heeding.unless_changed(pulp.purge_nothing(*correlation_id)).await;
                    asked.unwrap_or(Ok(())).map_err(ApplyError::Nudge)?;
                    tracing::info!(test = facts.name, "dispatched one more task to wake the workers up");
                }
            }
            Action::DeleteCreated { created_by, correlation_id, progress } => {
                if let Some(pulp) = clients.pulps.of(&facts.uid) {
                    let deleting = created::delete(&pulp, *created_by, *correlation_id, progress.clone());
                    // Where it is given up, the next look goes on from where this one began.
                    if let Ok(deleted) = heeding.unless_changed(deleting).await {
                        applied.cleanup = Some(deleted.map_err(ApplyError::DeleteCreated)?);
                    }
                }
            }
            Action::WriteReport { address, detail, report } => {
                match Box::pin(report::write(client, &clients.renderer, facts, address, detail, report)).await
                {
                    Ok(report) => applied.report = Some(report),
                    // Whoever took the name in mid-run must not keep the targets from being put back.
                    Err(ApplyError::NameTaken(taken)) => {
                        let message = format!("the report was not written: {taken}");
                        applied.warnings.push(Why::new(Reason::NameTaken, message));
                    }
                    Err(error) => return Err(error),
                }
            }
            Action::Restore => restore_all((client, &clients.key), facts).await?,
            Action::DeleteTest => delete_test(client, facts).await?,
        }
    }
    Ok(applied)
}

/// Scales a target as its claim says that it is scaled.
async fn scale(
    (client, key): (&Client, &TokenKey),
    claimant: &Claimant,
    target: &TargetName,
    replicas: u32,
) -> Result<(), ApplyError> {
    let claims = claim::held_by(client, key, &claimant.namespace, &claimant.test_uid).await?;
    let claim = claims.into_iter().find(|claim| claim.record.target == *target);
    let record = claim.ok_or_else(|| ClaimError::NotHeld(target.clone()))?.record;
    claim::scale(client, &claimant.namespace, &record, i32::try_from(replicas).unwrap_or(i32::MAX)).await?;
    tracing::info!(test = claimant.test, target = target.to_string(), replicas, "scaled");
    Ok(())
}

async fn cancel(clients: &ApplyClients, facts: &TestFacts, correlation_id: Uuid) -> Result<(), ApplyError> {
    let Some(pulp) = clients.pulps.of(&facts.uid) else {
        return Ok(());
    };
    let canceling = tokio::time::timeout(CANCELING_AT_ONCE, pulp.cancel_unfinished(correlation_id));
    if let Ok(canceled) = canceling.await {
        tracing::info!(test = facts.name, canceled = ?canceled?, "asked Pulp to cancel what is left");
    } else {
        tracing::info!(test = facts.name, "asked Pulp to cancel a part of what is left");
    }
    Ok(())
}

async fn start_generators(
    clients: &ApplyClients,
    test: &TestFacts,
    order: &GeneratorOrder,
) -> Result<(), ApplyError> {
    let tokens: Vec<String> =
        (0..order.generators).map(|index| clients.key.token(&order.address, index)).collect();
    let ingredients = CellIngredients { test, order, tokens: &tokens };
    let CellObjects { config_map, secret, job } = pods::cell_objects(&clients.generators, &ingredients)?;
    let client = &clients.client;
    owned_objects::apply(client, test, &config_map).await?;
    owned_objects::apply(client, test, &secret).await?;
    // Once, and not at every look until all are ready. Should the operator end in between, they go at the next start.
    if owned_objects::create_if_absent(client, test, &job).await? {
        generator_maps::delete_all_but(client, test, Some(&order.address)).await?;
    }
    Ok(())
}

/// Deletes a cell's Job and Secret, and then what is left of earlier cells: where a deletion was refused, the run went on
/// without it.
pub(crate) async fn delete_generators(
    client: &Client,
    facts: &TestFacts,
    address: &CellAddress,
) -> Result<(), RequestError> {
    let own = names::cell(&facts.name, address);
    owned_objects::remove::<Job>(client, facts, &own, DeleteParams::background()).await?;
    owned_objects::remove::<Secret>(client, facts, &own, DeleteParams::default()).await?;
    // A later cell's is another leader's by now.
    delete_jobs(client, facts, |cell| cell.is_some_and(|cell| cell < address.cell)).await
}

/// Deletes the Jobs and the Secrets of all of a test's cells, whatever its status says.
pub(crate) async fn delete_all_generators(client: &Client, facts: &TestFacts) -> Result<(), RequestError> {
    delete_jobs(client, facts, |_| true).await
}

/// Deletes the Jobs of cells, with the Secret of each. A Secret is named like its Job, by which it is found: nobody here
/// lists Secrets.
async fn delete_jobs(
    client: &Client,
    facts: &TestFacts,
    of_cell: impl Fn(Option<u32>) -> bool,
) -> Result<(), RequestError> {
    let jobs: Api<PartialObjectMeta<Job>> = Api::namespaced(client.clone(), &facts.namespace);
    let of_test = ListParams::default().labels(&format!("{TEST_UID_LABEL}={}", facts.uid));
    let mut jobs = pin!(pages::listed("list the test's Jobs", &jobs, of_test));
    while let Some(job) = jobs.try_next().await? {
        if of_cell(job.labels().get(CELL_LABEL).and_then(|cell| cell.parse().ok())) {
            let name = job.name_any();
            owned_objects::remove::<Secret>(client, facts, &name, DeleteParams::default()).await?;
            owned_objects::remove::<Job>(client, facts, &name, DeleteParams::background()).await?;
        }
    }
    Ok(())
}

/// Deletes the test itself, unless another one has taken its name.
async fn delete_test(client: &Client, facts: &TestFacts) -> Result<(), RequestError> {
    let tests: Api<ThroughputTest> = Api::namespaced(client.clone(), &facts.namespace);
    let this_one = Preconditions { uid: Some(facts.uid.clone()), resource_version: None };
    let params = DeleteParams { preconditions: Some(this_one), ..DeleteParams::background() };
    let deleted = within("delete the finished test", tests.delete(&facts.name, &params)).await;
    match absent(deleted) {
        Err(error) if error.is_conflict() => Ok(()),
        deleted => deleted,
    }
}

/// What is not there need not be deleted.
fn absent<T>(deleted: Result<T, RequestError>) -> Result<(), RequestError> {
    match deleted {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Puts everything back, and deletes what generators have stored.
pub(crate) async fn restore_all(
    (client, key): (&Client, &TokenKey),
    facts: &TestFacts,
) -> Result<(), ApplyError> {
    let claims = claim::held_by(client, key, &facts.namespace, &facts.uid).await?;
    let errors = claim::restore_all(client, &facts.namespace, &claims).await;
    if let Some(error) = errors.into_iter().next() {
        return Err(error.into());
    }
    // They belong to the test and go with it: what is left of them keeps nobody from anything.
    if let Err(error) = generator_maps::delete_all_but(client, facts, None).await {
        tracing::warn!(test = facts.name, %error, "what generators stored was not deleted");
    }
    Ok(())
}

/// Puts our finalizer on the test, or takes it off.
pub async fn set_finalizer(client: &Client, facts: &TestFacts, wanted: bool) -> Result<(), RequestError> {
    // No more is read than can always be read.
    let tests: Api<Known> = Api::namespaced(client.clone(), &facts.namespace);
    let Some(test) = within("read the test", tests.get_opt(&facts.name)).await? else {
        return Ok(());
    };
    let mut finalizers: Vec<String> = test.finalizers().to_vec();
    finalizers.retain(|finalizer| finalizer != RESTORE_FINALIZER);
    if wanted {
        finalizers.push(RESTORE_FINALIZER.to_owned());
    }
    if finalizers == test.finalizers() || test.uid().as_deref() != Some(&facts.uid) {
        return Ok(());
    }
    let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": test.resource_version()}});
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    within("set the finalizer", tests.patch(&facts.name, &params, &Patch::Merge(&patch))).await?;
    Ok(())
}
