//! How invented patients fare: six kinds of course, how often each occurs, how long care lasts and how it ends. The shares are ours, chosen
//! to show every kind; they are no finding about anybody. Not here: answers and dates.

use super::chance::Chance;
use crate::domain::care::Ending;

/// The kinds of course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// Gets well within weeks.
    Recovers,
    /// Gets better, slowly and not wholly.
    ImprovesSlowly,
    /// Stays as ill as at the start.
    StaysTheSame,
    /// Gets worse.
    GetsWorse,
    /// Stops coming after a few sessions.
    DropsOut,
    /// Begins to get better, then goes on elsewhere.
    MovesOn,
}

/// Every kind with its share of all episodes.
const SHARES: [(Fate, f64); 6] = [
    (Fate::Recovers, 0.33),
    (Fate::ImprovesSlowly, 0.23),
    (Fate::StaysTheSame, 0.17),
    (Fate::GetsWorse, 0.08),
    (Fate::DropsOut, 0.14),
    (Fate::MovesOn, 0.05),
];

/// One course: where it begins, where it tends, how fast, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Course {
    /// Its kind.
    pub fate: Fate,
    /// How ill at the start, as a share of the scale's range.
    pub start: f64,
    /// How ill in the long run, as a share of the range.
    pub goal: f64,
    /// Weeks in which about two thirds of the way are gone.
    pub pace_weeks: f64,
    /// How much single answers scatter around the course, as a share of the range.
    pub scatter: f64,
    /// Weeks of care, if nothing stops it.
    pub weeks: i64,
    /// How it ends then.
    pub ending: Ending,
}

impl Fate {
    /// A kind, each as often as its share.
    pub fn draw(chance: &mut Chance) -> Fate {
        SHARES
            .get(chance.weighted(&SHARES.map(|(_, share)| share)))
            .map_or(Fate::Recovers, |(fate, _)| *fate)
    }
}

impl Course {
    /// A course of this kind.
    pub fn draw(fate: Fate, chance: &mut Chance) -> Course {
        let start = (0.56 + 0.14 * chance.bell()).clamp(0.22, 0.88);
        let (goal, pace_weeks, weeks) = match fate {
            Fate::Recovers => (
                chance.between(0.03, 0.14),
                chance.between(2.5, 5.0),
                chance.whole(9, 18),
            ),
            Fate::ImprovesSlowly => (
                start * chance.between(0.4, 0.65),
                chance.between(7.0, 13.0),
                chance.whole(16, 34),
            ),
            Fate::StaysTheSame => (
                start + chance.between(-0.08, 0.06),
                10.0,
                chance.whole(12, 36),
            ),
            Fate::GetsWorse => (
                start + chance.between(0.2, 0.4),
                chance.between(5.0, 9.0),
                chance.whole(8, 24),
            ),
            Fate::DropsOut => (start * chance.between(0.8, 1.1), 8.0, chance.whole(1, 5)),
            Fate::MovesOn => (
                start * chance.between(0.5, 0.8),
                chance.between(6.0, 9.0),
                chance.whole(5, 14),
            ),
        };
        Course {
            fate,
            start,
            goal,
            pace_weeks,
            scatter: chance.between(0.03, 0.07),
            weeks,
            ending: ending(fate, chance),
        }
    }

    /// How ill this many weeks in, as a share of the range, with the day's scatter.
    pub fn severity(&self, weeks: f64, chance: &mut Chance) -> f64 {
        let gone = weeks / self.pace_weeks;
        // Close to an exponential approach, with plain arithmetic: every machine computes the same digits.
        let left = 1.0 / (1.0 + gone + gone * gone / 2.0);
        (self.goal + (self.start - self.goal) * left + self.scatter * chance.bell())
            .clamp(0.0, 0.97)
    }
}

fn ending(fate: Fate, chance: &mut Chance) -> Ending {
    let [planned, unplanned] = match fate {
        Fate::Recovers => [0.93, 0.05],
        Fate::ImprovesSlowly => [0.72, 0.20],
        Fate::StaysTheSame => [0.50, 0.32],
        Fate::GetsWorse => [0.30, 0.35],
        Fate::DropsOut => [0.0, 1.0],
        Fate::MovesOn => [0.0, 0.0],
    };
    match chance.weighted(&[planned, unplanned, 1.0 - planned - unplanned]) {
        0 => Ending::Planned,
        1 => Ending::Unplanned,
        _ => Ending::Transferred,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_at(fate: Fate, weeks: f64) -> f64 {
        let mut chance = Chance::of(5, 5);
        (0..500)
            .map(|_| Course::draw(fate, &mut chance).severity(weeks, &mut chance))
            .sum::<f64>()
            / 500.0
    }

    #[test]
    fn the_recovered_end_low_and_the_worse_end_high() {
        assert!(mean_at(Fate::Recovers, 15.0) < 0.2);
        assert!(mean_at(Fate::GetsWorse, 15.0) > mean_at(Fate::GetsWorse, 0.0) + 0.12);
        assert!(
            (mean_at(Fate::StaysTheSame, 15.0) - mean_at(Fate::StaysTheSame, 0.0)).abs() < 0.05
        );
    }

    #[test]
    fn every_kind_of_course_and_of_ending_occurs() {
        let mut chance = Chance::of(2, 2);
        let drawn: Vec<Course> = (0..1_000)
            .map(|_| Fate::draw(&mut chance))
            .map(|fate| Course::draw(fate, &mut Chance::of(fate as u64, 9)))
            .collect();
        assert!(
            SHARES
                .iter()
                .all(|(fate, _)| drawn.iter().any(|course| course.fate == *fate))
        );
        assert!((SHARES.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-9);
        let mut chance = Chance::of(2, 3);
        let endings: Vec<Ending> = (0..500)
            .map(|_| ending(Fate::GetsWorse, &mut chance))
            .collect();
        for wanted in [Ending::Planned, Ending::Unplanned, Ending::Transferred] {
            assert!(endings.contains(&wanted));
        }
    }
}
