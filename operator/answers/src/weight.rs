//! What an answer takes of memory once it is understood, by what its bytes are made of: an object of two bytes, `{}`, becomes a
//! structure of a hundred and more. Pure.
//!
//! Nothing is understood here, and nothing is checked: bytes that are no JSON, XML or CBOR get some weight or other.

/// An element of XML: RDS's descriptions of instances have a hundred fields, most of them absent.
const ELEMENT_BYTES: usize = 4 << 10;
/// Any other value, its place in a list that grows by doubling included.
const VALUE_BYTES: usize = 32;

/// The memory that an answer takes as it came and as it is understood, in bytes, where an object of JSON or a map of CBOR
/// becomes a structure of so many.
pub fn weight(answer: &[u8], object_bytes: usize) -> usize {
    let parts = match answer.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'<') => of_xml(answer),
        Some(b'{' | b'[') => of_json(answer, object_bytes),
        Some(_) | None => of_cbor(answer, object_bytes),
    };
    answer.len().saturating_mul(2).saturating_add(parts)
}

fn of_xml(answer: &[u8]) -> usize {
    let begin = |pair: &&[u8]| pair[0] == b'<' && pair[1] != b'/';
    answer.windows(2).filter(begin).count().saturating_mul(ELEMENT_BYTES)
}

fn of_json(answer: &[u8], object_bytes: usize) -> usize {
    let (mut weight, mut is_text, mut is_escaped) = (0_usize, false, false);
    for byte in answer {
        if is_text {
            is_text = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
            continue;
        }
        weight = weight.saturating_add(match byte {
            b'"' => {
                is_text = true;
                0
            }
            b'{' => object_bytes,
            b'[' | b',' => VALUE_BYTES,
            _ => 0,
        });
    }
    weight
}

/// Of CBOR only the heads of its items are read, one after the other: how they are nested makes no difference.
fn of_cbor(answer: &[u8], object_bytes: usize) -> usize {
    let (mut weight, mut rest) = (0_usize, answer);
    while let [head, after @ ..] = rest {
        let (kind, short) = (head >> 5, head & 0x1f);
        let length_bytes = match short {
            24..=27 => 1 << (short - 24),
            _ => 0,
        };
        let Some((length, after)) = after.split_at_checked(length_bytes) else { break };
        let length = if length_bytes == 0 {
            usize::from(short)
        } else {
            length.iter().fold(0, |length: usize, byte| (length << 8) | usize::from(*byte))
        };
        weight = weight.saturating_add(if kind == MAP { object_bytes } else { VALUE_BYTES });
        // A text whose length is not known (31) comes in parts, which have heads of their own.
        let skipped = if matches!(kind, BYTES | TEXT) && short != 31 { length } else { 0 };
        rest = after.get(skipped..).unwrap_or_default();
    }
    weight
}

/// The kinds of items that CBOR calls major types.
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const MAP: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT_BYTES: usize = 256;

    #[test]
    fn what_becomes_many_structures_is_heavy_whatever_it_is_written_in() {
        for (many, structure) in [
            (format!("[{}{{}}]", "{},".repeat(999)).into_bytes(), OBJECT_BYTES),
            ("<A/>".repeat(1_000).into_bytes(), ELEMENT_BYTES),
            (vec![0xa0; 1_000], OBJECT_BYTES),
        ] {
            assert!(weight(&many, OBJECT_BYTES) >= 1_000 * structure);
        }
    }

    #[test]
    fn the_inside_of_a_text_is_no_structure() {
        let line = br#"["{\"level\": \"INFO\", [{{{,,,\\"]"#;
        assert_eq!(weight(line, OBJECT_BYTES), 2 * line.len() + VALUE_BYTES);
        // A map of one text of thirty bytes, which look like maps.
        let mut text = vec![0xa1, 0x61, b'a', 0x78, 30];
        text.extend([0xa0; 30]);
        assert_eq!(weight(&text, OBJECT_BYTES), 2 * text.len() + OBJECT_BYTES + 2 * VALUE_BYTES);
    }

    #[test]
    fn of_usual_answers_no_more_is_expected_than_there_is_room_for() {
        let line =
            r#"{"eventId":"3","ingestionTime":1,"logStreamName":"api-1","message":"GET /","timestamp":1},"#;
        assert!(
            weight(format!(r#"{{"events":[{}]}}"#, line.repeat(10_000)).as_bytes(), OBJECT_BYTES) < 12 << 20
        );
        let parameter =
            "<Parameter><ParameterName>a</ParameterName><ParameterValue>b</ParameterValue></Parameter>";
        assert!(weight(parameter.repeat(100).as_bytes(), OBJECT_BYTES) < 2 << 20);
    }

    #[test]
    fn any_bytes_have_a_weight() {
        for first in 0..=u8::MAX {
            for second in [0, 0x7f, 0xff] {
                let bytes = [first, second, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
                assert!(weight(&bytes, OBJECT_BYTES) >= 20);
            }
        }
    }
}
