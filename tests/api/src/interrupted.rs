//! Clients that are cut off in the middle of their work, as a program is that gets killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kube::Client;
use kube::client::Body;

/// What happens to the request at which a client is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It never reaches the API server.
    BeforeTheRequest,
    /// The API server carries it out, and nobody hears of it.
    BeforeTheAnswer,
}

/// A client whose request number `last` (from 1), and each after it, fails.
pub fn client(client: &Client, last: u32, cut: Cut) -> Client {
    let requests = Arc::new(AtomicU32::new(0));
    let through = client.clone();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let number = requests.fetch_add(1, Ordering::Relaxed) + 1;
        let through = through.clone();
        async move {
            if number < last || (number == last && cut == Cut::BeforeTheAnswer) {
                let answer = through.send(request).await;
                if number < last {
                    return answer.map_err(Into::into);
                }
            }
            Err::<http::Response<Body>, Box<dyn std::error::Error + Send + Sync>>("cut off".into())
        }
    });
    Client::new(service, client.default_namespace())
}
