//! Exact decimal text of ratios of whole numbers.
//!
//! Resources and reports carry no floating-point numbers: a figure is a whole number with its unit in its
//! name, or the text that these functions make, rounded half away from zero as SQL's `round(numeric)` does,
//! so that a figure can be compared with a query in every printed digit.

/// `numerator / denominator` with this many decimals; `None` when the denominator is 0.
pub fn ratio(numerator: u128, denominator: u128, decimals: u32) -> Option<String> {
    if denominator == 0 {
        return None;
    }
    let scale = 10_u128.pow(decimals);
    let doubled = numerator.checked_mul(scale)?.checked_mul(2)?.checked_add(denominator)?;
    let scaled = doubled / denominator.checked_mul(2)?;
    let (whole, fraction) = (scaled / scale, scaled % scale);
    if decimals == 0 {
        return Some(whole.to_string());
    }
    Some(format!("{whole}.{fraction:0width$}", width = decimals as usize))
}

/// Microseconds as seconds with this many decimals.
pub fn seconds(microseconds: u64, decimals: u32) -> String {
    ratio(u128::from(microseconds), 1_000_000, decimals).unwrap_or_default()
}

/// A measured number as a decimal of at most six decimals; `None` for what [`parse`] does not read: negative or not finite.
pub fn of_float(value: f64) -> Option<String> {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.').to_owned();
    parse(&text).map(|_| text)
}

/// A decimal text as a pair (numerator, power of ten) for exact comparison; `None` when it is not one.
///
/// Takes what a user writes as a threshold: digits with at most one point, at most 18 digits in all, no sign.
pub fn parse(text: &str) -> Option<(u128, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}");
    let well_formed = !whole.is_empty()
        && digits.len() <= 18
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (fraction.is_empty() != text.contains('.'));
    let decimals = u32::try_from(fraction.len()).ok()?;
    well_formed.then(|| digits.parse().ok()).flatten().map(|numerator| (numerator, decimals))
}

/// Compares two decimal texts exactly; `None` when one of them is not a decimal.
pub fn compare(left: &str, right: &str) -> Option<std::cmp::Ordering> {
    let ((left, left_decimals), (right, right_decimals)) = (parse(left)?, parse(right)?);
    let left = left.checked_mul(10_u128.pow(right_decimals))?;
    let right = right.checked_mul(10_u128.pow(left_decimals))?;
    Some(left.cmp(&right))
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;

    #[test]
    fn ratios_are_rounded_half_away_from_zero() {
        let printed =
            [(1, 3), (2, 3), (1, 8), (3, 8), (0, 5), (1_844, 100), (199, 200)].map(|(n, d)| ratio(n, d, 2));
        let expected =
            ["0.33", "0.67", "0.13", "0.38", "0.00", "18.44", "1.00"].map(|text| Some(text.to_owned()));
        assert_eq!(printed, expected);
    }

    #[test]
    fn a_ratio_to_nothing_is_no_figure() {
        assert_eq!(ratio(5, 0, 2), None);
    }

    #[test]
    fn microseconds_print_as_seconds() {
        assert_eq!(seconds(412_650_001, 1), "412.7");
        assert_eq!(seconds(999_999, 0), "1");
    }

    #[test]
    fn a_measured_number_prints_without_noise() {
        let texts = [93.25, 90.0, 0.000_123_4, 0.0, -1.0, f64::NAN, f64::INFINITY].map(of_float);
        let expected = [Some("93.25"), Some("90"), Some("0.000123"), Some("0"), None, None, None];
        assert_eq!(texts, expected.map(|text| text.map(str::to_owned)));
    }

    #[test]
    fn decimals_compare_by_value_and_not_by_text() {
        assert_eq!(compare("9.5", "10"), Some(Ordering::Less));
        assert_eq!(compare("1.0", "1"), Some(Ordering::Equal));
        assert_eq!(compare("0.990", "0.99"), Some(Ordering::Equal));
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", ".", ".5", "5.", "-1", "1e3", "1.2.3", "NaN", "1234567890123456789"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
