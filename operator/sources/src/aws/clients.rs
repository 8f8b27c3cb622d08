//! A client of each service, at the endpoint that is named for it.

use aws_config::SdkConfig;
use throughput_crds::AwsEndpoints;

/// A client of RDS.
pub(crate) fn rds(config: &SdkConfig, endpoints: &AwsEndpoints) -> aws_sdk_rds::Client {
    let mut builder = aws_sdk_rds::config::Builder::from(config);
    if endpoints.rds.is_some() {
        builder.set_endpoint_url(endpoints.rds.clone());
    }
    aws_sdk_rds::Client::from_conf(builder.build())
}

/// A client of CloudWatch.
pub(crate) fn cloud_watch(config: &SdkConfig, endpoints: &AwsEndpoints) -> aws_sdk_cloudwatch::Client {
    let mut builder = aws_sdk_cloudwatch::config::Builder::from(config);
    if endpoints.cloud_watch.is_some() {
        builder.set_endpoint_url(endpoints.cloud_watch.clone());
    }
    aws_sdk_cloudwatch::Client::from_conf(builder.build())
}

/// A client of CloudWatch Logs.
pub(crate) fn logs(config: &SdkConfig, endpoints: &AwsEndpoints) -> aws_sdk_cloudwatchlogs::Client {
    let mut builder = aws_sdk_cloudwatchlogs::config::Builder::from(config);
    if endpoints.logs.is_some() {
        builder.set_endpoint_url(endpoints.logs.clone());
    }
    aws_sdk_cloudwatchlogs::Client::from_conf(builder.build())
}

/// A client of Performance Insights.
pub(crate) fn performance_insights(config: &SdkConfig, endpoints: &AwsEndpoints) -> aws_sdk_pi::Client {
    let mut builder = aws_sdk_pi::config::Builder::from(config);
    if endpoints.performance_insights.is_some() {
        builder.set_endpoint_url(endpoints.performance_insights.clone());
    }
    aws_sdk_pi::Client::from_conf(builder.build())
}
