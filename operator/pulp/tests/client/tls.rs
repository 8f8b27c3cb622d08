//! Encrypted connections, and whose certificates are trusted. What is in `tls/` is for these tests alone: the
//! keys of both authorities are gone.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use throughput_model::failure::FailureClass;
use throughput_model::workload::{Authentication, PulpEndpoint};
use throughput_pulp::{ClientCertificate, ClientOptions, PulpClient, PulpError, SetupError, TaskFilter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const AUTHORITY: &[u8] = include_bytes!("tls/ca.crt");
const ANOTHER: &[u8] = include_bytes!("tls/other.crt");

/// A certificate of [`AUTHORITY`], which a server and a client may show alike, and its key.
const CERTIFICATE: &[u8] = include_bytes!("tls/server.crt");
const KEY: &[u8] = include_bytes!("tls/server.key");

/// A Pulp with seven tasks behind a certificate of [`AUTHORITY`]; answers its base URL.
async fn serve() -> String {
    serve_to(|_| WebPkiClientVerifier::no_client_auth()).await
}

/// The same, for whom this verifies.
async fn serve_to(clients: impl FnOnce(Arc<CryptoProvider>) -> Arc<dyn ClientCertVerifier>) -> String {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients(provider))
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust us ends the handshake, and the next one may.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let body = r#"{"count":7,"results":[]}"#;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    base_url
}

fn endpoint(base_url: &str) -> PulpEndpoint {
    PulpEndpoint {
        base_url: base_url.to_owned(),
        api_root: "/pulp/".to_owned(),
        domain: None,
        authentication: Authentication::None,
        username: None,
        verifies_certificate: true,
    }
}

fn trusting(base_url: &str, certificates: &[u8]) -> Result<PulpClient, SetupError> {
    let endpoint = endpoint(base_url);
    let options = ClientOptions { certificates: Some(certificates.to_vec()), ..ClientOptions::default() };
    PulpClient::new(&endpoint, None, options)
}

async fn counted(base_url: &str, certificates: &[u8]) -> Result<u64, PulpError> {
    trusting(base_url, certificates).unwrap().count_tasks(&TaskFilter::default()).await
}

#[tokio::test]
async fn a_certificate_of_the_authority_that_is_named_is_trusted_and_no_other() {
    let base_url = serve().await;
    assert_eq!(counted(&base_url, AUTHORITY).await, Ok(7));
    assert_eq!(counted(&base_url, &[ANOTHER, AUTHORITY].concat()).await, Ok(7), "one of a bundle is enough");
    let error = counted(&base_url, ANOTHER).await.unwrap_err();
    assert_eq!(error.failure_class(), FailureClass::Connect);
    assert!(error.to_string().to_lowercase().contains("certificate"), "the cause is told: {error}");
}

#[tokio::test]
async fn a_certificate_is_shown_to_who_asks_for_one() {
    let base_url = serve_to(|provider| {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(AUTHORITY).unwrap()).unwrap();
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap()
    })
    .await;
    let counted = async |shown: Option<ClientCertificate>| {
        let certificates = Some(AUTHORITY.to_vec());
        let options = ClientOptions { certificates, client_certificate: shown, ..ClientOptions::default() };
        let client = PulpClient::new(&endpoint(&base_url), None, options).unwrap();
        client.count_tasks(&TaskFilter::default()).await
    };
    assert_eq!(counted(Some(ClientCertificate::new(CERTIFICATE, KEY))).await, Ok(7));
    assert!(counted(None).await.is_err(), "without one there is no answer");
}

#[test]
fn what_is_no_certificate_is_not_shown_and_never_quoted() {
    for (certificate, key) in [(CERTIFICATE, &b"hunter2"[..]), (b"hunter2", KEY), (KEY, KEY)] {
        let shown = ClientCertificate::new(certificate, key);
        assert_eq!(format!("{shown:?}"), "ClientCertificate(redacted)");
        let options = ClientOptions { client_certificate: Some(shown), ..ClientOptions::default() };
        let refused = PulpClient::new(&endpoint("https://pulp"), None, options).map(drop).unwrap_err();
        assert!(matches!(refused, SetupError::ClientCertificate(_)), "{refused:?}");
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }
}

#[tokio::test]
async fn a_certificate_of_whomever_is_taken_only_where_none_is_verified() {
    let base_url = serve().await;
    let counted = async |verifies_certificate| {
        let endpoint = PulpEndpoint { verifies_certificate, ..endpoint(&base_url) };
        let client = PulpClient::new(&endpoint, None, ClientOptions::default()).unwrap();
        client.count_tasks(&TaskFilter::default()).await
    };
    assert_eq!(counted(false).await, Ok(7));
    assert_eq!(counted(true).await.unwrap_err().failure_class(), FailureClass::Connect);
}

#[test]
fn what_holds_no_certificate_is_refused() {
    for nothing in [&b""[..], b"no certificate"] {
        assert_eq!(trusting("https://pulp", nothing).map(drop), Err(SetupError::NoCertificate));
    }
    let broken = b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n";
    let refused = trusting("https://pulp", broken).map(drop);
    assert!(matches!(refused, Err(SetupError::Tls(_))), "{refused:?}");
}
