//! Dice that fall the same way each time.

/// Numbers that look random, and are the same for the same seed: a recording may be made with them, so how they fall is
/// not changed.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall as this number says.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1))
    }

    /// Knuth's linear congruences, of which the upper half is random enough.
    fn word(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 32).unwrap_or_default()
    }

    /// A number from 0 to 1.
    pub fn roll(&mut self) -> f64 {
        f64::from(self.word()) / f64::from(u32::MAX)
    }

    /// A number below this one; 0 below 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        let number = u64::from(self.word()) << 32 | u64::from(self.word());
        number % limit.max(1)
    }

    /// Whether it comes that comes once in so many times.
    pub fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    /// An index of what has so many elements.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }

    /// One of these, of which there has to be one.
    pub fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.index(among.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_falls_the_same_way_and_another_one_another() {
        let fall = |seed| {
            let mut dice = Dice::new(seed);
            std::array::from_fn::<_, 8, _>(|_| dice.below(1_000_000))
        };
        assert_eq!(fall(1), fall(1));
        assert_ne!(fall(1), fall(2));
    }

    #[test]
    fn every_side_comes_up_about_as_often() {
        let mut times = [0_u32; 6];
        for seed in 0..600 {
            let mut dice = Dice::new(seed);
            for _ in 0..10 {
                times[dice.index(6)] += 1;
            }
        }
        assert!(times.iter().all(|times| (850..1_150).contains(times)), "{times:?}");
        assert_eq!((Dice::new(0).below(0), Dice::new(0).below(1)), (0, 0));
    }
}
