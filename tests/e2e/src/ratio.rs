//! How two ways compare that were measured in turns.

/// The quantiles of Student's t distribution for a two-sided interval of 95 %, from one degree of freedom on.
const T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// The ratio of one way to another, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The geometric mean of the pairs' ratios.
    pub mean: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Ratio {
    /// The ratio of the first to the second of each pair, by a t interval on the logarithms: what disturbs a
    /// machine for minutes disturbs both of a pair. `None` for fewer than two pairs, or for what is no positive
    /// number.
    pub fn of(pairs: &[(f64, f64)]) -> Option<Self> {
        let logs: Vec<f64> = pairs.iter().map(|(one, other)| (one / other).ln()).collect();
        if logs.len() < 2 || logs.iter().any(|log| !log.is_finite()) {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a few pairs")]
        let count = logs.len() as f64;
        let mean = logs.iter().sum::<f64>() / count;
        let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let quantile = T.get(logs.len() - 2).or(T.last())?;
        let half = quantile * (variance / count).sqrt();
        Some(Self { mean: mean.exp(), low: (mean - half).exp(), high: (mean + half).exp() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 5e-4
    }

    #[test]
    fn the_interval_is_the_one_of_the_textbook() {
        // Logarithms 0.1, 0.2 and 0.3: their mean is 0.2, their deviation 0.1, and t of two degrees is 4.303.
        let pairs = [0.1_f64, 0.2, 0.3].map(|log| (log.exp(), 1.0));
        let Ratio { mean, low, high } = Ratio::of(&pairs).unwrap();
        assert!(close(mean.ln(), 0.2), "{mean}");
        assert!(close(low.ln(), 0.2 - 0.248_43), "{low}");
        assert!(close(high.ln(), 0.2 + 0.248_43), "{high}");
    }

    #[test]
    fn pairs_that_agree_leave_no_doubt() {
        let ratio = Ratio::of(&[(2.0, 1.0), (20.0, 10.0), (0.2, 0.1)]).unwrap();
        assert!(close(ratio.mean, 2.0) && close(ratio.low, 2.0) && close(ratio.high, 2.0), "{ratio:?}");
    }

    #[test]
    fn the_other_way_round_is_the_inverse() {
        let pairs = [(3.0, 2.0), (5.0, 4.0), (2.0, 3.0), (9.0, 7.0)];
        let ratio = Ratio::of(&pairs).unwrap();
        let inverse = Ratio::of(&pairs.map(|(one, other)| (other, one))).unwrap();
        assert!(close(ratio.mean * inverse.mean, 1.0) && close(ratio.low * inverse.high, 1.0), "{ratio:?}");
    }

    #[test]
    fn what_cannot_be_compared_is_not_compared() {
        assert_eq!(Ratio::of(&[]), None);
        assert_eq!(Ratio::of(&[(1.0, 2.0)]), None);
        assert_eq!(Ratio::of(&[(1.0, 2.0), (0.0, 2.0)]), None);
        assert_eq!(Ratio::of(&[(1.0, 2.0), (1.0, 0.0)]), None);
    }
}
