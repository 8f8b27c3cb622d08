//! Clients that are disturbed in the middle of their work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kube::Client;
use kube::client::Body;

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
    let meanwhile = Arc::new(std::sync::Mutex::new(Some(meanwhile)));
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
