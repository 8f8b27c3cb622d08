//! What is varied: what can be scaled, and the axes of the matrix.

use serde_json::{Value, json};
use throughput_test_support::spec::scaled;

use super::{assert_accepted, assert_refused_with, with};

fn axis(of: &str, name: &str, values: Value) -> Value {
    let mut axis = json!({"name": name, "of": of});
    axis["values"] = values;
    axis
}

fn workers(values: Value) -> Value {
    axis("Scale", "workers", values)
}

fn concurrency(values: Value) -> Value {
    axis("Load", "concurrency", values)
}

fn numbers(count: usize) -> Value {
    (1..=count).collect::<Vec<_>>().into()
}

#[tokio::test]
async fn only_deployments_and_stateful_sets_can_be_scaled() {
    let words = "only a Deployment or a StatefulSet can be scaled: write one of these kinds, with the apiVersion apps/v1";
    assert_accepted(with("/scale/0/ref/kind", json!("StatefulSet"))).await;
    assert_refused_with(with("/scale/0/ref/kind", json!("DaemonSet")), words).await;
    assert_refused_with(with("/scale/0/ref/apiVersion", json!("v1")), words).await;
}

#[tokio::test]
async fn what_is_scaled_is_named_once() {
    let same_name = json!([scaled("workers", "Deployment", "one"), scaled("workers", "Deployment", "other")]);
    assert_refused_with(with("/scale", same_name), "spec.scale[1]: Duplicate value").await;
    let same_object = json!([scaled("workers", "Deployment", "one"), scaled("api", "Deployment", "one")]);
    assert_refused_with(with("/scale", same_object), "each object in scale stands once").await;
    assert_accepted(with(
        "/scale",
        json!([scaled("workers", "Deployment", "one"), scaled("api", "Deployment", "other")]),
    ))
    .await;
}

#[tokio::test]
async fn an_axis_of_scale_needs_an_entry_of_scale() {
    let words = "an axis of: Scale is named after an entry of scale; no entry of scale has this axis's name";
    assert_refused_with(with("/matrix", json!([axis("Scale", "api", json!([1]))])), words).await;
    assert_accepted(with("/matrix", json!([workers(json!([1]))]))).await;
}

#[tokio::test]
async fn an_axis_of_load_varies_the_concurrency() {
    let words = "the load settings that an axis can vary are concurrency and generators";
    assert_refused_with(with("/matrix", json!([axis("Load", "users", json!([1]))])), words).await;
    assert_accepted(with("/matrix", json!([concurrency(json!([1, 10]))]))).await;
}

#[tokio::test]
async fn an_axis_of_load_varies_the_number_of_generators_up_to_64() {
    let generators = |values| with("/matrix", json!([axis("Load", "generators", values)]));
    assert_accepted(generators(json!([1, 64]))).await;
    assert_refused_with(generators(json!([1, 65])), "a cell has at most 64 generators").await;
}

#[tokio::test]
async fn an_axis_stands_once() {
    let twice = json!([workers(json!([1])), workers(json!([2]))]);
    assert_refused_with(with("/matrix", twice), "spec.matrix[1]: Duplicate value").await;
}

#[tokio::test]
async fn the_values_of_an_axis_are_whole_numbers() {
    let words = "the values of a Scale or Load axis are whole numbers, written without quotes";
    assert_refused_with(with("/matrix", json!([workers(json!(["5"]))])), words).await;
    assert_refused_with(with("/matrix", json!([concurrency(json!([1, "many"]))])), words).await;
    assert_refused_with(with("/matrix", json!([workers(json!([1.5]))])), "spec.matrix[0].values[0]").await;
}

#[tokio::test]
async fn the_values_of_an_axis_are_not_too_large_or_too_small() {
    let words = "the values of an axis lie between 0 and 10000";
    assert_refused_with(with("/matrix", json!([workers(json!([-1]))])), words).await;
    assert_refused_with(with("/matrix", json!([workers(json!([10_001]))])), words).await;
    assert_accepted(with("/matrix", json!([workers(json!([1, 10_000]))]))).await;
    let none = with("/matrix", json!([concurrency(json!([0]))]));
    assert_refused_with(none, "a concurrency and a number of generators are at least 1").await;
}

#[tokio::test]
async fn each_value_of_an_axis_stands_once() {
    let words = "each value of an axis stands once; to measure a cell more often, set repeat";
    assert_refused_with(with("/matrix", json!([workers(json!([5, 10, 5]))])), words).await;
}

#[tokio::test]
async fn an_axis_has_values() {
    assert_refused_with(with("/matrix", json!([workers(json!([]))])), "spec.matrix[0].values").await;
}

#[tokio::test]
async fn a_matrix_without_axes_is_accepted() {
    assert_accepted(with("/matrix", json!([]))).await;
}

#[tokio::test]
async fn sixty_four_cells_are_accepted_and_more_are_refused() {
    let words = "the matrix has more than 64 cells (the product of its axes' values and repeat): measure fewer values, or split it into several tests";
    let matrix = |axes: Value, repeat: usize| {
        let mut spec = with("/matrix", axes);
        spec["repeat"] = repeat.into();
        spec
    };
    assert_accepted(matrix(json!([workers(numbers(64))]), 1)).await;
    assert_accepted(matrix(json!([workers(numbers(8)), concurrency(numbers(8))]), 1)).await;
    assert_accepted(matrix(json!([workers(numbers(4)), concurrency(numbers(8))]), 2)).await;
    assert_accepted(matrix(json!([]), 64)).await;
    assert_refused_with(matrix(json!([workers(numbers(13)), concurrency(numbers(5))]), 1), words).await;
    assert_refused_with(matrix(json!([workers(numbers(13))]), 5), words).await;
    assert_refused_with(matrix(json!([workers(numbers(65))]), 1), "spec.matrix[0].values").await;
    assert_refused_with(matrix(json!([]), 65), "spec.repeat").await;
}
