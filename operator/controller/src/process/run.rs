//! Wires everything together and runs it until it is told to stop.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::TryStreamExt;
use kube::Client;
use kube::runtime::events::{Recorder, Reporter};
use throughput_answers::Budget;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::apply::ApplyClients;
use crate::apply::report::PageRenderer;
use crate::cadence::backoff::Backoffs;
use crate::cadence::clock::TestClocks;
use crate::cadence::wishes::Wishes;
use crate::generators::api::{self, Collector};
use crate::generators::phase::GeneratorPhases;
use crate::generators::token::TokenKey;
use crate::generators::token_key::{self, KeyError};
use crate::metrics::Metrics;
use crate::objects::deadline::RequestError;
use crate::objects::lead::Lead;
use crate::observe::{ObserveClients, PulpClients};
use crate::process::health;
use crate::process::leader::Candidate;
use crate::process::serving::{self, Bounds};
use crate::process::uninstall;
use crate::process::watching;
use crate::reconcile::Context;
use crate::rescue::Rescued;
use crate::sampling::Samplers;
use crate::scaling::claim::{self, Unsigned};
use crate::scaling::orphans;
use crate::scaling::own_pods::OwnPods;
use crate::settings::{CommonFlags, RunFlags};

/// How long `restore` tries.
const RESTORE_DEADLINE: Duration = Duration::from_secs(100);

/// How many Leases that are no claims `restore` tells of by their names.
const MOST_TOLD: usize = 100;

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no API server to be reached by the environment or a kubeconfig.
    #[error("cannot find the API server: {0}")]
    Config(#[from] kube::config::InferConfigError),
    /// The client could not be made.
    #[error("cannot make a client of the API server: {0}")]
    Client(#[from] kube::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// No token key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The API server refused something that is needed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A target was not put back.
    #[error("{0} claims could not be restored")]
    NotRestored(usize),
    /// There are Leases that say what was before, and nobody can tell whether it is true.
    #[error(
        "{0} Leases say that they are claims, and this operator did not sign them: look at each, set the replicas that it names as they should be, and delete it (kubectl get leases --selector perf.pulpproject.org/claim=true)"
    )]
    NotSigned(usize),
    /// The lead was lost.
    #[error("the lead was lost; whoever has it goes on")]
    LeadLost,
}

/// A client of the API server that the environment names.
pub async fn client() -> Result<Client, RunError> {
    let config = kube::Config::infer().await?;
    Ok(Client::try_from(config)?)
}

/// Carries out tests until `stop` is cancelled or the lead is lost.
pub async fn run(client: Client, flags: &RunFlags, stop: CancellationToken) -> Result<(), RunError> {
    let (metrics, phases, work) = (Metrics::default(), GeneratorPhases::default(), CancellationToken::new());
    let probes = serve(flags.probes_listen, health::probes(metrics.clone()), Bounds::PROBES, &work)?;
    let told = health::metrics(metrics.clone(), phases.clone());
    let told = serve(flags.listen, told, Bounds::METRICS, &work)?;
    let candidate = Candidate::new(client.clone(), &flags.common.namespace, flags.common.pod_name.clone());
    let Some(lead) = candidate.lead(&stop).await else {
        return Ok(());
    };
    // All that follows changes something only while it leads.
    let client = lead.fenced(&client);
    let key = token_key::read_or_make(&client, &flags.common.namespace).await?;
    let own = OwnPods::read(&client, &flags.common.namespace, &flags.common.pod_name).await?;
    let namespaces = flags.common.namespaces();
    let collector = Collector {
        client: client.clone(),
        key: key.clone(),
        phases: phases.clone(),
        namespaces: namespaces.clone(),
    };
    let collector = serve(flags.collector_listen, api::router(collector), Bounds::COLLECTOR, &work)?;
    metrics.set_leader(true);
    let context = Arc::new(context(&client, flags, (&metrics, &phases), (&key, &own), &lead));
    let watched = namespaces.iter().map(|namespace| watching::watch(&client, namespace, &context, &work));
    tokio::join!(
        candidate.keep(&lead, &stop, &work),
        futures::future::join_all(watched),
        Box::pin(orphans::keep_restoring((&client, &key), &context.recorder, &namespaces, &work)),
        Box::pin(token_key::keep_stored(&client, &flags.common.namespace, &key, &work))
    );
    lead.end();
    metrics.set_leader(false);
    let lost = !stop.is_cancelled();
    if !lost {
        candidate.give_up().await;
    }
    for server in [probes, told, collector] {
        let _ = tokio::time::timeout(Duration::from_secs(5), server).await;
    }
    if lost { Err(RunError::LeadLost) } else { Ok(()) }
}

/// What reconciling needs.
fn context(
    client: &Client,
    flags: &RunFlags,
    (metrics, phases): (&Metrics, &GeneratorPhases),
    (key, own): (&TokenKey, &OwnPods),
    lead: &Lead,
) -> Context {
    // One for all that servers answer, whoever asks them.
    let answers = Budget::default();
    let (turns, queues) = (metrics.turns(), metrics.queues());
    let pulps = PulpClients::new(metrics.pulp_requests(), answers.clone(), turns.clone());
    let reporter = Reporter {
        controller: "throughput-operator".to_owned(),
        instance: Some(flags.common.pod_name.clone()),
    };
    Context {
        observe: ObserveClients {
            client: client.clone(),
            key: key.clone(),
            pulps: pulps.clone(),
            samplers: Samplers::new(client.clone(), flags.installation(), answers),
            own: own.clone(),
            generators: flags.generators(),
            queues: queues.clone(),
        },
        apply: ApplyClients {
            client: client.clone(),
            pulps,
            generators: flags.generators(),
            key: key.clone(),
            renderer: PageRenderer::default(),
            own: own.clone(),
        },
        permissions: flags.permissions(),
        recorder: Recorder::new(client.clone(), reporter),
        phases: phases.clone(),
        metrics: metrics.clone(),
        clocks: TestClocks::default(),
        queues: queues.clone(),
        backoffs: Backoffs::default(),
        rescued: Rescued::default(),
        turns,
        wishes: Wishes::default(),
        lead: lead.clone(),
        pace: flags.pace(),
    }
}

fn serve(
    address: SocketAddr,
    router: Router,
    bounds: Bounds,
    work: &CancellationToken,
) -> Result<JoinHandle<()>, RunError> {
    let listener = serving::listen(address).map_err(|source| RunError::Listen { address, source })?;
    tracing::info!(%address, "listens");
    let work = work.clone();
    Ok(tokio::spawn(async move {
        serving::serve(listener, router, bounds, work).await;
        tracing::info!(%address, "stopped listening");
    }))
}

/// Takes the lead, ends the runs of the watched namespaces, puts back everything that is claimed there, and lets go of the
/// tests whose claims are gone, so that they can be deleted when no operator is left.
///
/// The operator that leads meanwhile stops, and what it had begun changes nothing any more. Afterwards nobody leads for a
/// while, so that it claims nothing before it is deleted too. When something could not be put back, it goes on.
pub async fn restore(client: &Client, flags: &CommonFlags) -> Result<(), RunError> {
    let identity = format!("{}-restore", flags.pod_name);
    let candidate = Candidate::new(client.clone(), &flags.namespace, identity);
    let (lead, until_others_stopped) = candidate.take_over().await?;
    let (stop, work, changing) = (CancellationToken::new(), CancellationToken::new(), lead.fenced(client));
    let restoring = async {
        tokio::time::sleep(until_others_stopped).await;
        tokio::time::timeout(RESTORE_DEADLINE, Box::pin(restore_all(&changing, flags))).await
    };
    let restored = tokio::select! {
        restored = restoring => restored,
        () = candidate.keep(&lead, &stop, &work) => return Err(RunError::LeadLost),
    };
    let restored = match restored {
        Ok(Ok(())) => candidate.hold_on().await.map_err(RunError::from),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(RequestError::Deadline { what: "restore everything" }.into()),
    };
    lead.end();
    if restored.is_err() {
        candidate.give_up().await;
    }
    restored
}

/// Puts everything back, but for what is no claim of this operator's: that is told, and is somebody's to look at.
async fn restore_all(client: &Client, flags: &CommonFlags) -> Result<(), RunError> {
    let namespaces = flags.namespaces();
    let stored = token_key::read(client, &flags.namespace).await?;
    let has_key = stored.is_some();
    // One that is not stored has signed nothing, so that every claim there is counts as not signed.
    let key = stored.map_or_else(token_key::make, Ok)?;
    let unsigned = not_signed(client, &key, &namespaces).await?;
    if !has_key && unsigned > 0 {
        return Err(RunError::NotSigned(unsigned));
    }
    let mut left = 0;
    for namespace in &namespaces {
        let tests = uninstall::holding(client, &key, namespace).await?;
        uninstall::end_runs(client, &key, &tests).await?;
        let claims = claim::all_in(client, &key, namespace).await?;
        left += claim::restore_all(client, namespace, &claims).await.len();
        uninstall::tell_restored(client, &key, &tests).await?;
        let freed = uninstall::release(client, &key, &tests).await?;
        tracing::info!(namespace, freed, "tests that may be deleted now");
    }
    match (left, unsigned) {
        (0, 0) => Ok(()),
        (0, unsigned) => Err(RunError::NotSigned(unsigned)),
        (left, _) => Err(RunError::NotRestored(left)),
    }
}

/// How many Leases of these namespaces say that they are claims, and are not signed with the key. Each is told in the log.
async fn not_signed(client: &Client, key: &TokenKey, namespaces: &[String]) -> Result<usize, RequestError> {
    let mut count = 0;
    for namespace in namespaces {
        let mut unsigned = pin!(claim::unsigned(client, key, namespace));
        while let Some(Unsigned { lease, uid: _ }) = unsigned.try_next().await? {
            count += 1;
            if count <= MOST_TOLD {
                tracing::error!(
                    namespace,
                    lease,
                    "says that it is a claim, and this operator did not sign it"
                );
            }
        }
    }
    Ok(count)
}
