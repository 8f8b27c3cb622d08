//! Servers on loopback, and clients for them.

use axum::Router;
use throughput_model::workload::{Authentication, PulpEndpoint};
use throughput_pulp::{ClientOptions, Credentials, PulpClient};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The password of all tests: no error may hold it.
pub(crate) const PASSWORD: &str = "correct horse";

/// Serves an application until the test ends; answers its base URL.
pub(crate) async fn serve(application: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, application).await });
    base_url
}

/// Serves each connection with a function that may do with it what no sane server does, once a request's
/// head has come.
pub(crate) async fn serve_raw<F>(answer: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            tokio::spawn(answer(stream));
        }
    });
    base_url
}

/// Writes as long as the other side takes it.
pub(crate) async fn write(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).await.is_ok()
}

/// A client with half a minute for each request.
pub(crate) fn client(base_url: &str, authentication: Authentication) -> PulpClient {
    client_in(base_url, None, authentication)
}

/// The same, for a domain.
pub(crate) fn client_in(base_url: &str, domain: Option<&str>, authentication: Authentication) -> PulpClient {
    client_with(base_url, domain, authentication, ClientOptions::default())
}

/// The same, with options of its own.
pub(crate) fn client_with(
    base_url: &str,
    domain: Option<&str>,
    authentication: Authentication,
    options: ClientOptions,
) -> PulpClient {
    let credentials = Credentials::Password { username: "admin".to_owned(), password: PASSWORD.to_owned() };
    let credentials = match &authentication {
        Authentication::Header { .. } => Credentials::Header { value: PASSWORD.to_owned() },
        Authentication::Bearer => Credentials::Token { token: PASSWORD.to_owned() },
        Authentication::Session | Authentication::Basic | Authentication::None => credentials,
    };
    let endpoint = PulpEndpoint {
        base_url: base_url.to_owned(),
        api_root: "/pulp/".to_owned(),
        domain: domain.map(ToOwned::to_owned),
        authentication,
        username: None,
        verifies_certificate: true,
    };
    PulpClient::new(&endpoint, Some(credentials), options).unwrap()
}
