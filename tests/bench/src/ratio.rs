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
        let logs = logs(pairs);
        if logs.len() < 2 || logs.iter().any(|log| !log.is_finite()) {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a few pairs")]
        let count = logs.len() as f64;
        let mean = logs.iter().sum::<f64>() / count;
        let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Self::around(mean, (variance / count).sqrt(), logs.len() - 1)
    }

    /// The ratio of the first to the second of each pair as it is where the machine was equally fast for both, which
    /// the pairs of `speeds` say: the logarithms of the former are explained by those of the latter by least squares,
    /// and what is left where the speeds are equal is the ratio. Noise that comes from the machine is gone then, and
    /// how much of a difference in speed shows in the figures is not assumed, but found.
    ///
    /// `None` for fewer than four pairs, speeds that never differ, or what is no positive number.
    pub fn at_equal_speed(pairs: &[(f64, f64)], speeds: &[(f64, f64)]) -> Option<Self> {
        let (figures, speeds) = (logs(pairs), logs(speeds));
        if figures.len() < 4 || figures.len() != speeds.len() {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a few pairs")]
        let count = figures.len() as f64;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
        let (mean_figure, mean_speed) = (mean(&figures), mean(&speeds));
        let spread: f64 = speeds.iter().map(|speed| (speed - mean_speed).powi(2)).sum();
        let both = || figures.iter().zip(&speeds);
        let slope = both().map(|(figure, speed)| figure * (speed - mean_speed)).sum::<f64>() / spread;
        let at_equal = mean_figure - slope * mean_speed;
        let unexplained: f64 =
            both().map(|(figure, speed)| (figure - at_equal - slope * speed).powi(2)).sum();
        let error = (unexplained / (count - 2.0) * (1.0 / count + mean_speed.powi(2) / spread)).sqrt();
        let ratio = Self::around(at_equal, error, figures.len() - 2)?;
        [ratio.mean, ratio.low, ratio.high].iter().all(|end| end.is_finite()).then_some(ratio)
    }

    /// The ratio with this logarithm, which has this standard error with so many degrees of freedom.
    fn around(log: f64, error: f64, degrees: usize) -> Option<Self> {
        let half = T.get(degrees - 1).or(T.last())? * error;
        Some(Self { mean: log.exp(), low: (log - half).exp(), high: (log + half).exp() })
    }
}

/// The logarithms of the pairs' ratios.
fn logs(pairs: &[(f64, f64)]) -> Vec<f64> {
    pairs.iter().map(|(one, other)| (one / other).ln()).collect()
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
    fn at_equal_speed_the_line_is_the_one_of_the_textbook() {
        // Through (-2, 1), (-1, 3), (1, 2) and (2, 4) goes 2.5 + 0.5 x; what it leaves is -0.5, 1, -1, 0.5. So the error
        // at zero is the root of 2.5 / 2 / 4, and t of two degrees is 4.303.
        let hundredths = |values: [f64; 4]| values.map(|value| ((value / 100.0).exp(), 1.0));
        let (pairs, speeds) = (hundredths([1.0, 3.0, 2.0, 4.0]), hundredths([-2.0, -1.0, 1.0, 2.0]));
        let Ratio { mean, low, high } = Ratio::at_equal_speed(&pairs, &speeds).unwrap();
        assert!(close(mean.ln(), 0.025), "{mean}");
        assert!(close(low.ln(), 0.025 - 0.024_05), "{low}");
        assert!(close(high.ln(), 0.025 + 0.024_05), "{high}");
    }

    #[test]
    fn a_machine_that_was_faster_for_one_does_not_flatter_it() {
        let speeds = [(1.2, 1.0), (1.0, 1.1), (1.3, 1.0), (1.0, 1.0), (1.1, 1.0)];
        // The figures grow with the speed's square, and the first way costs a tenth.
        let pairs = speeds.map(|(one, other): (f64, f64)| (0.9 * one.powi(2), other.powi(2)));
        let ratio = Ratio::at_equal_speed(&pairs, &speeds).unwrap();
        assert!(close(ratio.mean, 0.9) && close(ratio.low, 0.9) && close(ratio.high, 0.9), "{ratio:?}");
        assert!(Ratio::of(&pairs).unwrap().mean > 1.0);
    }

    #[test]
    fn without_enough_speeds_nothing_is_said_of_equal_ones() {
        let pairs = [(1.0, 2.0), (2.0, 3.0), (3.0, 4.0), (4.0, 5.0)];
        for speeds in [vec![], pairs[..3].to_vec(), vec![(1.0, 1.0); 4], vec![(0.0, 1.0); 4]] {
            assert_eq!(Ratio::at_equal_speed(&pairs, &speeds), None, "{speeds:?}");
        }
        assert_eq!(Ratio::at_equal_speed(&pairs[..3], &pairs[..3]), None);
    }

    #[test]
    fn what_cannot_be_compared_is_not_compared() {
        assert_eq!(Ratio::of(&[]), None);
        assert_eq!(Ratio::of(&[(1.0, 2.0)]), None);
        assert_eq!(Ratio::of(&[(1.0, 2.0), (0.0, 2.0)]), None);
        assert_eq!(Ratio::of(&[(1.0, 2.0), (1.0, 0.0)]), None);
    }
}
