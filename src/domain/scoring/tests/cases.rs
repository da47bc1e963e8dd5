//! Runs the worked cases beside every definition. `coverage` checks that there are enough of them.

use super::answers;
use crate::domain::instrument::{Instrument, Library, shipped_files};
use crate::domain::risk::rules;
use crate::domain::scoring::{Reason, Score, Verdict, score};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain) struct CasesFile {
    pub cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain) struct Case {
    pub name: String,
    pub answers: String,
    pub scores: BTreeMap<String, Expected>,
    #[serde(default)]
    pub met: Vec<String>,
    #[serde(default)]
    pub open: Vec<String>,
    #[serde(default)]
    pub flags: Vec<String>,
    #[serde(default)]
    pub problems: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain) struct Expected {
    pub value: Option<f64>,
    pub band: Option<String>,
    #[serde(default)]
    pub reached: Vec<String>,
    /// The printed numbers of the missing items, when there is no score.
    #[serde(default)]
    pub missing: Vec<String>,
}

/// The cases beside a definition.
pub(super) fn cases_of(instrument: &Instrument) -> Option<CasesFile> {
    let wanted = format!("{}/{}.cases.toml", instrument.id, instrument.version);
    let (_, text) = shipped_files().find(|(path, _)| *path == wanted)?;
    Some(toml::from_str(&text).unwrap_or_else(|error| panic!("{wanted}: {error}")))
}

#[test]
fn every_definition_has_cases_and_every_case_comes_out_as_written() {
    let mut run = 0;
    for instrument in Library::embedded().iter() {
        let (id, version) = (&instrument.id, &instrument.version);
        let file = cases_of(instrument)
            .unwrap_or_else(|| panic!("survey-defs/{id}/{version}.cases.toml is missing"));
        for case in &file.cases {
            check(instrument, case);
            run += 1;
        }
    }
    assert!(run >= 60, "only {run} cases were run");
}

pub(in crate::domain) fn check(instrument: &Instrument, case: &Case) {
    let place = format!(
        "{} {}, case {:?}",
        instrument.id, instrument.version, case.name
    );
    let answers = answers(instrument, &case.answers);
    let scored = score(instrument, &answers);
    let ids: Vec<_> = case.scores.keys().collect();
    assert_eq!(
        ids.len(),
        instrument.scales.len(),
        "{place}: says {ids:?}, but every scale needs an expectation"
    );
    for found in &scored.scores {
        check_score(&place, found, &case.scores[&found.scale.id]);
    }
    let with = |wanted: Verdict| -> Vec<_> {
        let judged = scored
            .criteria
            .iter()
            .filter(|judged| judged.verdict == wanted);
        judged.map(|judged| judged.criterion.id.clone()).collect()
    };
    assert_eq!(
        (with(Verdict::Met), with(Verdict::Unknown)),
        (case.met.clone(), case.open.clone()),
        "{place}: (met, open)"
    );
    let flags: Vec<_> = rules::evaluate(instrument, &answers)
        .iter()
        .map(|hit| hit.rule.id.clone())
        .collect();
    assert_eq!(flags, case.flags, "{place}: flags");
    let problems: Vec<_> = scored.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, case.problems, "{place}: problems");
}

fn check_score(place: &str, found: &Score<'_>, expected: &Expected) {
    let place = format!("{place}, scale {:?}", found.scale.id);
    assert_eq!(found.value, expected.value, "{place}: value");
    assert_eq!(
        found.band.map(|band| &band.id),
        expected.band.as_ref(),
        "{place}: band"
    );
    let cut_offs = found.scale.cut_offs.iter();
    let reached: Vec<_> = cut_offs
        .filter(|cut_off| found.value.is_some_and(|value| cut_off.is_reached(value)))
        .collect();
    assert_eq!(
        reached
            .iter()
            .map(|cut_off| &cut_off.id)
            .collect::<Vec<_>>(),
        expected.reached.iter().collect::<Vec<_>>(),
        "{place}: reached"
    );
    match &found.reason {
        Some(Reason::NotAnswered { items, .. }) => {
            assert_eq!(*items, expected.missing, "{place}: missing")
        }
        None => assert!(expected.missing.is_empty(), "{place}: expected no score"),
    }
}
