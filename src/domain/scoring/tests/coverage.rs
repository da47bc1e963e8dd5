//! Checks that the worked cases of every definition cover its edges, so that a slip in a definition cannot hide.

use super::answers;
use super::cases::{CasesFile, cases_of};
use crate::domain::instrument::{Instrument, Library, RiskRule, Scale};

#[test]
fn every_edge_of_every_definition_has_a_case() {
    let mut lacking = Vec::new();
    for instrument in Library::embedded().iter() {
        let file = cases_of(instrument).unwrap_or_else(|| panic!("{} has no cases", instrument.id));
        let lacks = lacks(instrument, &file);
        lacking.extend(lacks.into_iter().map(|what| {
            format!(
                "{} {}: no case for {what}",
                instrument.id, instrument.version
            )
        }));
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

fn lacks(instrument: &Instrument, file: &CasesFile) -> Vec<String> {
    let scales = instrument
        .scales
        .iter()
        .flat_map(|scale| lacks_of_scale(scale, file));
    let criteria = instrument
        .criteria
        .iter()
        .flat_map(|criterion| lacks_of_criterion(&criterion.id, file));
    let rules = instrument
        .risk_rules
        .iter()
        .flat_map(|rule| lacks_of_rule(instrument, rule, file));
    scales.chain(criteria).chain(rules).collect()
}

fn lacks_of_scale(scale: &Scale, file: &CasesFile) -> Vec<String> {
    let expected: Vec<_> = file
        .cases
        .iter()
        .filter_map(|case| case.scores.get(&scale.id))
        .collect();
    let has = |value: f64| {
        expected
            .iter()
            .any(|score| score.value.is_some_and(|seen| (seen - value).abs() < 1e-9))
    };
    let edges = scale
        .bands
        .iter()
        .flat_map(|band| [f64::from(band.from), f64::from(band.to)]);
    let cut_offs = scale.cut_offs.iter().map(|cut_off| cut_off.at_least);
    let wanted = [scale.lowest, scale.highest]
        .into_iter()
        .chain(edges)
        .chain(cut_offs);
    let mut lacks: Vec<_> = wanted
        .filter(|value| !has(*value))
        .map(|value| format!("a score of {value} on {:?}", scale.id))
        .collect();
    for cut_off in &scale.cut_offs {
        let just_below = |value: f64| value < cut_off.at_least && value >= cut_off.at_least - 1.0;
        if !expected
            .iter()
            .any(|score| score.value.is_some_and(just_below))
        {
            lacks.push(format!("a score just below {:?}", cut_off.id));
        }
    }
    let no_score = usize::from(scale.missing.tolerates()) + 1;
    if !expected.iter().any(|score| score.missing.len() == no_score) {
        lacks.push(format!(
            "no score on {:?} because of {no_score} missing",
            scale.id
        ));
    }
    lacks
}

fn lacks_of_criterion(id: &str, file: &CasesFile) -> Vec<String> {
    let named = |list: &Vec<String>| list.iter().any(|named| named == id);
    let met = file.cases.iter().any(|case| named(&case.met));
    let open = file.cases.iter().any(|case| named(&case.open));
    let not_met = file
        .cases
        .iter()
        .any(|case| !named(&case.met) && !named(&case.open));
    let states = [("met", met), ("open", open), ("not met", not_met)];
    states
        .into_iter()
        .filter(|(_, there)| !there)
        .map(|(state, _)| format!("criterion {id:?} {state}"))
        .collect()
}

/// A case at the lowest answer that fires, one just below, and one on an incomplete form.
fn lacks_of_rule(instrument: &Instrument, rule: &RiskRule, file: &CasesFile) -> Vec<String> {
    let all: Vec<_> = file
        .cases
        .iter()
        .map(|case| answers(instrument, &case.answers))
        .collect();
    let at = all
        .iter()
        .any(|answers| answers.get(rule.item) == Some(rule.at_least));
    let below = all.iter().any(|answers| {
        answers
            .get(rule.item)
            .is_some_and(|value| value < rule.at_least)
    });
    let incomplete = all.iter().any(|answers| {
        answers
            .get(rule.item)
            .is_some_and(|value| value >= rule.at_least)
            && answers.answered() < instrument.items.len()
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
