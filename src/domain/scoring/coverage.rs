//! Which worked cases a definition still lacks: every edge has one, so that a slip in the definition cannot hide.

use super::{Completion, Reason, Scored, Verdict};
use crate::domain::instrument::{
    Answer, Answers, Band, Criterion, CutOff, Instrument, Limit, Person, ROUNDING, RiskRule, Scale,
    Wanted, reachable,
};

/// A case that was run.
pub(super) struct Run<'a> {
    pub answers: Answers,
    pub scored: Scored<'a>,
}

pub(super) fn lacks(instrument: &Instrument, runs: &[Run<'_>]) -> Vec<String> {
    let scales = instrument
        .scales
        .iter()
        .enumerate()
        .flat_map(|(at, scale)| lacks_of_scale(instrument, (at, scale), runs));
    let criteria = instrument
        .criteria
        .iter()
        .enumerate()
        .flat_map(|(at, criterion)| lacks_of_criterion((at, criterion), runs));
    let rules = instrument
        .risk_rules
        .iter()
        .flat_map(|rule| lacks_of_rule(instrument, rule, runs));
    scales.chain(criteria).chain(rules).collect()
}

/// What the cases say about one scale.
struct Seen<'r> {
    scale: &'r Scale,
    values: Vec<(f64, Person)>,
}

impl Seen<'_> {
    fn has(&self, wanted: f64, fits: impl Fn(Person) -> bool) -> bool {
        self.values
            .iter()
            .any(|(value, person)| (value - wanted).abs() < ROUNDING && fits(*person))
    }
}

fn lacks_of_scale(
    instrument: &Instrument,
    (at, scale): (usize, &Scale),
    runs: &[Run<'_>],
) -> Vec<String> {
    let reachable = reachable::scores(&instrument.items, scale);
    let scores = || runs.iter().filter_map(|run| run.scored.scores.get(at));
    let seen = Seen {
        scale,
        values: scores()
            .filter_map(|score| Some((score.value?, score.person)))
            .collect(),
    };
    let mut lacks = Vec::new();
    for end in [scale.lowest, scale.highest] {
        if !seen.has(end, |_| true) {
            lacks.push(format!("a score of {end} on {:?}", scale.id));
        }
    }
    lacks.extend(lacks_of_bands(&seen, &reachable));
    for cut_off in &scale.cut_offs {
        lacks.extend(lacks_of_cut_off(&seen, cut_off, &reachable));
    }
    lacks.extend(lacks_of_gaps(at, scale, runs));
    lacks
}

fn lacks_of_bands(seen: &Seen<'_>, reachable: &[f64]) -> Vec<String> {
    let mut lacks = Vec::new();
    for banding in &seen.scale.bandings {
        let in_use = |person: Person| {
            let used = seen.scale.banding_for(person);
            used.is_some_and(|used| used.id == banding.id)
        };
        // Bands that are never the first to fit are shown beside those in use; nothing is decided by them.
        if banding.whom.is_everybody() && !in_use(Person::default()) {
            continue;
        }
        for band in &banding.bands {
            let inside = |value: &&f64| {
                banding
                    .band(**value)
                    .is_some_and(|found| is_same(found, band))
            };
            let edges = [
                reachable.iter().find(inside),
                reachable.iter().rfind(inside),
            ];
            for edge in edges.into_iter().flatten() {
                let what = format!(
                    "a score of {edge} on {:?}, an edge of band {:?} ({}, {})",
                    seen.scale.id, band.id, banding.id, banding.whom
                );
                if !seen.has(*edge, in_use) && !lacks.contains(&what) {
                    lacks.push(what);
                }
            }
        }
    }
    lacks
}

fn is_same(a: &Band, b: &Band) -> bool {
    std::ptr::eq(a, b)
}

/// A case at the cut-off and one just beyond it.
fn lacks_of_cut_off(seen: &Seen<'_>, cut_off: &CutOff, reachable: &[f64]) -> Vec<String> {
    let fits = |person: Person| cut_off.whom.includes(person);
    let reached = |value: &&f64| cut_off.is_reached(**value);
    let (at, beyond) = match cut_off.limit {
        Limit::AtLeast(_) => (
            reachable.iter().find(reached),
            reachable.iter().rfind(|value| !reached(value)),
        ),
        Limit::AtMost(_) => (
            reachable.iter().rfind(reached),
            reachable.iter().find(|value| !reached(value)),
        ),
    };
    [("at", at), ("just beyond", beyond)]
        .into_iter()
        .filter_map(|(place, value)| Some((place, value?)))
        .filter(|(_, value)| !seen.has(**value, fits))
        .map(|(place, value)| {
            format!(
                "a score of {value} on {:?}, {place} the cut-off {:?} ({})",
                seen.scale.id, cut_off.id, cut_off.whom
            )
        })
        .collect()
}

/// One missing more than the rule allows, and exactly as many as it allows.
fn lacks_of_gaps(at: usize, scale: &Scale, runs: &[Run<'_>]) -> Vec<String> {
    let allowed = scale.missing.tolerates();
    let by_rules = matches!(scale.method, crate::domain::instrument::Method::Rules(_));
    let scores = || runs.iter().filter_map(|run| run.scored.scores.get(at));
    let no_score = usize::from(allowed) + 1;
    let refused = scores().any(|score| match &score.reason {
        Some(Reason::NotAnswered { items, .. }) => by_rules || items.len() == no_score,
        Some(Reason::NotAsked) | None => false,
    });
    let most = scores().any(|score| match score.completed_by {
        Completion::Prorated { missing } | Completion::Zeros { missing } => missing == allowed,
        Completion::Nothing => false,
    });
    let mut lacks = Vec::new();
    if !refused {
        lacks.push(format!(
            "no score on {:?} because of {no_score} missing",
            scale.id
        ));
    }
    if allowed > 0 && !most {
        lacks.push(format!("a score on {:?} with {allowed} missing", scale.id));
    }
    lacks
}

fn lacks_of_criterion((at, criterion): (usize, &Criterion), runs: &[Run<'_>]) -> Vec<String> {
    let states = [
        ("met", Verdict::Met),
        ("open", Verdict::Unknown),
        ("not met", Verdict::NotMet),
    ];
    let there = |wanted: Verdict| {
        runs.iter()
            .filter_map(|run| run.scored.criteria.get(at))
            .any(|judged| judged.verdict == wanted)
    };
    states
        .into_iter()
        .filter(|(_, verdict)| !there(*verdict))
        .map(|(state, _)| format!("criterion {:?} {state}", criterion.id))
        .collect()
}

/// A case at the lowest answer that fires, one that does not fire, and one on an incomplete form.
fn lacks_of_rule(instrument: &Instrument, rule: &RiskRule, runs: &[Run<'_>]) -> Vec<String> {
    let fires = |answer: Answer| rule.wanted.is_met_by(answer);
    let answers = || runs.iter().map(|run| run.answers.at(rule.item));
    let at = answers().any(|answer| match (&rule.wanted, answer) {
        (Wanted::From(from), Answer::Value(value)) => value == *from,
        _ => fires(answer) == Some(true),
    });
    let below = answers().any(|answer| fires(answer) == Some(false));
    let incomplete = runs.iter().any(|run| {
        fires(run.answers.at(rule.item)) == Some(true)
            && run.answers.answered() < instrument.items.len()
    });
    let states = [
        ("at its threshold", at),
        ("below it", below),
        ("on an incomplete form", incomplete),
    ];
    states
        .into_iter()
        .filter(|(_, there)| !there)
        .map(|(state, _)| format!("risk rule {:?} {state}", rule.id))
        .collect()
}
