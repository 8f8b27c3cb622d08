//! Quantities as Kubernetes writes them, by their value: `500m` is `0.5`, and `1Gi` is `1024Mi`.

/// How many nanos there are in one.
const NANOS: i128 = 1_000_000_000;
/// How many digits a nano has behind the point.
const DIGITS: i32 = 9;

/// A quantity's value: cores, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount {
    nanos: i128,
}

impl Amount {
    /// Reads a quantity; none where it is not one. Like Kubernetes it knows nothing finer than a nano, to which it
    /// rounds up.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = unsigned.find(|character: char| !character.is_ascii_digit() && character != '.');
        let (number, suffix) = unsigned.split_at(end.unwrap_or(unsigned.len()));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 40 {
            return None;
        }
        let digits: i128 = format!("0{whole}{fraction}").parse().ok()?;
        let (binary, exponent) = unit(suffix)?;
        let exponent = exponent - i32::try_from(fraction.len()).ok()? + DIGITS;
        let nanos = scaled(digits.checked_mul(1_i128.checked_shl(binary)?)?, exponent)?;
        Some(Self { nanos: if negative { -nanos } else { nanos } })
    }

    /// The value, in the quantity's own unit: a whole one as it is, however many nanos it has.
    #[expect(clippy::cast_precision_loss, reason = "figures have six digits")]
    pub(crate) fn value(self) -> f64 {
        (self.nanos / NANOS) as f64 + (self.nanos % NANOS) as f64 / NANOS as f64
    }
}

/// The factor of a suffix: a power of two, and a power of ten.
fn unit(suffix: &str) -> Option<(u32, i32)> {
    Some(match suffix {
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "" => (0, 0),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        _ => (0, suffix.strip_prefix(['e', 'E'])?.parse::<i8>().ok()?.into()),
    })
}

/// This number times a power of ten, rounded up.
fn scaled(number: i128, exponent: i32) -> Option<i128> {
    let power = 10_i128.checked_pow(exponent.unsigned_abs());
    if exponent >= 0 {
        return number.checked_mul(power?);
    }
    // What is divided by more than there is room for is less than a nano.
    let Some(power) = power else { return Some(i128::from(number > 0)) };
    Some(number / power + i128::from(number % power > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> f64 {
        Amount::parse(text).unwrap().value()
    }

    #[test]
    fn quantities_are_equal_by_their_value() {
        for (one, other) in [
            ("500m", "0.5"),
            ("1Gi", "1024Mi"),
            ("1", "1000m"),
            ("1e3", "1k"),
            ("12E2", "1200"),
            ("0.1", "100m"),
            ("1.5Gi", "1536Mi"),
            ("+2", "2.000"),
            ("20972763n", "0.020972763"),
            (".5", "500m"),
            ("5.", "5"),
            ("0.1n", "1n"),
        ] {
            assert_eq!(Amount::parse(one), Amount::parse(other), "{one} {other}");
        }
        assert_ne!(Amount::parse("1G"), Amount::parse("1Gi"));
    }

    #[test]
    fn quantities_have_a_value() {
        for (text, expected) in [("98440Ki", 100_802_560.0), ("250m", 0.25), ("-1", -1.0), ("1E", 1e18)] {
            assert!((value(text) - expected).abs() < 1e-9, "{text}");
        }
    }

    #[test]
    fn a_whole_number_of_bytes_stays_whole() {
        assert_eq!(value("9272233726").to_bits(), 9_272_233_726.0_f64.to_bits());
        assert_eq!(value("-0e5").to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn what_is_no_quantity_is_none() {
        let huge = "9".repeat(60);
        for text in ["", "m", "1x", "1 Gi", "0x10", "1.2.3", ".", "1e", "1eE", "--1", "1mi", &huge, "1e99"] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }
}
