//! Criteria in three values: met, not met, or open because a missing answer could still decide. Not here: scores.

use super::{Judged, Score, Verdict};
use crate::domain::instrument::{
    Answer, AnsweredBy, Answers, Condition, Endorsed, Instrument, Item, Limit, Position, Ticks,
    Wanted,
};

/// With more ways than this to fill in the missing answers, they are not tried out one by one.
const WAYS_TRIED: usize = 1 << 10;

pub(super) fn judge_all<'a>(
    instrument: &'a Instrument,
    answers: &Answers,
    scores: &[Score<'_>],
) -> Vec<Judged<'a>> {
    let form = Form::new(instrument, answers, scores);
    let judged = instrument.criteria.iter().map(|criterion| Judged {
        criterion,
        verdict: form.decide(&criterion.condition),
    });
    judged.collect()
}

/// An answer that stands in for a missing one while a way to fill the gaps is tried.
#[derive(Debug, Clone, Copy)]
struct Assumed {
    position: Position,
    answer: Answer,
    /// Which of the gap's ways this is.
    way: usize,
}

/// Answers, with others assumed for some of the missing ones, and the scores they gave.
#[derive(Clone, Copy)]
pub(super) struct Form<'f> {
    instrument: &'f Instrument,
    answers: &'f Answers,
    scores: &'f [Score<'f>],
    assumed: &'f [Assumed],
}

impl<'f> Form<'f> {
    pub(super) fn new(
        instrument: &'f Instrument,
        answers: &'f Answers,
        scores: &'f [Score<'f>],
    ) -> Self {
        Self {
            instrument,
            answers,
            scores,
            assumed: &[],
        }
    }

    /// The verdict of the parts taken together. Parts that look at the same items can both be open although no way
    /// to fill the gaps meets both; so an open verdict is tried out.
    pub(super) fn decide(self, condition: &Condition) -> Verdict {
        match self.judge(condition) {
            Verdict::Unknown => self.try_out(condition),
            decided => decided,
        }
    }

    fn judge(self, condition: &Condition) -> Verdict {
        match condition {
            Condition::Count {
                endorsed,
                at_least,
                at_most,
            } => self.count(endorsed, *at_least, *at_most),
            Condition::Score { scale, limit } => self.reaches(*scale, *limit),
            Condition::All(parts) => self.worst(parts, Verdict::NotMet, Verdict::Met),
            Condition::Any(parts) => self.worst(parts, Verdict::Met, Verdict::NotMet),
        }
    }

    /// One part with the `deciding` verdict decides; else one open part leaves it open; else the verdict is `without`.
    fn worst(self, parts: &[Condition], deciding: Verdict, without: Verdict) -> Verdict {
        let mut verdict = without;
        for part in parts {
            match self.judge(part) {
                found if found == deciding => return deciding,
                Verdict::Unknown => verdict = Verdict::Unknown,
                _ => {}
            }
        }
        verdict
    }

    fn count(self, endorsed: &[Endorsed], at_least: u16, at_most: Option<u16>) -> Verdict {
        let (mut sure, mut open) = (0_u16, 0_u16);
        for item in endorsed {
            match self.endorses(item) {
                Verdict::Met => sure += 1,
                Verdict::Unknown => open += 1,
                Verdict::NotMet => {}
            }
        }
        let (most, limit) = (sure + open, at_most.unwrap_or(u16::MAX));
        if sure >= at_least && most <= limit {
            Verdict::Met
        } else if most < at_least || sure > limit {
            Verdict::NotMet
        } else {
            Verdict::Unknown
        }
    }

    fn endorses(self, item: &Endorsed) -> Verdict {
        if !self.instrument.is_asked(self.answers, item.position) {
            return Verdict::NotMet;
        }
        match item.wanted.is_met_by(self.answer(item.position)) {
            Some(true) => Verdict::Met,
            Some(false) => Verdict::NotMet,
            None => Verdict::Unknown,
        }
    }

    fn reaches(self, scale: usize, limit: Limit) -> Verdict {
        match self.scores.get(scale).and_then(|score| score.value) {
            Some(value) if limit.is_reached(value) => Verdict::Met,
            Some(_) => Verdict::NotMet,
            None => Verdict::Unknown,
        }
    }

    fn answer(self, position: Position) -> Answer {
        let given = self.answers.at(position);
        if self.answers.is_answered(position) {
            return given;
        }
        self.assumed
            .iter()
            .find(|filled| filled.position == position)
            .map_or(given, |filled| filled.answer)
    }

    /// Fills the gaps in every way that can make a difference, and sees whether the verdicts agree.
    fn try_out(self, condition: &Condition) -> Verdict {
        let gaps = self.gaps(condition);
        let ways = gaps
            .iter()
            .try_fold(1_usize, |ways, gap| ways.checked_mul(gap.ways.len()));
        if ways.is_none_or(|ways| ways > WAYS_TRIED) {
            return Verdict::Unknown;
        }
        let mut assumed: Vec<_> = gaps.iter().filter_map(|gap| gap.assume(0)).collect();
        let judge = |assumed: &[Assumed]| Form { assumed, ..self }.judge(condition);
        let first = judge(&assumed);
        while advance(&mut assumed, &gaps) {
            if judge(&assumed) != first {
                return Verdict::Unknown;
            }
        }
        first
    }

    fn gaps(self, condition: &Condition) -> Vec<Gap> {
        let mut asked = Vec::new();
        self.collect_gaps(condition, &mut asked);
        let mut positions: Vec<_> = asked.iter().map(|item| item.position).collect();
        positions.sort_unstable();
        positions.dedup();
        let gap = |position: Position| {
            let item = self.instrument.items.get(position)?;
            let wanted: Vec<_> = asked
                .iter()
                .filter(|asked| asked.position == position)
                .map(|asked| &asked.wanted)
                .collect();
            Some(Gap {
                position,
                ways: ways(item, &wanted),
            })
        };
        positions.into_iter().filter_map(gap).collect()
    }

    fn collect_gaps<'c>(self, condition: &'c Condition, gaps: &mut Vec<&'c Endorsed>) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| self.collect_gaps(part, gaps));
            }
            Condition::Count { endorsed, .. } => gaps.extend(
                endorsed
                    .iter()
                    .filter(|item| self.endorses(item) == Verdict::Unknown),
            ),
            Condition::Score { .. } => {}
        }
    }
}

/// A missing answer, and one answer for each way in which it can make a difference.
struct Gap {
    position: Position,
    ways: Vec<Answer>,
}

impl Gap {
    fn assume(&self, way: usize) -> Option<Assumed> {
        Some(Assumed {
            position: self.position,
            answer: *self.ways.get(way)?,
            way,
        })
    }
}

/// One answer to the item for each pattern of these being met or not.
fn ways(item: &Item, wanted: &[&Wanted]) -> Vec<Answer> {
    let pattern = |answer: Answer| -> Vec<bool> {
        wanted
            .iter()
            .map(|wanted| wanted.is_met_by(answer) == Some(true))
            .collect()
    };
    let several = item.answered_by == AnsweredBy::Several;
    let mut found: Vec<(Vec<bool>, Answer)> = Vec::new();
    let note = |found: &mut Vec<(Vec<bool>, Answer)>, answer: Answer| {
        let pattern = pattern(answer);
        if !found.iter().any(|(known, _)| *known == pattern) {
            found.push((pattern, answer));
        }
    };
    for value in item.values() {
        let answer = if several {
            Answer::Several(Ticks::default().with(value))
        } else {
            Answer::Value(value)
        };
        note(&mut found, answer);
    }
    // Ticks can come together; two at a time, until nothing new comes of it.
    let mut tried = if several { 0 } else { found.len() };
    while tried < found.len() {
        for other in 0..tried {
            if let (Some((_, Answer::Several(a))), Some((_, Answer::Several(b)))) =
                (found.get(tried).cloned(), found.get(other).cloned())
            {
                note(&mut found, Answer::Several(a.and(b)));
            }
        }
        tried += 1;
    }
    found.into_iter().map(|(_, answer)| answer).collect()
}

/// The next way to fill the gaps, like the next number of a counter; `false` after the last.
fn advance(assumed: &mut [Assumed], gaps: &[Gap]) -> bool {
    for (filled, gap) in assumed.iter_mut().zip(gaps) {
        if let Some(next) = gap.assume(filled.way + 1) {
            *filled = next;
            return true;
        }
        if let Some(first) = gap.assume(0) {
            *filled = first;
        }
    }
    false
}
