//! An episode's course on one scale in one row: first, last, best, how many, and the newest values. Kept up to date with every score, so
//! that no list and no evaluation has to read the history.

use crate::domain::change::Direction;
use crate::domain::ids::InformantId;
use crate::domain::schedule::is_follow_up;
use chrono::NaiveDateTime;

/// A score and when it was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extreme {
    /// The score, in points.
    pub value: f64,
    /// When, UTC.
    pub at: NaiveDateTime,
}

/// Whether the scores of an occasion, by its name and who answered it if not the patient, are part of its episode's course. What somebody else answers about
/// the patient is a series of its own. A follow-up tells of the time after care: what care that has ended came to must not change any more.
#[must_use]
pub fn is_of_course(occasion: &str, informant: Option<InformantId>) -> bool {
    informant.is_none() && !is_follow_up(occasion)
}

/// The course of one episode on one scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// How many scores there are; at least 1.
    pub n: u32,
    /// The earliest: the baseline.
    pub first: Extreme,
    /// The latest.
    pub last: Extreme,
    /// The best so far, by the scale's direction; the earlier one of equals.
    pub best: Extreme,
    /// The newest values, oldest first.
    pub recent: Vec<f64>,
}

impl Course {
    /// A course that begins with this score.
    pub fn begin(score: Extreme) -> Self {
        Course {
            n: 1,
            first: score,
            last: score,
            best: score,
            recent: vec![score.value],
        }
    }

    /// Adds a score, keeping at most `most` recent values. A score that is older than the last one (entered late) may become the first or
    /// best, but not the last.
    pub fn add(&mut self, score: Extreme, direction: Direction, most: usize) {
        self.n += 1;
        let better = match direction {
            Direction::HigherIsWorse => score.value < self.best.value,
            Direction::HigherIsBetter => score.value > self.best.value,
        };
        if better {
            self.best = score;
        }
        if score.at < self.first.at {
            self.first = score;
        }
        if score.at < self.last.at {
            return;
        }
        self.last = score;
        self.recent.push(score.value);
        let surplus = self.recent.len().saturating_sub(most);
        self.recent.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(value: f64, hour: i64) -> Extreme {
        Extreme {
            value,
            at: chrono::DateTime::from_timestamp(hour * 3600, 0)
                .unwrap()
                .naive_utc(),
        }
    }

    #[test]
    fn only_what_the_patient_answered_up_to_the_end_of_care_is_of_its_course() {
        for occasion in [
            "intake",
            "weeks 2026-03-02",
            "session 1",
            "given 1",
            "entered 1",
            "discharge",
            "discharge (2)",
        ] {
            assert!(is_of_course(occasion, None), "{occasion}");
            let somebody = InformantId::from_uuid(uuid::Uuid::nil());
            assert!(!is_of_course(occasion, Some(somebody)), "{occasion}");
        }
        for occasion in ["follow-up 3", "follow-up 12 (2)"] {
            assert!(!is_of_course(occasion, None), "{occasion}");
        }
    }

    #[test]
    fn a_late_entry_never_becomes_the_last_score() {
        let mut course = Course::begin(score(18.0, 10));
        course.add(score(12.0, 20), Direction::HigherIsWorse, 8);
        course.add(score(20.0, 5), Direction::HigherIsWorse, 8);
        assert_eq!(
            (
                course.n,
                course.first.value,
                course.last.value,
                course.best.value
            ),
            (3, 20.0, 12.0, 12.0)
        );
        assert_eq!(course.recent, [18.0, 12.0]);
    }

    #[test]
    fn only_the_newest_values_are_kept() {
        let mut course = Course::begin(score(0.0, 0));
        for hour in 1..20 {
            course.add(score(hour as f64, hour), Direction::HigherIsBetter, 8);
        }
        assert_eq!(
            course.recent,
            [12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0]
        );
        assert_eq!(course.best.value, 19.0);
    }
}
