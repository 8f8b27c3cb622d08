//! What somebody might have made of a JSON that was stored: each of its values and keys changed, one at a time, and several
//! at once by dice that fall the same way each time.

use serde_json::{Map, Value, json};

use crate::dice::Dice;

/// How many are changed at several places.
const WITH_SEVERAL_CHANGES: u64 = 300;
/// The most changes that bytes choose.
const MOST_CHOSEN: usize = 8;

/// All of them, each with what was changed.
pub fn all_of(value: &Value) -> impl Iterator<Item = Value> {
    let places = places(value);
    let single = places.clone().into_iter().flat_map(|place| {
        let whole = value.clone();
        replacements().into_iter().map(move |replacement| changed(&whole, &place, &replacement))
    });
    let whole = value.clone();
    let several = (0..WITH_SEVERAL_CHANGES).map(move |seed| {
        let mut dice = Dice::new(seed);
        let mut value = whole.clone();
        for _ in 0..2 + dice.below(4) {
            let place = dice.pick(&places);
            value = changed(&value, place, dice.pick(&replacements()));
        }
        value
    });
    single.chain(several)
}

/// One of them, which the bytes choose, three for each change: so a fuzzer finds its way. A place may also get what stands
/// at another one.
pub fn chosen_by(value: &Value, bytes: &[u8]) -> Value {
    let (places, replacements) = (places(value), replacements());
    let mut changed_value = value.clone();
    for choice in bytes.chunks_exact(3).take(MOST_CHOSEN) {
        let place = &places[usize::from(u16::from_be_bytes([choice[0], choice[1]])) % places.len()];
        let chosen = usize::from(choice[2]);
        let replacement =
            replacements.get(chosen).cloned().or_else(|| at(value, &places[chosen % places.len()]));
        changed_value = changed(&changed_value, place, &replacement.unwrap_or(json!(chosen)));
    }
    changed_value
}

/// Numbers, texts and other things that nobody meant.
fn replacements() -> Vec<Value> {
    vec![
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e308),
        json!(-1e308),
        json!("NaN"),
        json!(""),
        json!("../../x"),
        json!("9999-12-30T22:00:00Z"),
        json!("-009999-01-02T01:59:59Z"),
        json!("é".repeat(5_000)),
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!({"-9223372036854775808": 1, "9223372036854775807": 1}),
    ]
}

/// One step into a value: an entry of an object, an element of an array, or the key of an entry.
#[derive(Clone, Debug)]
enum Step {
    Entry(String),
    Element(usize),
    Key(String),
}

fn places(value: &Value) -> Vec<Vec<Step>> {
    let mut all = Vec::new();
    collect(value, &mut Vec::new(), &mut all);
    all
}

fn collect(value: &Value, path: &mut Vec<Step>, all: &mut Vec<Vec<Step>>) {
    all.push(path.clone());
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                path.push(Step::Key(key.clone()));
                all.push(path.clone());
                path.pop();
                path.push(Step::Entry(key.clone()));
                collect(value, path, all);
                path.pop();
            }
        }
        Value::Array(array) => {
            for (index, value) in array.iter().enumerate() {
                path.push(Step::Element(index));
                collect(value, path, all);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What stands at a place; none at that of a key.
fn at(value: &Value, place: &[Step]) -> Option<Value> {
    place
        .iter()
        .try_fold(value, |value, step| match step {
            Step::Entry(key) => value.get(key),
            Step::Element(index) => value.get(index),
            Step::Key(_) => None,
        })
        .cloned()
}

/// The same with something else at a place; as it is where an earlier change took the place away.
fn changed(value: &Value, place: &[Step], replacement: &Value) -> Value {
    let Some((step, rest)) = place.split_first() else {
        return replacement.clone();
    };
    match (step, value.clone()) {
        (Step::Entry(key), Value::Object(mut object)) => {
            if let Some(inner) = object.get_mut(key) {
                *inner = changed(inner, rest, replacement);
            }
            Value::Object(object)
        }
        (Step::Key(key), Value::Object(object)) => {
            let new = replacement.as_str().map_or_else(|| replacement.to_string(), str::to_owned);
            let renamed =
                |(old, value): (String, Value)| (if old == *key { new.clone() } else { old }, value);
            Value::Object(object.into_iter().map(renamed).collect::<Map<_, _>>())
        }
        (Step::Element(index), Value::Array(mut array)) => {
            if let Some(inner) = array.get_mut(*index) {
                *inner = changed(inner, rest, replacement);
            }
            Value::Array(array)
        }
        (Step::Entry(_) | Step::Key(_) | Step::Element(_), other) => other,
    }
}
