//! Chance that falls the same way on every run: a small generator of our own, so that no update of a dependency changes the demo.
//! Not for secrets, ever.

use crate::domain::ids::Id;
use crate::store::seeded;
use chrono::NaiveDateTime;

/// SplitMix64 (Steele, Lea, Flood 2014, doi 10.1145/2660193.2660195): one 64-bit state, good enough for believable stories.
#[derive(Debug, Clone)]
pub struct Chance {
    state: u64,
}

/// The step of the generator: 2^64 divided by the golden ratio, made odd.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Chance {
    /// The chance of one story within everything that a seed tells; stories do not depend on each other.
    pub fn of(seed: u64, story: u64) -> Self {
        Chance {
            state: mixed(seed ^ mixed(story.wrapping_add(STEP))),
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mixed(self.state)
    }

    /// A number from 0 up to but not 1.
    pub fn unit(&mut self) -> f64 {
        // The upper 53 bits: as many as a double holds exactly.
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number between two ends.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number between two ends, both included.
    pub fn whole(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low).unwrap_or(0) + 1;
        low + i64::try_from(self.next() % span).unwrap_or(0)
    }

    /// Whether something happens that happens in this share of cases.
    pub fn happens(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// A number around 0 with a standard deviation of 1: four even ones added, so that it is the same on every machine.
    pub fn bell(&mut self) -> f64 {
        let sum: f64 = (0..4).map(|_| self.unit()).sum();
        (sum - 2.0) * 3f64.sqrt()
    }

    /// One of a list.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let at = usize::try_from(self.next() % (list.len().max(1) as u64)).unwrap_or(0);
        list.get(at).expect("nobody picks from an empty list")
    }

    /// A position, each as often as its weight says; the last one when all weights are 0.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (at, weight) in weights.iter().enumerate() {
            if left < *weight {
                return at;
            }
            left -= weight;
        }
        weights.len().saturating_sub(1)
    }
}

/// Maker of ids within one story. Later ones sort behind earlier ones, and all lie at the story's own moment: stories that are told in
/// the order of their moments append to every table, however far each reaches into the year.
#[derive(Debug)]
pub struct Ids {
    moment: NaiveDateTime,
    made: u16,
}

impl Ids {
    /// Ids at this moment.
    pub fn at(moment: NaiveDateTime) -> Self {
        Ids { moment, made: 0 }
    }

    /// The next id; twelve bits count, so that up to 4,096 ids keep their order.
    pub fn next<K>(&mut self, chance: &mut Chance) -> Id<K> {
        self.made = self.made.wrapping_add(1);
        counted(self.moment, self.made, chance)
    }

    /// An id at a moment of its own, for the rows that are looked for by time across all stories.
    pub fn then<K>(&mut self, moment: NaiveDateTime, chance: &mut Chance) -> Id<K> {
        self.made = self.made.wrapping_add(1);
        counted(moment, self.made, chance)
    }
}

fn counted<K>(moment: NaiveDateTime, count: u16, chance: &mut Chance) -> Id<K> {
    let mut random = [0; 10];
    let (count_bytes, rest) = random.split_at_mut(2);
    count_bytes.copy_from_slice(&count.to_be_bytes());
    rest.copy_from_slice(&chance.next().to_be_bytes());
    seeded(moment, &random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{PatientId, kind};

    #[test]
    fn the_same_seed_and_story_fall_the_same_way() {
        let draw = |seed, story| Chance::of(seed, story).whole(0, 1_000_000);
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn the_bell_is_centred_and_one_wide() {
        let mut chance = Chance::of(7, 7);
        let values: Vec<f64> = (0..20_000).map(|_| chance.bell()).collect();
        let mean = values.iter().sum::<f64>() / 20_000.0;
        let variance = values
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum::<f64>()
            / 20_000.0;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
    }

    #[test]
    fn weights_are_kept_and_nothing_of_no_weight_is_picked() {
        let mut chance = Chance::of(3, 3);
        let mut seen = [0; 3];
        for _ in 0..10_000 {
            seen[chance.weighted(&[3.0, 0.0, 1.0])] += 1;
        }
        assert_eq!(seen[1], 0);
        assert!((7_200..7_800).contains(&seen[0]), "{seen:?}");
    }

    #[test]
    fn ids_of_a_story_keep_their_order() {
        let mut chance = Chance::of(1, 1);
        let mut ids = Ids::at(
            chrono::DateTime::from_timestamp(1_700_000_000, 0)
                .unwrap()
                .naive_utc(),
        );
        let made: Vec<PatientId> = (0..1_000)
            .map(|_| ids.next::<kind::Patient>(&mut chance))
            .collect();
        assert!(made.is_sorted() && made.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
