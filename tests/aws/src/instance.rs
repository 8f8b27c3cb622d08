//! An instance in the stand-in, with points in CloudWatch.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
use aws_sdk_rds::types::{ApplyMethod, Parameter};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Setting;

/// What CloudWatch has of each instance, each minute.
pub const EACH_MINUTE: [&str; 14] = [
    "CPUUtilization",
    "DatabaseConnections",
    "FreeableMemory",
    "SwapUsage",
    "FreeStorageSpace",
    "ReadIOPS",
    "WriteIOPS",
    "ReadLatency",
    "WriteLatency",
    "ReadThroughput",
    "WriteThroughput",
    "NetworkReceiveThroughput",
    "NetworkTransmitThroughput",
    "DiskQueueDepth",
];

/// How many connections an instance allows.
pub const MAX_CONNECTIONS: &str = "200";

/// Creates the instance, whose parameter group says how many connections there may be.
pub async fn create(setting: &Setting) {
    let (client, instance) = (aws_sdk_rds::Client::new(&setting.config().await), &setting.rds.instance);
    let group = format!("{instance}-parameters");
    let creating = client.create_db_parameter_group().db_parameter_group_name(&group);
    creating.db_parameter_group_family("postgres16").description("a test's").send().await.unwrap();
    let most = Parameter::builder().parameter_name("max_connections").parameter_value(MAX_CONNECTIONS);
    let most = most.apply_method(ApplyMethod::PendingReboot).build();
    let modifying = client.modify_db_parameter_group().db_parameter_group_name(&group);
    modifying.parameters(most).send().await.unwrap();
    let creating = client.create_db_instance().db_instance_identifier(instance);
    creating
        .db_instance_class("db.m6g.xlarge")
        .db_parameter_group_name(&group)
        .engine("postgres")
        .allocated_storage(100)
        .master_username("pulp")
        .master_user_password("not-a-secret")
        .send()
        .await
        .unwrap();
}

/// Gives a metric two values in each of the minutes that begin then.
pub async fn put(setting: &Setting, metric: &str, minutes: &[Timestamp], values: [f64; 2]) {
    let dimension = Dimension::builder().name("DBInstanceIdentifier").value(&setting.rds.instance).build();
    let data = minutes.iter().flat_map(|minute| values.map(|value| (*minute, value)));
    let data = data.map(|(minute, value)| {
        MetricDatum::builder()
            .metric_name(metric)
            .dimensions(dimension.clone())
            .timestamp(DateTime::from_secs(minute.as_second() + 5))
            .value(value)
            .build()
    });
    aws_sdk_cloudwatch::Client::new(&setting.config().await)
        .put_metric_data()
        .namespace("AWS/RDS")
        .set_metric_data(Some(data.collect()))
        .send()
        .await
        .unwrap();
}

/// A page of `DescribeDBParameters`.
pub fn parameters(parameters: &[(&str, &str)], marker: Option<&str>) -> Value {
    let element = |(name, value): &(&str, &str)| {
        format!(
            "<Parameter><ParameterName>{name}</ParameterName><ParameterValue>{value}</ParameterValue></Parameter>"
        )
    };
    let parameters = parameters.iter().map(element).collect::<Vec<_>>().concat();
    let marker = marker.map(|marker| format!("<Marker>{marker}</Marker>")).unwrap_or_default();
    json!({"xml": format!(
        "<DescribeDBParametersResponse><DescribeDBParametersResult><Parameters>{parameters}</Parameters>{marker}\
         </DescribeDBParametersResult></DescribeDBParametersResponse>"
    )})
}
