//! A PostgreSQL database, seen by one light connection that changes nothing, and by new connections whose time is taken.
//!
//! Each question is a transaction of its own that reads only and has time-outs; nothing is set for a session, so that
//! behind a pooler nobody else is affected. With `pg_monitor` all is seen; with less, what remains.

mod address;
mod extension;
mod facts;
mod failure;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod locks;
mod look;
mod memory;
mod metrics;
mod probe;
mod query_text;
mod session;
mod settings;
mod statements;
mod stream;
mod tls;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use throughput_crds::ObservePostgres;

use crate::access::Access;
use crate::error::SourceError;
use crate::recording::Recording;
use crate::source::{Settled, Source, Window};

use extension::Extension;
use facts::ServerFacts;
use locks::Blocked;
use look::Look;
use memory::Memory;
pub(crate) use metrics::metrics;
use session::Session;
pub use settings::Settings;
use statements::Statements;

/// The source's name.
pub(crate) const NAME: &str = "postgres";
/// How long the content of a Secret is used: one that is changed or withdrawn counts after this.
const SETTINGS_HOLD: Duration = Duration::from_mins(1);
/// How often the end of a window is asked for again when nobody answers, and after how long.
const MOST_ENDS: u32 = 3;
const NEXT_END: Duration = Duration::from_secs(10);

/// The source.
pub struct Postgres {
    statements: usize,
    has_probe: bool,
    origin: Origin,
    settings: Option<(Settings, Instant)>,
    session: Option<Session>,
    facts: Option<ServerFacts>,
    memory: Memory,
    /// All of what statements had cost at the start, where this operator saw it.
    start: Option<Statements>,
    ends: u32,
}

/// Where the settings come from.
enum Origin {
    Named(Box<(ObservePostgres, Access)>),
    Given(Box<Settings>),
}

impl Postgres {
    /// The database whose connection string the spec names.
    pub fn new(spec: &ObservePostgres, access: &Access) -> Self {
        Self::at(spec, Origin::Named(Box::new((spec.clone(), access.clone()))))
    }

    /// A database that is reached by these settings, whatever the spec says of Secrets and certificates.
    pub fn with_settings(spec: &ObservePostgres, settings: Settings) -> Self {
        Self::at(spec, Origin::Given(Box::new(settings)))
    }

    fn at(spec: &ObservePostgres, origin: Origin) -> Self {
        let ObservePostgres { secret_ref: _, ca_bundle: _, statements, connection_probe } = spec;
        Self {
            statements: usize::try_from(*statements).unwrap_or_default(),
            has_probe: *connection_probe,
            origin,
            settings: None,
            session: None,
            facts: None,
            memory: Memory::default(),
            start: None,
            ends: 0,
        }
    }

    async fn first_look(&mut self, recording: &mut Recording) -> Result<(), SourceError> {
        self.memory = Memory::load(recording);
        let session = self.take_session(recording).await?;
        self.keep(session);
        Ok(())
    }

    async fn one_look(&mut self, recording: &mut Recording) -> Result<(), SourceError> {
        let settings = self.current_settings().await?;
        if self.has_probe {
            let attempt = probe::connect_once(&settings).await;
            self.memory.connect_times.note(attempt, Timestamp::now(), recording);
        }
        let seen = self.see(recording).await;
        self.memory.store(recording);
        seen
    }

    async fn see(&mut self, recording: &mut Recording) -> Result<(), SourceError> {
        let mut session = self.take_session(recording).await?;
        let look: Look = session.ask(&look::question()).await?;
        let at = Timestamp::now();
        let (version, usable) =
            self.facts.as_ref().map_or((0, 0.0), |facts| (facts.version_number, facts.usable_connections));
        look.note(usable, &mut self.memory.subjects, at, recording);
        self.note_start(&look.started_at, recording);
        let blocked = if look.may_have_blocked() {
            session.ask(&locks::question(version)).await?
        } else {
            Blocked::NOBODY
        };
        self.memory.lock_waits.note(&blocked, at, recording);
        self.keep(session);
        Ok(())
    }

    /// Asks for the cost of statements. All else is known from the looks.
    async fn end(&mut self, recording: &mut Recording) -> Result<(), SourceError> {
        let start = self.start.clone().or_else(|| self.memory.statements.clone());
        let mut session = self.take_session(recording).await?;
        if let Some(extension) = self.extension() {
            match start {
                Some(start) => self.compare(&mut session, &extension, &start, recording).await?,
                None if recording.fact(extension::NAME) != Some(NOT_LOADED) => {
                    let message = "what statements had cost before the window is not known";
                    recording.fall_short(&statements::doubt("StatementsUnknown", message), Timestamp::now());
                }
                None => {}
            }
        }
        session.close().await;
        Ok(())
    }

    async fn compare(
        &mut self,
        session: &mut Session,
        extension: &Extension,
        start: &Statements,
        recording: &mut Recording,
    ) -> Result<(), SourceError> {
        let end: statements::Answer = session.ask_for_all(&statements::question(extension, true)).await?;
        let end = Statements::from(end);
        end.note_doubts(start, Timestamp::now(), recording);
        let spent = end.since(start);
        let tops = statements::top(&spent, self.statements);
        let ids: Vec<i64> = tops.iter().flatten().map(|spent| spent.id).collect();
        let texts: BTreeMap<String, String> = if ids.is_empty() {
            BTreeMap::new()
        } else {
            session.ask(&statements::texts_question(extension, &ids)).await?
        };
        statements::note(&spent, &tops, &texts, recording);
        Ok(())
    }

    /// The open connection, or a new one, of whose server the facts are noted.
    async fn take_session(&mut self, recording: &mut Recording) -> Result<Session, SourceError> {
        let settings = self.current_settings().await?;
        if let Some(session) = self.session.take().filter(Session::is_open) {
            return Ok(session);
        }
        let mut session = match Session::connect(&settings).await {
            Ok(session) => session,
            Err(error) => {
                // Perhaps the Secret says something else by now.
                self.settings = None;
                return Err(error);
            }
        };
        let facts: ServerFacts = session.ask(&facts::question()).await?;
        facts.note(recording);
        self.note_start(&facts.started_at, recording);
        if recording.fact(DATABASE_BYTES).is_none() {
            match session.ask::<u64>(facts::SIZE_QUESTION).await {
                Ok(bytes) => recording.set_fact(DATABASE_BYTES, &bytes.to_string()),
                Err(error) => recording.fall_short(&error.of_no_figure(), Timestamp::now()),
            }
        }
        self.facts = Some(facts);
        self.note_statements(&mut session, recording).await;
        Ok(session)
    }

    /// Notes the cost of statements before the window, once.
    async fn note_statements(&mut self, session: &mut Session, recording: &mut Recording) {
        let Some(extension) =
            self.extension().filter(|_| self.start.is_none() && self.memory.statements.is_none())
        else {
            return;
        };
        match session.ask_for_all::<statements::Answer>(&statements::question(&extension, false)).await {
            Ok(answer) => {
                let start = Statements::from(answer);
                self.memory.statements = Some(start.remembered());
                self.start = Some(start);
                self.memory.store(recording);
            }
            Err(error) if error.reason == failure::NOT_LOADED => {
                recording.set_fact(extension::NAME, NOT_LOADED);
            }
            Err(error) => recording.fall_short(&error.only_of([statements::METRIC]), Timestamp::now()),
        }
    }

    fn extension(&self) -> Option<Extension> {
        let facts = self.facts.as_ref().filter(|_| self.statements > 0)?;
        facts.statements.clone()
    }

    /// Notes that the server was started again, where it was.
    fn note_start(&mut self, started_at: &str, recording: &mut Recording) {
        let before = self.memory.server_started_at.replace(started_at.to_owned());
        if before.is_some_and(|before| before != started_at) {
            let message = format!("the server was started again at {started_at}");
            recording.fall_short(&SourceError::new("ServerRestarted", message), Timestamp::now());
        }
    }

    fn keep(&mut self, session: Session) {
        self.session = Some(session).filter(Session::is_open);
    }

    async fn current_settings(&mut self) -> Result<Settings, SourceError> {
        if let Some((settings, read_at)) = &self.settings
            && read_at.elapsed() < SETTINGS_HOLD
        {
            return Ok(settings.clone());
        }
        let settings = match &self.origin {
            Origin::Named(named) => Settings::read(&named.0, &named.1).await?,
            Origin::Given(settings) => (**settings).clone(),
        };
        self.settings = Some((settings.clone(), Instant::now()));
        Ok(settings)
    }
}

/// The fact that says how large the database is.
const DATABASE_BYTES: &str = "databaseBytes";
/// The fact about an extension that the server was not started with.
const NOT_LOADED: &str = "not loaded: it has to be in shared_preload_libraries";

impl Source for Postgres {
    fn name(&self) -> &'static str {
        NAME
    }

    fn begin<'a>(&'a mut self, recording: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
        self.first_look(recording).boxed()
    }

    fn look<'a>(&'a mut self, recording: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
        self.one_look(recording).boxed()
    }

    fn settle<'a>(
        &'a mut self,
        _window: Window,
        recording: &'a mut Recording,
    ) -> BoxFuture<'a, Result<Settled, SourceError>> {
        async move {
            self.ends += 1;
            let ended = self.end(recording).await.map_err(|error| error.only_of([statements::METRIC]));
            match ended {
                Ok(()) => Ok(Settled::Complete),
                Err(error) if self.ends >= MOST_ENDS => Err(error),
                Err(error) => {
                    recording.fall_short(&error, Timestamp::now());
                    Ok(Settled::Again(NEXT_END))
                }
            }
        }
        .boxed()
    }
}
