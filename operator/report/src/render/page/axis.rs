//! Where an axis has its marks, and how they are written.

/// Marks of an axis of values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Marks {
    /// Where, from the lowest.
    pub at: Vec<f64>,
    decimals: usize,
}

impl Marks {
    /// How a mark is written: all of an axis with as many decimals.
    pub(super) fn text(&self, value: f64) -> String {
        let decimals = self.decimals;
        format!("{value:.decimals$}")
    }

    /// The last mark.
    pub(super) fn last(&self) -> f64 {
        self.at.last().copied().unwrap_or_default()
    }

    /// The first mark.
    pub(super) fn first(&self) -> f64 {
        self.at.first().copied().unwrap_or_default()
    }
}

/// About `wanted` marks, from at or below `low` to at or above `high`, at distances of 1, 2 or 5 and a power of ten.
pub(super) fn marks(low: f64, high: f64, wanted: f64) -> Marks {
    let span = if high > low { high - low } else { 1.0 };
    let power = (span / wanted).log10().floor();
    let unit = 10_f64.powf(power);
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * unit).find(|step| span / step <= wanted);
    let step = step.unwrap_or(unit * 10.0);
    let first = (low / step).floor();
    let count = ((if high > low { high } else { low + 1.0 }) / step).ceil() - first;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a handful of marks")]
    let count = count.clamp(1.0, 100.0) as u32;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an exponent, not below 0")]
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    let at = (0..=count).map(|mark| (first + f64::from(mark)) * step).collect();
    Marks { at, decimals }
}

/// Steps of a time axis that people count in, in seconds.
const TIME_STEPS: [f64; 19] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0,
    21_600.0, 43_200.0, 86_400.0, 172_800.0,
];

/// The instants within the window that are marked, in seconds.
pub(super) fn instants(from: f64, to: f64) -> Vec<f64> {
    let step = TIME_STEPS.into_iter().find(|step| (to - from) / step <= 12.0).unwrap_or(604_800.0);
    let mut at = (from / step).ceil() * step;
    let mut instants = Vec::new();
    while at <= to && instants.len() < 100 {
        instants.push(at);
        at += step;
    }
    instants
}

/// Seconds as a clock counts them from an instant: `-0:30`, `12:05`, `1:00:00`.
pub(super) fn clock(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a run")]
    let whole = seconds.abs().round() as u64;
    let sign = if seconds < 0.0 && whole > 0 { "−" } else { "" };
    let (hours, minutes, seconds) = (whole / 3_600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{sign}{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{sign}{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_at_round_distances_and_reach_beyond_the_values() {
        let texts = |low, high| {
            let marks = marks(low, high, 4.0);
            marks.at.iter().map(|at| marks.text(*at)).collect::<Vec<_>>()
        };
        assert_eq!(texts(0.0, 18.4), ["0", "5", "10", "15", "20"]);
        assert_eq!(texts(0.0, 0.3), ["0.0", "0.1", "0.2", "0.3"]);
        assert_eq!(texts(0.0, 0.0), ["0.0", "0.5", "1.0"]);
        assert_eq!(texts(-1.0, 2.0), ["-1", "0", "1", "2"]);
    }

    #[test]
    fn time_is_marked_in_steps_that_people_count_in() {
        assert_eq!(instants(-12.0, 60.0), [-10.0, 0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(instants(0.0, 1_200.0).len(), 11);
        let texts = [-30.0, 0.0, 725.0, 3_600.0].map(clock);
        assert_eq!(texts, ["−0:30", "0:00", "12:05", "1:00:00"]);
    }
}
