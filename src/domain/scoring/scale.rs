//! One scale: adding up, what happens when an answer is missing, looking up, bands. Not here: criteria.

use super::criteria::Form;
use super::{Completion, Reason, Score, Verdict};
use crate::domain::instrument::{
    Answer, Answers, Blank, Instrument, Item, Method, MissingRule, NotAsked, Person, Rounding,
    Scale, ScaleItem,
};

/// What is there of a scale.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    /// The counted values added up, or the highest of them.
    sum: i32,
    /// Items, or rules where the scale counts rules.
    counted: u16,
    /// Of those that count, how many have no answer.
    missing: u16,
    answered: u16,
    not_asked: u16,
    declined: u16,
}

pub(super) fn score<'a>(
    instrument: &'a Instrument,
    scale: &'a Scale,
    answers: &Answers,
    person: Person,
) -> Score<'a> {
    let tally = tally(instrument, scale, answers);
    let limited = limited(instrument, scale);
    let missing = match scale.missing_over {
        Some(_) => self::tally(instrument, limited, answers).missing,
        None => tally.missing,
    };
    let raw = result(scale, tally).filter(|_| missing <= scale.missing.tolerates());
    let row = raw.and_then(|raw| scale.lookup.as_ref()?.row(raw));
    let value = match scale.lookup {
        Some(_) => row.map(|row| row.score),
        None => raw,
    };
    let out_of = raw.and_then(|_| out_of(instrument, scale, answers, tally));
    let mut fitting = scale.bandings_for(person);
    let banding = fitting.next();
    // Bands were published for the whole scale: with items left out of a sum they say nothing.
    let banded = value.filter(|_| out_of.is_none());
    Score {
        scale,
        value,
        reason: value.is_none().then(|| {
            reason(
                instrument,
                limited,
                scale.missing.tolerates(),
                answers,
                tally,
            )
        }),
        raw: raw.filter(|_| scale.lookup.is_some()),
        standard_error: row.and_then(|row| row.standard_error),
        out_of,
        banding,
        band: banded.and_then(|value| banding?.band(value)),
        other_bands: match banded {
            Some(value) => fitting
                .filter_map(|other| Some((other, other.band(value)?)))
                .collect(),
            None => Vec::new(),
        },
        person,
        answered: tally.answered,
        items: u16::try_from(scale.items.len()).unwrap_or(u16::MAX),
        not_asked: tally.not_asked,
        declined: tally.declined,
        completed_by: value.map_or(Completion::Nothing, |_| {
            completion(scale.missing, tally.missing)
        }),
    }
}

/// The scale whose missing items the limit is for.
fn limited<'a>(instrument: &'a Instrument, scale: &'a Scale) -> &'a Scale {
    let over = scale.missing_over.and_then(|at| instrument.scales.get(at));
    over.unwrap_or(scale)
}

fn tally(instrument: &Instrument, scale: &Scale, answers: &Answers) -> Tally {
    let mut tally = Tally::default();
    for item in &scale.items {
        // An answer to a question that was ruled out does not count; scoring::problems reports it.
        if !instrument.is_asked(answers, item.position) {
            tally.not_asked += 1;
            tally.counted += u16::from(scale.not_asked == NotAsked::Zero);
            continue;
        }
        tally.counted += 1;
        match answers.at(item.position) {
            Answer::Blank | Answer::Declined | Answer::Words => {
                tally.missing += u16::from(item.blank == Blank::Missing);
                let declined = answers.at(item.position) == Answer::Declined;
                tally.declined += u16::from(declined);
            }
            answer => {
                let worth = worth(&scale.method, *item, answer);
                tally.sum = match scale.method {
                    Method::Highest if tally.answered > 0 => tally.sum.max(worth),
                    Method::Highest => worth,
                    _ => tally.sum + worth,
                };
                tally.answered += 1;
            }
        }
    }
    match &scale.method {
        Method::Rules(rules) => by_rules(instrument, rules, answers, tally),
        Method::Highest => with_zeros(scale, tally),
        _ => tally,
    }
}

/// Among what is not asked or need not be answered there is a 0, which may be the highest.
fn with_zeros(scale: &Scale, tally: Tally) -> Tally {
    let zeros = tally.counted > tally.answered + tally.missing
        || matches!(scale.missing, MissingRule::BlankIsZero { .. }) && tally.missing > 0;
    Tally {
        sum: if zeros { tally.sum.max(0) } else { tally.sum },
        ..tally
    }
}

/// How many rules hold; an open one is missing.
fn by_rules(
    instrument: &Instrument,
    rules: &[crate::domain::instrument::Condition],
    answers: &Answers,
    tally: Tally,
) -> Tally {
    let form = Form::new(instrument, answers, &[]);
    let (mut sum, mut missing) = (0, 0);
    for rule in rules {
        match form.decide(rule) {
            Verdict::Met => sum += 1,
            Verdict::NotMet => {}
            Verdict::Unknown => missing += 1,
        }
    }
    Tally {
        sum,
        missing,
        counted: u16::try_from(rules.len()).unwrap_or(u16::MAX),
        ..tally
    }
}

fn worth(method: &Method, item: ScaleItem, answer: Answer) -> i32 {
    let counts = |takes: &dyn Fn(i16) -> bool| match answer {
        Answer::Value(value) => i32::from(takes(item.counted(value))),
        // Of several ticks one is enough.
        Answer::Several(ticks) => i32::from(ticks.values().any(takes)),
        Answer::Blank | Answer::Declined | Answer::Words => 0,
    };
    match method {
        Method::CountFrom(from) => counts(&|value| value >= *from),
        Method::CountAny(values) => counts(&|value| values.contains(&value)),
        Method::Sum | Method::Mean | Method::Highest | Method::Rules(_) => match answer {
            Answer::Value(value) => i32::from(item.counted(value)),
            Answer::Several(ticks) => ticks.values().next_back().map_or(0, i32::from),
            Answer::Blank | Answer::Declined | Answer::Words => 0,
        },
    }
}

/// The result, or `None` when more is missing than the scale's rule allows. A sum of what happens to be there is never
/// a result.
fn result(scale: &Scale, tally: Tally) -> Option<f64> {
    if tally.missing > scale.missing.tolerates() || tally.counted == 0 {
        return None;
    }
    let sum = f64::from(tally.sum);
    match (scale.missing, &scale.method) {
        (MissingRule::Prorate { rounding, .. }, Method::Highest) if tally.missing > 0 => {
            (tally.answered > 0).then(|| rounded(rounding, finished(scale, sum, tally)))
        }
        (MissingRule::Prorate { rounding, .. }, method) if tally.missing > 0 => {
            let there = match method {
                Method::Rules(_) => tally.counted - tally.missing,
                _ => tally.answered,
            };
            let filled = sum * f64::from(there + tally.missing) / f64::from(there);
            (there > 0).then(|| rounded(rounding, finished(scale, filled, tally)))
        }
        _ => Some(finished(scale, sum, tally)),
    }
}

fn finished(scale: &Scale, sum: f64, tally: Tally) -> f64 {
    match scale.method {
        Method::Mean => sum / f64::from(tally.counted) * scale.times,
        _ => sum * scale.times,
    }
}

fn rounded(rounding: Rounding, value: f64) -> f64 {
    match rounding {
        Rounding::None => value,
        Rounding::Nearest => (value + 0.5).floor(),
        Rounding::Up => value.ceil(),
        Rounding::Down => value.floor(),
    }
}

/// Whether an earlier answer can take items out of the scale, so that the highest score there could be is lower.
#[must_use]
pub fn can_be_out_of_less(instrument: &Instrument, scale: &Scale) -> bool {
    let may_go = |item: &ScaleItem| {
        let known = instrument.items.get(item.position);
        known.is_some_and(|known| known.asked_when.is_some())
    };
    scale.not_asked == NotAsked::LeftOut
        && scale.method == Method::Sum
        && scale.items.iter().any(may_go)
}

/// The highest result the asked items can give, where others left the scale.
fn out_of(instrument: &Instrument, scale: &Scale, answers: &Answers, tally: Tally) -> Option<f64> {
    if tally.not_asked == 0 || !can_be_out_of_less(instrument, scale) {
        return None;
    }
    let asked = scale
        .items
        .iter()
        .filter(|item| instrument.is_asked(answers, item.position));
    let most = |item: &ScaleItem| -> i32 {
        let ends = instrument
            .items
            .get(item.position)
            .map(|known: &Item| [known.lowest(), known.highest()]);
        let counted = ends.map(|ends| ends.map(|end| item.counted(end)));
        counted.map_or(0, |[a, b]| i32::from(a.max(b)))
    };
    let sum: i32 = asked.map(most).sum();
    Some(f64::from(sum) * scale.times)
}

fn completion(rule: MissingRule, missing: u16) -> Completion {
    match rule {
        _ if missing == 0 => Completion::Nothing,
        MissingRule::Prorate { .. } => Completion::Prorated { missing },
        MissingRule::BlankIsZero { .. } => Completion::Zeros { missing },
        MissingRule::Refuse => Completion::Nothing,
    }
}

fn reason<'a>(
    instrument: &'a Instrument,
    scale: &Scale,
    allowed: u16,
    answers: &Answers,
    tally: Tally,
) -> Reason<'a> {
    if tally.counted == 0 {
        return Reason::NotAsked;
    }
    let missing = || {
        scale
            .items
            .iter()
            .filter(|item| item.blank == Blank::Missing && !answers.is_answered(item.position))
            .filter(|item| instrument.is_asked(answers, item.position))
    };
    let id = |item: &ScaleItem| Some(instrument.items.get(item.position)?.id.as_str());
    let declined = missing().filter(|item| answers.at(item.position) == Answer::Declined);
    Reason::NotAnswered {
        items: missing().filter_map(id).collect(),
        declined: declined.filter_map(id).collect(),
        allowed,
    }
}
