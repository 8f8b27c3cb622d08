//! CloudWatch's answers, where a test writes them itself.

use jiff::Timestamp;
use serde_json::{Value, json};

/// What a metric was in the minute that begins then: average, minimum, maximum.
pub type Minute = (Timestamp, [f64; 3]);

/// An answer that has these minutes of the metric with this place in the question.
pub fn metric_answer(metric: usize, status: &str, minutes: &[Minute], next_token: Option<&str>) -> Value {
    let times: Vec<i64> = minutes.iter().map(|(at, _)| at.as_second()).collect();
    let results: Vec<Value> = (0..3)
        .map(|statistic| {
            let values: Vec<f64> = minutes.iter().map(|(_, values)| values[statistic]).collect();
            json!({
                "Id": format!("m{metric}_{statistic}"),
                "Label": "CPUUtilization",
                "Timestamps": times,
                "Values": values,
                "StatusCode": status,
            })
        })
        .collect();
    let mut answer = json!({"MetricDataResults": results});
    if let Some(token) = next_token {
        answer["NextToken"] = token.into();
    }
    json!({"answer": answer})
}
