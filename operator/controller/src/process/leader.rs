//! The leader Lease: never two operators at work.
//!
//! Who holds the Lease renews it well before it ends, and stops working by its own clocks before anybody else
//! may take it ([`Lead`]): a leader that cannot reach the API server does not lead.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::objects::deadline::{RequestError, within};
use crate::objects::lead::{self, Lead, Moment};

/// The Lease's name.
const NAME: &str = "throughput-operator";
/// How long a Lease holds after it was renewed.
const DURATION: Duration = Duration::from_secs(15);
/// How long it holds after an uninstallation: until Helm has deleted the operator, which waits for it.
const DURATION_AFTER_UNINSTALLING: Duration = Duration::from_secs(30);
/// How long a Lease holds at most, whatever is written in it.
const LONGEST_DURATION: Duration = Duration::from_mins(1);
/// How often it is renewed, or looked at.
const PERIOD: Duration = Duration::from_secs(3);
/// How often it is read again when it was changed between reading and writing.
const ATTEMPTS: u32 = 3;
/// How long a request may be under way that was sent in the last moment of a lead.
const ONE_REQUEST: Duration = Duration::from_secs(1);

/// A candidate for the lead.
#[derive(Clone, Debug)]
pub struct Candidate {
    leases: Api<Lease>,
    identity: String,
    /// How long its Lease holds after it was renewed.
    duration: Duration,
}

/// What a candidate saw of the Lease last, and when by its own clock: the clocks of two nodes need not agree.
#[derive(Clone, Debug, Default)]
struct Seen {
    renewed: Option<Timestamp>,
    holder: Option<String>,
    at: Option<Instant>,
}

impl Candidate {
    /// A candidate of this name. A restarted container of the same pod has the same name, and goes on at once.
    pub fn new(client: Client, namespace: &str, identity: String) -> Self {
        Self { leases: Api::namespaced(client, namespace), identity, duration: DURATION }
    }

    /// Takes the lead from whoever has it, and returns it with how long to wait until that one has stopped: it does so
    /// when it sees the Lease the next time, or by its own clocks when it does not see it.
    pub async fn take_over(&self) -> Result<(Lead, Duration), RequestError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let asked = Moment::now();
            match self.seize().await {
                // The other one has just renewed it.
                Err(error) if error.is_conflict() && attempt < ATTEMPTS => {}
                Err(error) => return Err(error),
                Ok(None) => return Ok((Lead::since(asked), Duration::ZERO)),
                Ok(Some(other)) => {
                    tracing::info!(identity = self.identity, other, "took the lead");
                    return Ok((Lead::since(asked), lead::LASTS + ONE_REQUEST));
                }
            }
        }
    }

    /// Keeps everybody else from the lead for a while, without doing anything with it.
    pub async fn hold_on(&self) -> Result<(), RequestError> {
        let longer = Self { duration: DURATION_AFTER_UNINSTALLING, ..self.clone() };
        longer.acquire(&mut Seen::default()).await.map(drop)
    }

    /// Writes itself into the Lease, and returns who else was there.
    async fn seize(&self) -> Result<Option<String>, RequestError> {
        let found = within("read the leader Lease", self.leases.get_opt(NAME)).await?;
        let holder = found.as_ref().and_then(|lease| holder(lease.spec.as_ref()));
        self.write(found).await?;
        Ok(holder.filter(|holder| *holder != self.identity))
    }

    /// Waits until it leads, or until told to stop (`None`).
    pub async fn lead(&self, stop: &CancellationToken) -> Option<Lead> {
        let mut seen = Seen::default();
        loop {
            let asked = Moment::now();
            match self.acquire(&mut seen).await {
                Ok(true) => {
                    tracing::info!(identity = self.identity, "leads");
                    return Some(Lead::since(asked));
                }
                Ok(false) => tracing::debug!(holder = ?seen.holder, "another operator leads"),
                Err(error) => tracing::warn!(%error, "cannot take the lead yet"),
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(PERIOD) => {}
            }
        }
    }

    /// Renews the Lease until told to stop, or until the lead is lost; then cancels `work`.
    pub async fn keep(&self, lead: &Lead, stop: &CancellationToken, work: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(PERIOD) => {}
            }
            let (asked, left) = (Moment::now(), lead.left());
            // One that has ended meanwhile is not asked for again.
            if !left.is_zero() {
                match tokio::time::timeout(left, self.acquire(&mut Seen::default())).await {
                    Ok(Ok(true)) => lead.renew(asked),
                    Ok(Ok(false)) => {
                        tracing::error!("another operator took the lead");
                        lead.end();
                        break;
                    }
                    Ok(Err(error)) => tracing::warn!(%error, "cannot renew the lead"),
                    Err(_) => tracing::warn!("no answer while renewing the lead"),
                }
            }
            if !lead.holds() {
                tracing::error!("the lead was not renewed in time");
                break;
            }
        }
        work.cancel();
    }

    /// Gives the Lease up, so that the next operator need not wait for its end.
    pub async fn give_up(&self) {
        if let Err(error) = self.write_empty().await {
            tracing::warn!(%error, "cannot give up the lead; it ends by itself");
        }
    }

    async fn write_empty(&self) -> Result<(), RequestError> {
        let Some(mut lease) = within("read the leader Lease", self.leases.get_opt(NAME)).await? else {
            return Ok(());
        };
        if let Some(spec) =
            lease.spec.as_mut().filter(|spec| spec.holder_identity.as_ref() == Some(&self.identity))
        {
            spec.holder_identity = None;
            within("give up the lead", self.leases.replace(NAME, &PostParams::default(), &lease)).await?;
        }
        Ok(())
    }

    /// Takes or renews the Lease, if nobody else holds it.
    async fn acquire(&self, seen: &mut Seen) -> Result<bool, RequestError> {
        // A conflict says that the Lease was changed after it was read, not by whom: whoever annotates it takes
        // nothing. So it is read again, and only another holder ends the lead.
        for _ in 1..ATTEMPTS {
            match self.try_acquire(seen).await {
                Err(error) if error.is_conflict() => {}
                tried => return tried,
            }
        }
        self.try_acquire(seen).await
    }

    async fn try_acquire(&self, seen: &mut Seen) -> Result<bool, RequestError> {
        let found = within("read the leader Lease", self.leases.get_opt(NAME)).await?;
        if found.as_ref().is_some_and(|lease| !self.may_take(lease.spec.as_ref(), seen)) {
            return Ok(false);
        }
        self.write(found).await?;
        Ok(true)
    }

    /// Writes itself into the Lease as it was found.
    async fn write(&self, found: Option<Lease>) -> Result<(), RequestError> {
        let params = PostParams::default();
        if let Some(mut lease) = found {
            lease.spec = Some(self.spec(lease.spec.as_ref()));
            within("renew the leader Lease", self.leases.replace(NAME, &params, &lease)).await?;
        } else {
            let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
            let lease = Lease { metadata, spec: Some(self.spec(None)) };
            within("create the leader Lease", self.leases.create(&params, &lease)).await?;
        }
        Ok(())
    }

    fn may_take(&self, spec: Option<&LeaseSpec>, seen: &mut Seen) -> bool {
        let holder = holder(spec);
        let renewed = spec.and_then(|spec| spec.renew_time.as_ref()).map(|time| time.0);
        if holder.is_none() || holder.as_ref() == Some(&self.identity) {
            return true;
        }
        if (&seen.holder, seen.renewed) != (&holder, renewed) {
            *seen = Seen { renewed, holder, at: Some(Instant::now()) };
        }
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or_default();
        let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        // Not renewed for its whole duration, counted from when we first saw it so.
        seen.at.is_some_and(|at| at.elapsed() > duration.clamp(DURATION, LONGEST_DURATION))
    }

    fn spec(&self, before: Option<&LeaseSpec>) -> LeaseSpec {
        let now = Timestamp::now();
        let same = before.filter(|before| before.holder_identity.as_ref() == Some(&self.identity));
        let transitions = before.and_then(|before| before.lease_transitions).unwrap_or_default();
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.duration.as_secs()).ok(),
            acquire_time: same.and_then(|same| same.acquire_time.clone()).or(Some(MicroTime(now))),
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(if same.is_some() { transitions } else { transitions.saturating_add(1) }),
            ..LeaseSpec::default()
        }
    }
}

/// Who holds a Lease.
fn holder(spec: Option<&LeaseSpec>) -> Option<String> {
    spec.and_then(|spec| spec.holder_identity.clone()).filter(|holder| !holder.is_empty())
}
