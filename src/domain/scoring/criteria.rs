//! Criteria in three values: met, not met, or open because a missing answer could still decide. Not here: scores.

use super::{Judged, Verdict};
use crate::domain::instrument::{Answers, Condition, Endorsed, Instrument, Item, Position};

/// With more missing answers than this, the ways to fill them in are not tried out one by one.
const GAPS_TRIED: usize = 10;

pub(super) fn judge_all<'a>(instrument: &'a Instrument, answers: &Answers) -> Vec<Judged<'a>> {
    let judged = instrument.criteria.iter().map(|criterion| {
        let form = Form {
            instrument,
            answers,
            assumed: &[],
        };
        Judged {
            criterion,
            verdict: form.decide(&criterion.condition),
        }
    });
    judged.collect()
}

/// A value that stands in for a missing answer while a way to fill the gaps is tried.
#[derive(Debug, Clone, Copy)]
struct Assumed {
    position: Position,
    value: i16,
}

/// Answers, with values assumed for some of the missing ones.
#[derive(Clone, Copy)]
struct Form<'f> {
    instrument: &'f Instrument,
    answers: &'f Answers,
    assumed: &'f [Assumed],
}

impl Form<'_> {
    /// The verdict of the parts taken together. Parts that look at the same items can both be open although no way
    /// to fill the gaps meets both; so an open verdict is tried out.
    fn decide(self, condition: &Condition) -> Verdict {
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
            match self.endorses(*item) {
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

    fn endorses(self, item: Endorsed) -> Verdict {
        if !self.instrument.is_asked(self.answers, item.position) {
            return Verdict::NotMet;
        }
        match self.answer(item.position) {
            Some(value) if value >= item.from => Verdict::Met,
            Some(_) => Verdict::NotMet,
            None => Verdict::Unknown,
        }
    }

    fn answer(self, position: Position) -> Option<i16> {
        let assumed = || {
            self.assumed
                .iter()
                .find(|filled| filled.position == position)
                .map(|filled| filled.value)
        };
        self.answers.get(position).or_else(assumed)
    }

    /// Fills the gaps in every way that can make a difference, and sees whether the verdicts agree.
    fn try_out(self, condition: &Condition) -> Verdict {
        let gaps = self.gaps(condition);
        if gaps.len() > GAPS_TRIED {
            return Verdict::Unknown;
        }
        let mut assumed: Vec<_> = gaps.iter().map(|gap| gap.first()).collect();
        let first = Form {
            assumed: &assumed,
            ..self
        }
        .judge(condition);
        while advance(&mut assumed, &gaps) {
            if (Form {
                assumed: &assumed,
                ..self
            })
            .judge(condition)
                != first
            {
                return Verdict::Unknown;
            }
        }
        first
    }

    fn gaps(self, condition: &Condition) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = Vec::new();
        self.collect_gaps(condition, &mut gaps);
        gaps
    }

    fn lowest(self, position: Position) -> i16 {
        self.instrument.items.get(position).map_or(0, Item::lowest)
    }

    fn collect_gaps(self, condition: &Condition, gaps: &mut Vec<Gap>) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| self.collect_gaps(part, gaps));
            }
            Condition::Count { endorsed, .. } => {
                let open = endorsed
                    .iter()
                    .filter(|item| self.endorses(**item) == Verdict::Unknown);
                open.for_each(|item| note(gaps, *item, self.lowest(item.position)));
            }
        }
    }
}

/// A missing answer and the values that can make a difference: the lowest, and every threshold asked of it.
struct Gap {
    position: Position,
    lowest: i16,
    thresholds: Vec<i16>,
}

impl Gap {
    fn first(&self) -> Assumed {
        Assumed {
            position: self.position,
            value: self.lowest,
        }
    }

    /// The value to try after this one.
    fn after(&self, value: i16) -> Option<i16> {
        self.thresholds
            .iter()
            .copied()
            .filter(|&threshold| threshold > value)
            .min()
    }
}

fn note(gaps: &mut Vec<Gap>, item: Endorsed, lowest: i16) {
    match gaps.iter_mut().find(|gap| gap.position == item.position) {
        Some(gap) => gap.thresholds.push(item.from),
        None => gaps.push(Gap {
            position: item.position,
            lowest,
            thresholds: vec![item.from],
        }),
    }
}

/// The next way to fill the gaps, like the next number of a counter; `false` after the last.
fn advance(assumed: &mut [Assumed], gaps: &[Gap]) -> bool {
    for (filled, gap) in assumed.iter_mut().zip(gaps) {
        if let Some(value) = gap.after(filled.value) {
            filled.value = value;
            return true;
        }
        filled.value = gap.lowest;
    }
    false
}
