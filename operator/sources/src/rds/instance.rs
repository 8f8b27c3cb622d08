//! The description of an instance: class, engine, version, parameter group, storage; and how many connections it allows, as an
//! estimate.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbInstance;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aws::failure;
use crate::error::SourceError;
use crate::rds::max_connections::{evaluate, memory_gibibytes};
use crate::recording::Recording;

/// The figure, and the fact that says where it is from.
pub(crate) const MAX_CONNECTIONS: &str = "maxConnections";
/// The share of them that is used.
pub(crate) const CONNECTIONS_OF_MAXIMUM: &str = "databaseConnectionsPercentOfMax";
const PARAMETER: &str = "max_connections";
/// A group has a few hundred parameters, a hundred a page.
const MOST_PAGES: usize = 20;

/// The description of an instance, which outlives a restart of the operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Instance {
    /// Its identifier in Performance Insights.
    pub(crate) resource_id: Option<String>,
    /// Whether Performance Insights is on, where AWS tells.
    pub(crate) performance_insights: Option<bool>,
    /// How many connections it allows, as an estimate.
    pub(crate) max_connections: Option<f64>,
    /// Where that is read from.
    parameter_group: Option<String>,
    class: String,
}

/// Describes an instance, and notes what it is.
pub(crate) async fn describe(
    client: &Client,
    name: &str,
    recording: &mut Recording,
) -> Result<Instance, SourceError> {
    let doing = format!("describing the RDS instance {name}");
    let answer = client.describe_db_instances().db_instance_identifier(name).send().await;
    let answer = answer.map_err(|error| failure(&doing, &error))?;
    let missing = || SourceError::new("InstanceNotFound", format!("{doing}: AWS answers with none"));
    let instance = answer.db_instances().first().ok_or_else(missing)?;
    for (fact, text) in facts(instance) {
        recording.set_fact(fact, &text);
    }
    let group = instance.db_parameter_groups().first();
    Ok(Instance {
        resource_id: instance.dbi_resource_id().map(str::to_owned),
        performance_insights: instance.performance_insights_enabled(),
        max_connections: None,
        parameter_group: group.and_then(|group| group.db_parameter_group_name()).map(str::to_owned),
        class: instance.db_instance_class().unwrap_or_default().to_owned(),
    })
}

/// Estimates how many connections an instance allows, by its parameter group. Where that does not tell, so is said: a
/// database that is nearly out of connections would go unnoticed.
pub(crate) async fn estimate_max_connections(
    client: &Client,
    instance: &mut Instance,
    recording: &mut Recording,
) -> Result<(), SourceError> {
    let Some(group) = &instance.parameter_group else {
        note_unknown("AWS names no parameter group of the instance", recording);
        return Ok(());
    };
    let Some(value) = parameter(client, group, PARAMETER).await? else {
        note_unknown(&format!("{group} has no value of {PARAMETER}"), recording);
        return Ok(());
    };
    let (class, memory) = (&instance.class, memory_gibibytes(&instance.class));
    let Some(most) = evaluate(&value, memory) else {
        note_unknown(&unclear(&value, memory, class), recording);
        return Ok(());
    };
    recording.set_fact(MAX_CONNECTIONS, &estimate(&value, most, memory, class));
    recording.set_figure(MAX_CONNECTIONS, most);
    instance.max_connections = Some(most);
    Ok(())
}

fn note_unknown(why: &str, recording: &mut Recording) {
    let message = format!("how many connections the database allows is unknown: {why}");
    let error = SourceError::new("MaxConnectionsUnknown", message);
    recording.fall_short(&error.only_of([MAX_CONNECTIONS, CONNECTIONS_OF_MAXIMUM]), Timestamp::now());
}

/// A parameter's value; None where the group has none.
async fn parameter(client: &Client, group: &str, name: &str) -> Result<Option<String>, SourceError> {
    let doing = format!("reading {name} of the parameter group {group}");
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let page =
            client.describe_db_parameters().db_parameter_group_name(group).set_marker(marker).send().await;
        let page = page.map_err(|error| failure(&doing, &error))?;
        let found = page.parameters().iter().find(|parameter| parameter.parameter_name() == Some(name));
        if let Some(found) = found {
            return Ok(found.parameter_value().map(str::to_owned));
        }
        marker = page.marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
        if marker.is_none() {
            return Ok(None);
        }
    }
    Err(SourceError::new("InvalidResponse", format!("{doing}: more than {MOST_PAGES} pages")))
}

fn unclear(value: &str, memory: Option<f64>, class: &str) -> String {
    match memory {
        Some(_) => format!("{PARAMETER} is {value}, which is no number of connections"),
        None => format!("{PARAMETER} is {value}, and what {class} has of memory is not known here"),
    }
}

fn estimate(value: &str, most: f64, memory: Option<f64>, class: &str) -> String {
    match memory {
        _ if value.trim().parse::<f64>().is_ok() => format!("{most:.0}, as the parameter group says"),
        Some(memory) => {
            format!(
                "about {most:.0}, estimated: {value} with the {memory:.0} GiB of {class}, of which RDS keeps a part"
            )
        }
        None => format!("about {most:.0}, estimated: {value}"),
    }
}

fn facts(instance: &DbInstance) -> Vec<(&'static str, String)> {
    let engine = [instance.engine(), instance.engine_version()];
    let group = instance.db_parameter_groups().first().map(|group| {
        let name = group.db_parameter_group_name().unwrap_or_default();
        // Anything but `in-sync` means that what the group says is not what the instance does.
        match group.parameter_apply_status() {
            Some("in-sync") | None => name.to_owned(),
            Some(status) => format!("{name} ({status})"),
        }
    });
    let endpoint = instance.endpoint().and_then(|endpoint| {
        Some(format!("{}:{}", endpoint.address()?, endpoint.port().map(|port| port.to_string())?))
    });
    let switch = |is_on: bool| if is_on { "on" } else { "off" }.to_owned();
    let facts = [
        ("instance", instance.db_instance_identifier().map(str::to_owned)),
        ("instanceClass", instance.db_instance_class().map(str::to_owned)),
        ("engine", Some(engine.into_iter().flatten().collect::<Vec<_>>().join(" "))),
        ("status", instance.db_instance_status().map(str::to_owned)),
        ("parameterGroup", group),
        ("endpoint", endpoint),
        ("resourceId", instance.dbi_resource_id().map(str::to_owned)),
        ("storage", storage(instance)),
        ("availabilityZone", instance.availability_zone().map(str::to_owned)),
        ("multiAz", instance.multi_az().map(switch)),
        ("performanceInsights", instance.performance_insights_enabled().map(switch)),
    ];
    facts.into_iter().filter_map(|(name, text)| Some((name, text.filter(|text| !text.is_empty())?))).collect()
}

/// `gp3, 100 GiB, 3000 IOPS, 125 MiB/s`.
fn storage(instance: &DbInstance) -> Option<String> {
    let parts = [
        instance.storage_type().map(str::to_owned),
        instance.allocated_storage().map(|gibibytes| format!("{gibibytes} GiB")),
        instance.iops().filter(|iops| *iops > 0).map(|iops| format!("{iops} IOPS")),
        instance.storage_throughput().filter(|rate| *rate > 0).map(|rate| format!("{rate} MiB/s")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::{DbParameterGroupStatus, Endpoint};

    use super::*;

    #[test]
    fn an_instance_is_told_in_a_few_facts_and_what_aws_does_not_tell_is_left_out() {
        let group = DbParameterGroupStatus::builder()
            .db_parameter_group_name("pulp16")
            .parameter_apply_status("pending-reboot")
            .build();
        let instance = DbInstance::builder()
            .db_instance_class("db.m6g.xlarge")
            .engine("postgres")
            .engine_version("16.3")
            .endpoint(Endpoint::builder().address("pulp.example.com").port(5_432).build())
            .storage_type("gp3")
            .allocated_storage(100)
            .iops(3_000)
            .storage_throughput(0)
            .multi_az(true)
            .db_parameter_groups(group)
            .build();
        let expected = [
            ("instanceClass", "db.m6g.xlarge"),
            ("engine", "postgres 16.3"),
            ("parameterGroup", "pulp16 (pending-reboot)"),
            ("endpoint", "pulp.example.com:5432"),
            ("storage", "gp3, 100 GiB, 3000 IOPS"),
            ("multiAz", "on"),
        ];
        assert_eq!(facts(&instance), expected.map(|(name, text)| (name, text.to_owned())));
    }

    #[test]
    fn an_estimate_says_that_it_is_one_and_of_what() {
        let formula = "LEAST({DBInstanceClassMemory/9531392},5000)";
        for (value, most, memory, expected) in [
            ("200", 200.0, None, "200, as the parameter group says"),
            ("LEAST(100,200)", 100.0, None, "about 100, estimated: LEAST(100,200)"),
            (
                formula,
                1_802.0,
                Some(16.0),
                "about 1802, estimated: LEAST({DBInstanceClassMemory/9531392},5000) with the 16 GiB of db.x, of which RDS keeps a part",
            ),
        ] {
            assert_eq!(estimate(value, most, memory, "db.x"), expected);
        }
    }
}
