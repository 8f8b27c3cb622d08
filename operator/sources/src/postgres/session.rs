//! One connection, for questions that change nothing.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_postgres::{Client, Error, SimpleQueryMessage};
use tokio_util::task::AbortOnDropHandle;

use crate::error::SourceError;

use super::failure::failure;
use super::settings::Settings;
use super::stream::{Bounded, Budget};

/// How long it may take to connect: look up the name, TCP, encryption, authentication.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How long an answer may take; the server itself gives up a second before.
const ANSWER_DEADLINE: Duration = Duration::from_secs(6);
/// How long to wait for a goodbye.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);
/// The longest answer of usual questions, in bytes.
const LARGEST_ANSWER_BYTES: usize = 1 << 20;
/// The longest answer that has all statements, in bytes.
const LARGEST_LIST_BYTES: usize = 4 << 20;
/// The longest answer that is a number, in bytes.
const LARGEST_NUMBER_BYTES: usize = 64 << 10;
/// The mark in each statement of ours says to `pg_stat_statements` whose it is. The settings hold for one
/// transaction, and not for the session: behind a pooler, that may be another's next.
const BEGIN: &str = "BEGIN /* throughput-operator */ READ ONLY;
    SET /* throughput-operator */ LOCAL statement_timeout = '5s';
    SET /* throughput-operator */ LOCAL lock_timeout = '1s'";

/// An open connection. Dropping it closes it.
pub(super) struct Session {
    client: Client,
    /// None once it is given up.
    connection: Option<AbortOnDropHandle<Result<(), Error>>>,
    settings: Settings,
    budget: Budget,
}

impl Session {
    /// Connects.
    pub(super) async fn connect(settings: &Settings) -> Result<Self, SourceError> {
        let deadline = || {
            let seconds = CONNECT_DEADLINE.as_secs();
            SourceError::new("DeadlineExceeded", format!("connecting took longer than {seconds} s"))
        };
        timeout(CONNECT_DEADLINE, Self::open(settings)).await.map_err(|_| deadline())?
    }

    async fn open(settings: &Settings) -> Result<Self, SourceError> {
        let address = &settings.address;
        let unreachable = |error: std::io::Error| {
            SourceError::new("Unreachable", format!("cannot connect to {}: {error}", address.audiences()[1]))
        };
        let socket =
            TcpStream::connect((settings.lookup_name.as_str(), address.port)).await.map_err(unreachable)?;
        socket.set_nodelay(true).map_err(unreachable)?;
        let budget = Budget::default();
        budget.renew(LARGEST_ANSWER_BYTES);
        let stream = Bounded::new(socket, budget.clone());
        let connector = settings.encryption.to(&address.host)?;
        let (client, connection) =
            address.config.connect_raw(stream, connector).await.map_err(|error| failure(address, &error))?;
        let connection = Some(AbortOnDropHandle::new(tokio::spawn(connection)));
        Ok(Self { client, connection, settings: settings.clone(), budget })
    }

    /// Asks a question that has one answer, which is JSON.
    pub(super) async fn ask<T: DeserializeOwned>(&mut self, question: &str) -> Result<T, SourceError> {
        self.ask_within(LARGEST_ANSWER_BYTES, question).await
    }

    /// The same, of all statements.
    pub(super) async fn ask_for_all<T: DeserializeOwned>(
        &mut self,
        question: &str,
    ) -> Result<T, SourceError> {
        self.ask_within(LARGEST_LIST_BYTES, question).await
    }

    async fn ask_within<T: DeserializeOwned>(
        &mut self,
        most: usize,
        question: &str,
    ) -> Result<T, SourceError> {
        // The answer is held as the library has it, as a text, and as it was understood.
        let until = Instant::now() + ANSWER_DEADLINE;
        let room = self.settings.answers.take(most.saturating_mul(3), until).await;
        let _share = room.map_err(|no_room| SourceError::new("DeadlineExceeded", no_room.to_string()))?;
        let answer = self.text(&format!("{BEGIN}; {question}; COMMIT"), most).await;
        if answer.is_err() && self.is_open() && self.text("ROLLBACK", LARGEST_ANSWER_BYTES).await.is_err() {
            self.connection = None;
        }
        serde_json::from_str(&answer?)
            .map_err(|error| SourceError::new("UnexpectedAnswer", format!("not what was asked for: {error}")))
    }

    /// The least that a session can be used for. It is not quite `SELECT 1`, which others ask too: theirs shall count.
    pub(super) async fn use_once(&mut self) -> Result<(), SourceError> {
        self.text("SELECT /* throughput-operator */ 1, 1", LARGEST_NUMBER_BYTES).await.map(|_| ())
    }

    /// Whether it is still open.
    pub(super) fn is_open(&self) -> bool {
        self.connection.is_some() && !self.client.is_closed()
    }

    /// Says goodbye.
    pub(super) async fn close(self) {
        let Self { client, connection, settings: _, budget: _ } = self;
        drop(client);
        if let Some(connection) = connection {
            // Whether the server heard it does not matter: the connection goes either way.
            let _ = timeout(CLOSE_DEADLINE, connection).await;
        }
    }

    /// The last text of the first column that an answer has.
    async fn text(&mut self, statements: &str, most: usize) -> Result<String, SourceError> {
        self.budget.renew(most);
        match timeout(ANSWER_DEADLINE, self.client.simple_query(statements)).await {
            Ok(Ok(messages)) => Ok(messages.iter().rev().find_map(text).unwrap_or_default().to_owned()),
            Ok(Err(error)) if error.is_closed() => Err(self.last_words(&error).await),
            Ok(Err(error)) => Err(failure(&self.settings.address, &error)),
            Err(_) => {
                self.connection = None;
                let seconds = ANSWER_DEADLINE.as_secs();
                Err(SourceError::new("DeadlineExceeded", format!("an answer took longer than {seconds} s")))
            }
        }
    }

    /// Why the connection is closed: its own task knows.
    async fn last_words(&mut self, closed: &Error) -> SourceError {
        let address = &self.settings.address;
        let Some(connection) = self.connection.take() else {
            return failure(address, closed);
        };
        match timeout(CLOSE_DEADLINE, connection).await {
            Ok(Ok(Err(error))) => SourceError::new("ConnectionLost", failure(address, &error).message),
            Ok(Ok(Ok(())) | Err(_)) | Err(_) => failure(address, closed),
        }
    }
}

fn text(message: &SimpleQueryMessage) -> Option<&str> {
    match message {
        SimpleQueryMessage::Row(row) => row.try_get(0).ok().flatten(),
        _ => None,
    }
}
