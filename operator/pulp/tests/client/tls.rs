//! Encrypted connections, and whose certificates are trusted. What is in `tls/` is for these tests alone: the
//! keys of both authorities are gone.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use throughput_model::failure::FailureClass;
use throughput_model::workload::{Authentication, PulpEndpoint};
use throughput_pulp::{ClientOptions, PulpClient, PulpError, SetupError, TaskFilter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const AUTHORITY: &[u8] = include_bytes!("tls/ca.crt");
const ANOTHER: &[u8] = include_bytes!("tls/other.crt");

/// A Pulp with seven tasks behind a certificate of [`AUTHORITY`]; answers its base URL.
async fn serve() -> String {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
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

fn trusting(base_url: &str, certificates: &[u8]) -> Result<PulpClient, SetupError> {
    let endpoint = PulpEndpoint {
        base_url: base_url.to_owned(),
        api_root: "/pulp/".to_owned(),
        domain: None,
        authentication: Authentication::None,
    };
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

#[test]
fn what_holds_no_certificate_is_refused() {
    for nothing in [&b""[..], b"no certificate"] {
        assert_eq!(trusting("https://pulp", nothing).map(drop), Err(SetupError::NoCertificate));
    }
    let broken = b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n";
    let refused = trusting("https://pulp", broken).map(drop);
    assert!(matches!(refused, Err(SetupError::Tls(_))), "{refused:?}");
}
