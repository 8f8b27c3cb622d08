//! A header that says who asks.

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use throughput_model::failure::FailureClass;
use throughput_model::workload::{Authentication, PulpEndpoint};
use throughput_pulp::{ClientOptions, Credentials, PulpClient, SetupError, TaskFilter};

use crate::server::{PASSWORD, client, serve};

fn identity() -> Authentication {
    Authentication::Header { name: "x-rh-identity".to_owned() }
}

#[tokio::test]
async fn the_header_is_sent_with_each_request_and_nothing_else_is() {
    let tasks = |headers: HeaderMap| async move {
        let sent = headers.get("x-rh-identity").and_then(|value| value.to_str().ok());
        let others =
            ["authorization", "cookie", "x-csrftoken"].iter().any(|name| headers.contains_key(*name));
        if sent == Some(PASSWORD) && !others {
            Ok(r#"{"count":7,"results":[]}"#)
        } else {
            Err(StatusCode::FORBIDDEN)
        }
    };
    let client = client(&serve(Router::new().route("/pulp/api/v3/tasks/", get(tasks))).await, identity());
    assert_eq!(client.log_in().await, Ok(()), "there is no login");
    for _ in 0..2 {
        assert_eq!(client.count_tasks(&TaskFilter::default()).await, Ok(7));
    }
}

#[tokio::test]
async fn a_token_is_sent_as_bearer_with_each_request_and_never_quoted() {
    let tasks = |headers: HeaderMap| async move {
        let sent = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or("nothing");
        let expected = format!("Bearer {PASSWORD}");
        if sent == expected && !headers.contains_key("cookie") {
            (StatusCode::BAD_REQUEST, format!("you sent {sent}"))
        } else {
            (StatusCode::FORBIDDEN, String::new())
        }
    };
    let router = Router::new().route("/pulp/api/v3/tasks/", get(tasks));
    let client = client(&serve(router).await, Authentication::Bearer);
    assert_eq!(client.log_in().await, Ok(()), "there is no login");
    let error = client.count_tasks(&TaskFilter::default()).await.unwrap_err();
    assert_eq!(error.failure_class(), FailureClass::ClientError, "{error}");
    assert!(!error.to_string().contains(PASSWORD), "{error}");
}

#[tokio::test]
async fn a_refused_header_is_refused_at_once() {
    let base_url = serve(Router::new().fallback(|| async { (StatusCode::FORBIDDEN, "no") })).await;
    let error = client(&base_url, identity()).count_tasks(&TaskFilter::default()).await.unwrap_err();
    assert_eq!(error.failure_class(), FailureClass::Unauthorized);
}

#[test]
fn credentials_of_another_kind_make_no_client() {
    let endpoint = |authentication| PulpEndpoint {
        base_url: "http://pulp".to_owned(),
        api_root: "/pulp/".to_owned(),
        domain: None,
        authentication,
        username: None,
        verifies_certificate: true,
    };
    let password = Credentials::Password { username: "admin".to_owned(), password: PASSWORD.to_owned() };
    let value = Credentials::Header { value: PASSWORD.to_owned() };
    for (authentication, credentials) in [
        (identity(), Some(password)),
        (identity(), None),
        (Authentication::Basic, Some(value.clone())),
        (Authentication::Session, Some(value.clone())),
        (Authentication::Bearer, Some(value)),
    ] {
        let made = PulpClient::new(&endpoint(authentication), credentials, ClientOptions::default());
        assert_eq!(made.map(drop), Err(SetupError::CredentialsMissing));
    }
}
