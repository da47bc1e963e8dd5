//! One scale: adding up, and what happens when an answer is missing. Not here: criteria.

use super::{Completion, Reason, Score};
use crate::domain::instrument::{
    Answers, Instrument, Method, MissingRule, Rounding, Scale, ScaleItem,
};

/// What is there of a scale.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    /// The counted values added up.
    sum: i32,
    answered: u16,
    missing: u16,
    not_asked: u16,
}

pub(super) fn score<'a>(
    instrument: &'a Instrument,
    scale: &'a Scale,
    answers: &Answers,
) -> Score<'a> {
    let tally = tally(instrument, scale, answers);
    let value = value(scale, tally);
    Score {
        scale,
        value,
        reason: value
            .is_none()
            .then(|| not_answered(instrument, scale, answers)),
        band: value.and_then(|value| scale.band(value)),
        answered: tally.answered,
        items: tally.answered + tally.missing + tally.not_asked,
        not_asked: tally.not_asked,
        completed_by: value.map_or(Completion::Nothing, |_| {
            completion(scale.missing, tally.missing)
        }),
    }
}

fn tally(instrument: &Instrument, scale: &Scale, answers: &Answers) -> Tally {
    let mut tally = Tally::default();
    for item in &scale.items {
        // An answer to a question that was ruled out does not count; scoring::problems reports it.
        if !instrument.is_asked(answers, item.position) {
            tally.not_asked += 1;
        } else if let Some(value) = answers.get(item.position) {
            tally.answered += 1;
            tally.sum += worth(scale.method, *item, value);
        } else {
            tally.missing += 1;
        }
    }
    tally
}

fn worth(method: Method, item: ScaleItem, value: i16) -> i32 {
    let counted = item.counted(value);
    match method {
        Method::Sum | Method::Mean => i32::from(counted),
        Method::Count { at_least } => i32::from(counted >= at_least),
    }
}

/// The score, or `None` when more is missing than the scale's rule allows. A sum of what happens to be there is
/// never a score.
fn value(scale: &Scale, tally: Tally) -> Option<f64> {
    if tally.missing > scale.missing.tolerates() {
        return None;
    }
    let sum = f64::from(tally.sum);
    match scale.missing {
        MissingRule::Prorate { rounding, .. } if tally.missing > 0 => {
            let filled =
                sum * f64::from(tally.answered + tally.missing) / f64::from(tally.answered);
            (tally.answered > 0).then(|| rounded(rounding, finished(scale, filled)))
        }
        _ => Some(finished(scale, sum)),
    }
}

fn finished(scale: &Scale, sum: f64) -> f64 {
    let items = u32::try_from(scale.items.len()).unwrap_or(u32::MAX);
    match scale.method {
        Method::Sum | Method::Count { .. } => sum * scale.times,
        Method::Mean => sum / f64::from(items) * scale.times,
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

fn completion(rule: MissingRule, missing: u16) -> Completion {
    match rule {
        _ if missing == 0 => Completion::Nothing,
        MissingRule::Prorate { .. } => Completion::Prorated { missing },
        MissingRule::BlankIsZero { .. } => Completion::Zeros { missing },
        MissingRule::Refuse => Completion::Nothing,
    }
}

fn not_answered<'a>(instrument: &'a Instrument, scale: &Scale, answers: &Answers) -> Reason<'a> {
    let positions = scale.items.iter().map(|item| item.position);
    let missing = positions
        .filter(|&position| {
            answers.get(position).is_none() && instrument.is_asked(answers, position)
        })
        .filter_map(|position| instrument.items.get(position));
    Reason::NotAnswered {
        items: missing.map(|item| item.id.as_str()).collect(),
        allowed: scale.missing.tolerates(),
    }
}
