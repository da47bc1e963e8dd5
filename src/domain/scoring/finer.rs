//! Finer edges than `coverage` asks for: a case for each would be good, and a definition without them is sound all the
//! same. `attune instrument check` names them.

use super::coverage::Run;
use super::criteria::Form;
use super::{Completion, Problem, Verdict, scale};
use crate::domain::instrument::{
    AskedWhen, Condition, Instrument, MissingRule, ROUNDING, Rounding, Scale,
};

pub(super) fn lacks(instrument: &Instrument, runs: &[Run<'_>]) -> Vec<String> {
    let roundings = instrument.scales.iter().enumerate();
    let roundings =
        roundings.flat_map(|(at, scale)| lacks_of_rounding(instrument, at, scale, runs));
    let arms = instrument.criteria.iter().flat_map(|criterion| {
        let mut lacks = Vec::new();
        lacks_of_arms(instrument, &criterion.condition, runs, &mut |arm, arms| {
            lacks.push(format!(
                "criterion {:?} by rule {arm} of the {arms} under `any` alone",
                criterion.id
            ));
        });
        lacks
    });
    let mut lacks: Vec<_> = roundings.chain(arms).collect();
    lacks.extend(lacks_of_gates(instrument, runs));
    lacks
}

/// Where a prorated result is rounded: fractions by which this way of rounding differs from the others.
fn lacks_of_rounding(
    instrument: &Instrument,
    at: usize,
    scale: &Scale,
    runs: &[Run<'_>],
) -> Vec<String> {
    let MissingRule::Prorate { at_most, rounding } = scale.missing else {
        return Vec::new();
    };
    let unrounded = Scale {
        missing: MissingRule::Prorate {
            at_most,
            rounding: Rounding::None,
        },
        lookup: None,
        ..scale.clone()
    };
    let prorated = runs.iter().filter(|run| {
        let score = run.scored.scores.get(at);
        score.is_some_and(|score| matches!(score.completed_by, Completion::Prorated { .. }))
    });
    let fractions: Vec<_> = prorated
        .filter_map(|run| {
            let score = scale::score(instrument, &unrounded, &run.answers, Default::default());
            let part = score.value?.rem_euclid(1.0);
            (ROUNDING..=1.0 - ROUNDING).contains(&part).then_some(part)
        })
        .collect();
    let small = fractions.iter().any(|part| *part < 0.5);
    let large = fractions.iter().any(|part| *part >= 0.5);
    let wanted: &[(bool, &str)] = match rounding {
        Rounding::None => &[],
        Rounding::Nearest => &[(small, "below a half"), (large, "of a half or more")],
        Rounding::Up => &[(small, "below a half")],
        Rounding::Down => &[(large, "of a half or more")],
    };
    let lacking = wanted.iter().filter(|(there, _)| !there);
    lacking
        .map(|(_, which)| {
            format!(
                "a prorated score on {:?} with a fraction {which} before it is rounded",
                scale.id
            )
        })
        .collect()
}

/// Of the rules under `any`, those that no form meets while it meets none of the others.
fn lacks_of_arms(
    instrument: &Instrument,
    condition: &Condition,
    runs: &[Run<'_>],
    say: &mut impl FnMut(usize, usize),
) {
    let (Condition::All(parts) | Condition::Any(parts)) = condition else {
        return;
    };
    if matches!(condition, Condition::Any(_)) {
        for arm in 0..parts.len() {
            let alone = |run: &Run<'_>| {
                let form = Form::new(instrument, &run.answers, &run.scored.scores);
                let mut verdicts = parts.iter().map(|part| form.decide(part)).enumerate();
                verdicts.all(|(at, verdict)| match (at == arm, verdict) {
                    (true, verdict) => verdict == Verdict::Met,
                    (false, verdict) => verdict == Verdict::NotMet,
                })
            };
            if !runs.iter().any(alone) {
                say(arm + 1, parts.len());
            }
        }
    }
    for part in parts {
        lacks_of_arms(instrument, part, runs, say);
    }
}

/// Gates that never ruled out an answer somebody gave all the same.
fn lacks_of_gates(instrument: &Instrument, runs: &[Run<'_>]) -> Vec<String> {
    let mut gates: Vec<&AskedWhen> = Vec::new();
    for gate in instrument
        .items
        .iter()
        .filter_map(|item| item.asked_when.as_ref())
    {
        if !gates.contains(&gate) {
            gates.push(gate);
        }
    }
    let items_of = |gate: &AskedWhen| -> Vec<&str> {
        let items = instrument.items.iter();
        items
            .filter(|item| item.asked_when.as_ref() == Some(gate))
            .map(|item| item.id.as_str())
            .collect()
    };
    let hidden = |id: &&str| {
        runs.iter().flat_map(|run| &run.scored.problems).any(
            |problem| matches!(problem, Problem::AnsweredThoughNotAsked { item, .. } if item == id),
        )
    };
    gates
        .into_iter()
        .map(items_of)
        .filter(|items| !items.iter().any(hidden))
        .map(|items| {
            format!(
                "answers to {} that an earlier answer rules out",
                items.join(", ")
            )
        })
        .collect()
}
