//! A login that all requests share.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use tokio::sync::Mutex;

use crate::error::PulpError;

/// The longest cookie that is kept, in bytes: what browsers allow.
const LONGEST_COOKIE: usize = 4096;

/// What Pulp gave at the login. Its `Debug` text holds none of it.
pub(crate) struct Session {
    /// The `Cookie` header.
    pub(crate) cookies: HeaderValue,
    /// The `X-CSRFToken` header.
    pub(crate) csrf_token: HeaderValue,
    /// The two values, to keep them out of what is quoted.
    pub(crate) secrets: [String; 2],
    /// Whether a request with it was ever accepted.
    accepted: AtomicBool,
}

impl Session {
    /// Finds the session in the headers of the answer to the login.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, PulpError> {
        let session_id = cookie(headers, "sessionid")?;
        let csrf_token = cookie(headers, "csrftoken")?;
        Ok(Self {
            cookies: sensitive(&format!("sessionid={session_id}; csrftoken={csrf_token}"))?,
            csrf_token: sensitive(&csrf_token)?,
            secrets: [session_id, csrf_token],
            accepted: AtomicBool::new(false),
        })
    }

    /// Notes that a request with it was accepted.
    pub(crate) fn note_accepted(&self) {
        self.accepted.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Session(redacted)")
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Result<String, PulpError> {
    headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .filter_map(|header| header.split(';').next()?.trim().split_once('='))
        .find(|(found, value)| *found == name && !value.is_empty() && value.len() <= LONGEST_COOKIE)
        .map(|(_, value)| value.to_owned())
        .ok_or_else(|| PulpError::UnexpectedAnswer(format!("the login gave no cookie {name}")))
}

fn sensitive(text: &str) -> Result<HeaderValue, PulpError> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| PulpError::UnexpectedAnswer("the login gave a cookie that cannot be sent".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The one session of a client: callers that come while somebody logs in wait for that login, and share its
/// outcome, good or bad.
#[derive(Debug, Default)]
pub(crate) struct SharedSession {
    state: Mutex<State>,
    /// Logins that have ended, to tell whether one ended while a caller waited.
    logins: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    session: Option<Arc<Session>>,
    failure: Option<PulpError>,
}

impl SharedSession {
    /// The session; logs in when there is none.
    pub(crate) async fn get<F>(&self, login: impl FnOnce() -> F) -> Result<Arc<Session>, PulpError>
    where
        F: Future<Output = Result<Session, PulpError>>,
    {
        let logins = self.logins.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if let Some(session) = &state.session {
            return Ok(Arc::clone(session));
        }
        match &state.failure {
            Some(failure) if self.logins.load(Ordering::Acquire) != logins => Err(failure.clone()),
            _ => self.log_in(&mut state, login).await,
        }
    }

    /// A session that may do better than the one that was refused: one that somebody got in the meantime, or
    /// a new one. `None` when the refused one is as new as a session can be, so that a lack of rights does
    /// not lead to a login with each request.
    pub(crate) async fn renew<F>(
        &self,
        refused: &Arc<Session>,
        login: impl FnOnce() -> F,
    ) -> Result<Option<Arc<Session>>, PulpError>
    where
        F: Future<Output = Result<Session, PulpError>>,
    {
        let mut state = self.state.lock().await;
        match &state.session {
            Some(session) if !Arc::ptr_eq(session, refused) => return Ok(Some(Arc::clone(session))),
            Some(_) if !refused.accepted.load(Ordering::Relaxed) => return Ok(None),
            Some(_) | None => {}
        }
        state.session = None;
        self.log_in(&mut state, login).await.map(Some)
    }

    async fn log_in<F>(&self, state: &mut State, login: impl FnOnce() -> F) -> Result<Arc<Session>, PulpError>
    where
        F: Future<Output = Result<Session, PulpError>>,
    {
        let outcome = login().await.map(Arc::new);
        state.session = outcome.as_ref().ok().cloned();
        state.failure = outcome.as_ref().err().cloned();
        self.logins.fetch_add(1, Ordering::AcqRel);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use throughput_model::failure::Phase;

    use super::*;

    fn headers(cookies: &[&'static str]) -> HeaderMap {
        cookies.iter().map(|cookie| (SET_COOKIE, HeaderValue::from_static(cookie))).collect()
    }

    fn session() -> Session {
        let headers = headers(&["csrftoken=abc; Path=/; SameSite=Lax", "sessionid=def; HttpOnly"]);
        Session::from_headers(&headers).unwrap()
    }

    #[test]
    fn both_cookies_are_found_and_hidden() {
        let session = session();
        assert_eq!(session.cookies, "sessionid=def; csrftoken=abc");
        assert_eq!(session.csrf_token, "abc");
        assert_eq!(format!("{session:?} {:?}", session.cookies), "Session(redacted) Sensitive");
    }

    #[test]
    fn a_login_without_both_cookies_is_no_login() {
        for cookies in [&["sessionid=a"][..], &["csrftoken=a"], &["sessionid=; x", "csrftoken=a"], &[]] {
            assert!(Session::from_headers(&headers(cookies)).is_err(), "{cookies:?}");
        }
    }

    #[tokio::test]
    async fn callers_that_wait_for_a_failing_login_share_its_failure() {
        let shared = SharedSession::default();
        let logins = AtomicU64::new(0);
        let failing = || async {
            logins.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Err(PulpError::Reset { said: "gone".to_owned(), phase: Phase::AwaitAnswer })
        };
        let outcomes = futures::future::join_all((0..10).map(|_| shared.get(failing))).await;
        assert!(outcomes.iter().all(Result::is_err));
        assert_eq!(logins.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_new_session_that_was_refused_at_once_is_not_renewed() {
        let shared = SharedSession::default();
        let login = || async { Ok(session()) };
        let first = shared.get(login).await.unwrap();
        assert!(shared.renew(&first, login).await.unwrap().is_none());
        first.note_accepted();
        let second = shared.renew(&first, login).await.unwrap().unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        let third = shared.renew(&first, login).await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&second, &third), "two that were refused share one renewal");
    }
}
