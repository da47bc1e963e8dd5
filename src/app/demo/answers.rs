//! Answers that add up to how ill somebody is: drawn item by item, for any questionnaire. Scores are never drawn; they are computed from
//! these answers by the program's own scoring.

use super::chance::Chance;
use crate::domain::instrument::{AnsweredBy, Answers, Instrument, Position};

/// What drawing needs to know of a questionnaire, worked out once.
#[derive(Debug)]
pub struct Form<'a> {
    /// The questionnaire.
    pub instrument: &'a Instrument,
    items: Vec<FormItem>,
}

#[derive(Debug)]
struct FormItem {
    /// The values of its options, lowest first.
    values: Vec<i16>,
    part: Part,
}

/// What an item is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Counts in the first scale.
    Counted,
    /// Counts, and a risk rule watches it.
    Watched,
    /// Decides whether others are asked.
    Gate,
    /// Stands beside the scale, such as a question about difficulty.
    Beside,
}

/// How readily one person endorses each item of a questionnaire; the same throughout their care.
#[derive(Debug, Clone)]
pub struct Leanings(Vec<f64>);

impl<'a> Form<'a> {
    /// A questionnaire, ready for drawing.
    pub fn of(instrument: &'a Instrument) -> Self {
        let items = (0..instrument.items.len())
            .filter_map(|at| item(instrument, at))
            .collect();
        Form { instrument, items }
    }

    /// A person's leanings on this questionnaire. Most people never endorse a watched item; those who do, seldom.
    pub fn leanings(&self, chance: &mut Chance) -> Leanings {
        let troubled = chance.happens(0.3);
        Leanings(
            self.items
                .iter()
                .map(|item| match item.part {
                    Part::Watched if troubled => chance.between(0.05, 0.35),
                    Part::Watched => 0.0,
                    _ => chance.between(0.5, 1.5),
                })
                .collect(),
        )
    }

    /// Answers whose total lies at this share of the range, as far as the leanings allow.
    pub fn draw(&self, severity: f64, leanings: &Leanings, chance: &mut Chance) -> Answers {
        let mut answers = Answers::none(self.instrument);
        for (at, item) in self.items.iter().enumerate() {
            let level = match item.part {
                Part::Gate => usize::from(chance.happens(0.35 + severity)) * item.top(),
                Part::Beside => nearest(
                    severity * item.top() as f64 + 0.4 * chance.bell(),
                    item.top(),
                ),
                Part::Counted | Part::Watched => continue,
            };
            self.put(&mut answers, at, level);
        }
        for (at, level) in self
            .levels(severity, leanings, chance)
            .into_iter()
            .enumerate()
        {
            if self.counts(at) && self.instrument.is_asked(&answers, at) {
                self.put(&mut answers, at, level);
            }
        }
        answers
    }

    /// Raises watched items to at least one step below their highest answer.
    pub fn alarm(&self, answers: &mut Answers) {
        for (at, item) in self
            .items
            .iter()
            .enumerate()
            .filter(|(_, item)| item.part == Part::Watched)
        {
            self.put(answers, at, item.top().saturating_sub(1));
        }
    }

    /// Leaves out one or two answers, as people do.
    pub fn leave_out(&self, answers: &mut Answers, chance: &mut Chance) {
        for _ in 0..chance.whole(1, 2) {
            answers.clear(chance.weighted(&vec![1.0; self.items.len()]));
        }
    }

    /// Keeps only the first answers: somebody stopped in the middle.
    pub fn stop_early(&self, answers: &mut Answers) {
        (self.items.len() / 2..self.items.len()).for_each(|at| answers.clear(at));
    }

    fn counts(&self, at: Position) -> bool {
        self.items
            .get(at)
            .is_some_and(|item| matches!(item.part, Part::Counted | Part::Watched))
    }

    fn put(&self, answers: &mut Answers, at: Position, level: usize) {
        let value = self.items.get(at).and_then(|item| item.values.get(level));
        let (Some(value), Some(item)) = (value, self.instrument.items.get(at)) else {
            return;
        };
        match item.answered_by {
            AnsweredBy::Several => answers.set_several(self.instrument, at, &[*value]),
            _ => answers.set(self.instrument, at, *value),
        }
        .expect("the values are the item's own options");
    }

    /// One step at a time, to whichever item leans most and has room left, until the total is there.
    fn levels(&self, severity: f64, leanings: &Leanings, chance: &mut Chance) -> Vec<usize> {
        let mut levels = vec![0; self.items.len()];
        let range: usize = self
            .items
            .iter()
            .enumerate()
            .filter(|(at, _)| self.counts(*at))
            .map(|(_, item)| item.top())
            .sum();
        let mut pull: Vec<f64> = (0..self.items.len())
            .map(|at| self.pull(at, 0, leanings))
            .collect();
        for _ in 0..nearest(severity * range as f64, range) {
            let at = chance.weighted(&pull);
            if let (Some(level), Some(weight)) = (levels.get_mut(at), pull.get_mut(at))
                && *weight > 0.0
            {
                *level += 1;
                *weight = self.pull(at, *level, leanings);
            }
        }
        levels
    }

    fn pull(&self, at: Position, level: usize, leanings: &Leanings) -> f64 {
        let room = self
            .items
            .get(at)
            .map_or(0, |item| item.top().saturating_sub(level));
        if self.counts(at) {
            leanings.0.get(at).copied().unwrap_or(0.0) * room as f64
        } else {
            0.0
        }
    }
}

impl FormItem {
    fn top(&self) -> usize {
        self.values.len().saturating_sub(1)
    }
}

fn item(instrument: &Instrument, at: Position) -> Option<FormItem> {
    let mut values: Vec<i16> = instrument.items.get(at)?.values().collect();
    values.sort_unstable();
    let counted = instrument
        .scales
        .first()
        .is_some_and(|scale| scale.items.iter().any(|item| item.position == at));
    let gate = instrument.items.iter().any(|other| {
        other
            .asked_when
            .as_ref()
            .is_some_and(|when| when.looks_at(at))
    });
    let watched = instrument.risk_rules.iter().any(|rule| rule.item == at);
    let part = match (counted, watched, gate) {
        (true, true, _) => Part::Watched,
        (true, false, _) => Part::Counted,
        (false, _, true) => Part::Gate,
        (false, _, false) => Part::Beside,
    };
    Some(FormItem { values, part })
}

/// The nearest whole number from 0 to `top`.
fn nearest(value: f64, top: usize) -> usize {
    // A cast from a float saturates, so a negative value becomes 0.
    (value.round() as usize).min(top)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::{Library, Person};
    use crate::domain::scoring;

    #[test]
    fn totals_follow_how_ill_somebody_is() {
        for id in ["phq9", "gad7", "pcl5"] {
            let form = Form::of(Library::embedded().get(id).unwrap());
            let mut chance = Chance::of(1, 1);
            let leanings = form.leanings(&mut chance);
            for severity in [0.0, 0.1, 0.3, 0.5, 0.7] {
                let answers = form.draw(severity, &leanings, &mut chance);
                let scored = scoring::score(form.instrument, &answers, Person::default());
                let score = &scored.scores[0];
                let wanted = (severity * score.scale.highest).round();
                assert_eq!(score.value, Some(wanted), "{id} at {severity}");
            }
        }
    }

    #[test]
    fn an_item_that_is_not_asked_gets_no_answer() {
        let form = Form::of(Library::embedded().get("pc_ptsd_5").unwrap());
        let mut chance = Chance::of(1, 1);
        let leanings = form.leanings(&mut chance);
        let drawn: Vec<Answers> = (0..50)
            .map(|_| form.draw(0.4, &leanings, &mut chance))
            .collect();
        for answers in &drawn {
            assert_eq!(
                answers.answered(),
                if answers.get(0) == Some(0) { 1 } else { 6 }
            );
        }
        assert!(
            drawn.iter().any(|answers| answers.answered() == 1)
                && drawn.iter().any(|answers| answers.answered() == 6)
        );
    }

    #[test]
    fn most_people_never_endorse_a_watched_item() {
        let form = Form::of(Library::embedded().get("phq9").unwrap());
        let mut chance = Chance::of(4, 4);
        let people = (0..500).filter(|_| {
            let leanings = form.leanings(&mut chance);
            (0..10).any(|_| {
                form.draw(0.5, &leanings, &mut chance)
                    .get(8)
                    .is_some_and(|value| value > 0)
            })
        });
        let people = people.count();
        assert!((60..200).contains(&people), "{people} of 500");
    }
}
