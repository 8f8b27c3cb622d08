//! Clients that are disturbed in the middle of their work.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use kube::Client;
use kube::client::Body;
use tokio::sync::Semaphore;

/// What happens to the request at which a client is cut off, as a program is that gets killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It never reaches the API server.
    BeforeTheRequest,
    /// The API server carries it out, and nobody hears of it.
    BeforeTheAnswer,
}

/// A client whose request number `last` (from 1) fails, and each after it.
pub fn cut_off(client: &Client, last: u32, cut: Cut) -> Client {
    let (through, count) = (client.clone(), Arc::new(AtomicU32::new(0)));
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (through, number) = (through.clone(), count.fetch_add(1, Ordering::Relaxed) + 1);
        async move {
            if number < last {
                return through.send(request).await.map_err(Into::into);
            }
            if number == last && cut == Cut::BeforeTheAnswer {
                through.send(request).await?;
            }
            Err::<http::Response<Body>, Box<dyn std::error::Error + Send + Sync>>("cut off".into())
        }
    });
    Client::new(service, client.default_namespace())
}

/// A client that hears the answer to its request number `number` (from 1) only after something else was done.
pub fn overtaken<F>(client: &Client, number: u32, meanwhile: impl FnOnce() -> F + Send + 'static) -> Client
where
    F: Future<Output = ()> + Send + 'static,
{
    let (through, count) = (client.clone(), Arc::new(AtomicU32::new(0)));
    let meanwhile = Arc::new(Mutex::new(Some(meanwhile)));
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let is_it = count.fetch_add(1, Ordering::Relaxed) + 1 == number;
        let meanwhile = if is_it { meanwhile.lock().unwrap().take() } else { None };
        let through = through.clone();
        async move {
            let answer = through.send(request).await;
            if let Some(meanwhile) = meanwhile {
                meanwhile().await;
            }
            answer
        }
    });
    Client::new(service, client.default_namespace())
}

/// Whether a request is the one that is meant.
type Chooses = dyn Fn(&http::Request<Body>) -> bool + Send + Sync;

/// A request whose answer is held back.
#[derive(Clone)]
pub struct Held {
    is_it: Arc<Chooses>,
    was_it: Arc<AtomicBool>,
    reached: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

/// Holds back the answer to the first request that is such a one. The API server carries it out.
pub fn held(is_it: impl Fn(&http::Request<Body>) -> bool + Send + Sync + 'static) -> Held {
    let [reached, released] = [(); 2].map(|()| Arc::new(Semaphore::new(0)));
    Held { is_it: Arc::new(is_it), was_it: Arc::default(), reached, released }
}

impl Held {
    /// A client whose request it is.
    pub fn client(&self, client: &Client) -> Client {
        let (through, held) = (client.clone(), self.clone());
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let is_it = (held.is_it)(&request) && !held.was_it.swap(true, Ordering::Relaxed);
            let (through, held) = (through.clone(), held.clone());
            async move {
                let answer = through.send(request).await;
                if is_it {
                    held.reached.add_permits(1);
                    held.released.acquire().await.unwrap().forget();
                }
                answer
            }
        });
        Client::new(service, client.default_namespace())
    }

    /// Waits until the API server has answered it.
    pub async fn reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    /// Lets the answer through.
    pub fn release(&self) {
        self.released.add_permits(1);
    }
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instead {
    /// Whoever awaits its answer panics.
    Panic,
    /// It is answered by this status and body, and never reaches the API server.
    Answer(u16, String),
}

/// A client to whose requests of this kind something else happens.
pub fn disturbed(
    client: &Client,
    is_it: impl Fn(&http::Request<Body>) -> bool + Send + Sync + 'static,
    instead: Instead,
) -> Client {
    let (through, is_it) = (client.clone(), Arc::new(is_it));
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (through, is_it, instead) = (through.clone(), is_it(&request), instead.clone());
        async move {
            match instead {
                _ if !is_it => through.send(request).await,
                Instead::Panic => panic!("a look that breaks off, as a test wants it"),
                Instead::Answer(status, body) => {
                    let answer = http::Response::builder().status(status);
                    let answer = answer.header("content-type", "application/json");
                    Ok(answer.body(Body::from(body.into_bytes())).unwrap())
                }
            }
        }
    });
    Client::new(service, client.default_namespace())
}

/// What a client has asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// What is behind the path.
    pub query: String,
    /// The kinds of answer that it takes.
    pub accept: String,
}

/// A client, and all that it asks.
pub fn recorded(client: &Client) -> (Client, Arc<Mutex<Vec<Request>>>) {
    let (through, requests) = (client.clone(), Arc::new(Mutex::new(Vec::new())));
    let record = requests.clone();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let accept = request.headers().get(http::header::ACCEPT).and_then(|accept| accept.to_str().ok());
        record.lock().unwrap().push(Request {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            accept: accept.unwrap_or_default().to_owned(),
        });
        let through = through.clone();
        async move { through.send(request).await }
    });
    (Client::new(service, client.default_namespace()), requests)
}
