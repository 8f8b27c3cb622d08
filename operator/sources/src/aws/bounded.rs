//! AWS's own client of HTTP, whose answers have a bound and share the operator's budget: AWS's clients themselves read
//! whatever comes, and a test may name the endpoint.

use std::sync::Arc;

use aws_sdk_rds::config::http::{HttpRequest, HttpResponse};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use http_body_util::BodyExt;
use throughput_answers::{Budget, NoRoom, Share, weight};
use tokio::time::Instant;

use super::login::ATTEMPT_DEADLINE;

/// The longest answer that is read. The longest that AWS gives is a page of 100,800 points, or 10,000 lines.
const MOST_BYTES: usize = 8 << 20;
/// The most that an answer may take, as it came and as it was understood.
const MOST_WEIGHT: usize = 24 << 20;
/// The largest structures of CloudWatch, its logs and Performance Insights.
const OBJECT_BYTES: usize = 256;
/// So much of an answer is read before anything is taken of the budget: most answers end here. Whoever sends the beginning of
/// one and then nothing keeps no room from others.
const BEGINNING_BYTES: usize = 64 << 10;

/// Why an answer was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OutOfBounds {
    /// It is longer than it may be, in bytes.
    #[error("an answer of more than {0} bytes: ask for less")]
    TooLong(usize),
    /// It has so many parts that they would take more than it may, in bytes.
    #[error("an answer whose parts take more than {0} bytes: ask for less")]
    TooManyParts(usize),
    /// The others took all the room.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}

/// The client that AWS's own clients are to use.
pub(super) fn http_client(answers: &Budget) -> SharedHttpClient {
    let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
    SharedHttpClient::new(Bounded { client, answers: answers.clone() })
}

/// A client whose connectors are bounded.
#[derive(Debug)]
struct Bounded {
    client: SharedHttpClient,
    answers: Budget,
}

/// A connector whose answers are bounded.
#[derive(Debug)]
struct BoundedConnector {
    connector: SharedHttpConnector,
    answers: Budget,
}

impl HttpClient for Bounded {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.client.http_connector(settings, components);
        SharedHttpConnector::new(BoundedConnector { connector, answers: self.answers.clone() })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.client.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.client.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.client.connector_metadata()
    }
}

impl HttpConnector for BoundedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, answers) = (self.connector.call(request), self.answers.clone());
        HttpConnectorFuture::new(async move { bounded(answer.await?, &answers).await })
    }
}

/// The same answer, read to its end. It holds what it takes of the budget until it is understood.
async fn bounded(mut answer: HttpResponse, answers: &Budget) -> Result<HttpResponse, ConnectorError> {
    let (body, share) = read(answer.take_body(), answers).await?;
    *answer.body_mut() = SdkBody::from(body);
    answer.add_extension(Arc::new(share));
    Ok(answer)
}

async fn read(mut body: SdkBody, answers: &Budget) -> Result<(Vec<u8>, Share), ConnectorError> {
    let until = Instant::now() + ATTEMPT_DEADLINE;
    let (mut read, mut share) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(ConnectorError::io)?.into_data() else { continue };
        if read.len() + data.len() > MOST_BYTES {
            return Err(refused(OutOfBounds::TooLong(MOST_BYTES)));
        }
        if share.is_none() && read.len() + data.len() > BEGINNING_BYTES {
            share = Some(answers.take(MOST_WEIGHT, until).await.map_err(no_room)?);
        }
        read.extend_from_slice(&data);
    }
    read.shrink_to_fit();
    let weight = weight(&read, OBJECT_BYTES);
    if weight > MOST_WEIGHT {
        return Err(refused(OutOfBounds::TooManyParts(MOST_WEIGHT)));
    }
    let share = match share {
        Some(mut share) => {
            share.keep(weight);
            share
        }
        None => answers.take(weight, until).await.map_err(no_room)?,
    };
    Ok((read, share))
}

/// Asking again would bring the same.
fn refused(why: OutOfBounds) -> ConnectorError {
    ConnectorError::other(why.into(), None)
}

/// There may be room for the next attempt.
fn no_room(why: NoRoom) -> ConnectorError {
    ConnectorError::timeout(OutOfBounds::NoRoom(why).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: impl Into<SdkBody>) -> HttpResponse {
        HttpResponse::new(200.try_into().unwrap(), body.into())
    }

    fn refusal(refused: Result<HttpResponse, ConnectorError>) -> OutOfBounds {
        let error = refused.unwrap_err();
        let cause = crate::cause::chain(&error).find_map(|cause| cause.downcast_ref::<OutOfBounds>());
        cause.unwrap().clone()
    }

    #[tokio::test]
    async fn an_answer_holds_what_it_takes_until_it_is_dropped() {
        let budget = Budget::default();
        let all = budget.free_bytes();
        let read = bounded(answer(r#"{"events": [{"message": "a"}]}"#), &budget).await.unwrap();
        assert_eq!(read.body().bytes(), Some(&br#"{"events": [{"message": "a"}]}"#[..]));
        assert!(budget.free_bytes() < all);
        drop(read);
        assert_eq!(budget.free_bytes(), all);
    }

    #[tokio::test]
    async fn an_answer_that_is_too_long_or_of_too_many_parts_is_refused_and_gives_everything_back() {
        let budget = Budget::default();
        let all = budget.free_bytes();
        let long = answer(vec![b' '; MOST_BYTES + 1]);
        assert_eq!(refusal(bounded(long, &budget).await), OutOfBounds::TooLong(MOST_BYTES));
        // Three bytes each, and a hundred and more once they are understood.
        let many = answer(format!(r#"{{"events":[{}{{}}]}}"#, "{},".repeat(1 << 20)));
        assert_eq!(refusal(bounded(many, &budget).await), OutOfBounds::TooManyParts(MOST_WEIGHT));
        assert_eq!(budget.free_bytes(), all);
    }

    #[tokio::test(start_paused = true)]
    async fn where_there_is_no_room_an_answer_is_not_read_further() {
        let budget = Budget::default();
        let _held = budget.take(budget.free_bytes(), Instant::now()).await.unwrap();
        let refused = refusal(bounded(answer(vec![b' '; BEGINNING_BYTES + 1]), &budget).await);
        assert!(matches!(refused, OutOfBounds::NoRoom(_)), "{refused:?}");
    }
}
